"""What a view needs of the run store, computed by a job where the store does not have it yet."""

import streamlit as st

from core import jobs, wording
from core.profile import Profile
from pages.ui import picker
from pages.ui.services import engine, store
from pages.ui.view import View
from pages.ui.watching import ensure


def profile(now: View) -> Profile | None:
    """The stops of the view, its own sparsity among them; None, with the job in its place, while they are computed.

    While only the view's own sparsity is computed, the stops are shown without it.
    """
    stops = store().profile(now.run.id, now.pruning)
    if stops is None:
        st.markdown(
            f"**{picker.CRITERIA[now.pruning.criterion]}**, {now.pruning.scope}, has not been evaluated for this run yet. "
            f"That takes a pass over {wording.count(now.run.images)} test images for each stop, once for all visitors."
        )
        ensure(jobs.profile_id(now.run.id, now.pruning), lambda: engine().profile(now.run.id, now.pruning))
        return None
    if stops.is_stop(100 * now.sparsity):
        return stops
    point = store().point(now.run.id, now.pruning, now.sparsity)
    if point is None:
        st.markdown(f"{wording.sparsity(now.sparsity)} lies between two stops; it is being evaluated, and the nearest is shown.")
        job_id = jobs.point_id(now.run.id, now.pruning, now.sparsity)
        ensure(job_id, lambda: engine().point(now.run.id, now.pruning, now.sparsity))
        return stops
    return stops.merged(point)
