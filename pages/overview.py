"""What did pruning cost? The answer for the current run, in one screen."""

import streamlit as st

from core import figures, jobs, wording
from core.figures import BeforeAfter
from core.profile import Profile
from pages.ui import picker, view
from pages.ui.services import engine, store
from pages.ui.view import View
from pages.ui.watching import ensure

REPORT = BeforeAfter("The student report: smallest 0.01 % of weights set to zero", 0.7286, 0.7131)
"""Accuracy before and after, as the report that started this gives them; it gives neither k nor an interval."""


def row_of(now: View) -> tuple[Profile, int] | None:
    """The profile that holds the view's sparsity and its row there, computed if need be."""
    profile = store().profile(now.run.id, now.pruning)
    if profile is None:
        ensure(jobs.profile_id(now.run.id, now.pruning), lambda: engine().profile(now.run.id, now.pruning))
        return None
    if not profile.is_stop(100 * now.sparsity):
        point = store().point(now.run.id, now.pruning, now.sparsity)
        if point is None:
            job_id = jobs.point_id(now.run.id, now.pruning, now.sparsity)
            ensure(job_id, lambda: engine().point(now.run.id, now.pruning, now.sparsity))
            return None
        profile = profile.merged(point)
    return profile, profile.stop_index(100 * now.sparsity)


def show(now: View) -> None:
    """Words, then numbers, then the figure beside the report's."""
    for note in now.notes:
        st.warning(note, icon=":material/info:")
    picker.choose_run(now, store())
    found = row_of(now)
    if found is None:
        return
    profile, row = found
    k = int(profile.k[row])
    comparison = profile.comparison(store().labels(now.run.id), row)
    st.subheader(wording.answer(k, profile.total, comparison))
    dense, pruned, difference = st.columns(3)
    dense.metric("Accuracy, dense", wording.percent(comparison.dense.value), border=True)
    pruned.metric("Accuracy, pruned", wording.percent(comparison.pruned.value), border=True)
    difference.metric("Difference", wording.points(comparison.difference), border=True)


st.title("What did pruning cost?")
