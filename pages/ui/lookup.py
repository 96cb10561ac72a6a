"""What a view needs of the run store, computed by a job where the store does not have it yet."""

from dataclasses import dataclass

import streamlit as st

from core import jobs, wording
from core.profile import Profile
from pages.ui import picker
from pages.ui.services import engine, store
from pages.ui.view import View
from pages.ui.watching import ensure


@dataclass(frozen=True)
class Stops:
    """The stops of a view. `own` is the visitor's sparsity (a fraction) where it lies between two of the usual ones."""

    profile: Profile
    row: int
    own: float | None = None


def stops(now: View) -> Stops | None:
    """The stops of the view, its own sparsity among them; None, with the job in its place, while they are computed.

    While only the view's own sparsity is computed, the nearest stop is shown.
    """
    usual = store().profile(now.run.id, now.pruning)
    if usual is None:
        st.markdown(
            f"**{picker.CRITERIA[now.pruning.criterion]}**, {now.pruning.scope}, has not been evaluated for this run "
            f"yet. That takes a pass over {wording.count(now.run.images)} test images for each stop, once for everyone."
        )
        ensure(jobs.profile_id(now.run.id, now.pruning), lambda: engine().profile(now.run.id, now.pruning))
        return None
    nearest = Stops(usual, usual.stop_index(100 * now.sparsity))
    if usual.is_stop(100 * now.sparsity):
        return nearest
    point = store().point(now.run.id, now.pruning, now.sparsity)
    if point is None:
        st.markdown(
            f"{wording.sparsity(now.sparsity)} lies between two stops. It is being evaluated; the nearest is shown."
        )
        job_id = jobs.point_id(now.run.id, now.pruning, now.sparsity)
        ensure(job_id, lambda: engine().point(now.run.id, now.pruning, now.sparsity))
        return nearest
    whole = usual.merged(point)
    return Stops(whole, whole.stop_index(100 * now.sparsity), now.sparsity)
