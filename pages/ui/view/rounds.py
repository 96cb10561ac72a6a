"""The evaluation of a run over the stops: one job, or images part by part, which are shown as they arrive."""

import time
from collections.abc import Sequence

import streamlit as st

from core.evaluation.profile import Profiling
from core.evaluation.rounds import Measuring, measurings
from core.jobs import JobState
from core.pruning import PruningConfig
from core.run import Run
from core.words import repair, wording
from pages.ui.server.services import engine, results
from pages.ui.view.watching import ask_all, in_words, say_failures, share
from pages.ui.view.watching import ensure as ensure_one


def ensure(run: Run, pruning: PruningConfig) -> None:
    """Have a run evaluated over the stops, and follow that.

    What has been stopped or has failed goes on when a visitor asks for it.
    """
    parts = measurings(run.id, pruning, run.parts) if run.parts > 1 else ()
    missing = results().missing(parts)
    if not missing:
        ensure_one(Profiling(run_id=run.id, pruning=pruning))  # of parts, it only joins them
        return
    states, key = _states(missing), f"began {parts[0].key}"
    if not any(state.active for state in states):
        say_failures(states)
        st.session_state.pop(key, None)
        if states and not _goes_on(run, pruning, len(parts) - len(missing)):
            return
        if not ask_all(missing):
            return
    began: tuple[float, int] = st.session_state.setdefault(key, (time.monotonic(), len(missing)))
    _follow(run, missing, began)


def _goes_on(run: Run, pruning: PruningConfig, done: int) -> bool:
    """Say how far the evaluation came; return whether the visitor wants the rest."""
    n = wording.count(run.images)
    st.markdown(f"{wording.count(_images(run, done))} of {n} test images are evaluated{repair.after(pruning.repair)}.")
    return st.button("Evaluate the others", icon=":material/play_arrow:", key=f"go on {run.id} {pruning.key}")


def _states(parts: Sequence[Measuring]) -> list[JobState]:
    return [state for part in parts if (state := engine().state(part.id)) is not None]


def _images(run: Run, parts: int) -> int:
    return min(parts * run.chunk, run.images)


@st.fragment(run_every=1)
def _follow(run: Run, missing: Sequence[Measuring], began: tuple[float, int]) -> None:
    """How many images are done, the time left, and a button to stop; the page runs again as soon as a part is done."""
    left = results().missing(missing)
    states = _states(left)
    waited = time.monotonic() - began[0]
    if len(left) < len(missing) or (not any(state.active for state in states) and waited > 5):
        st.rerun()
    begun = [state.progress for state in states if state.status == "running" and state.progress]
    done = began[1] - len(left) + sum(share(progress) for progress in begun)
    time_left = f", about {wording.duration(waited / done * (began[1] - done))} left" if done > 0.05 else ""
    known, n = _images(run, run.parts - len(left)), wording.count(run.images)
    now = f" {in_words(begun[0])} for the next {wording.count(run.chunk)}." if begun else ""
    with st.container(border=True):
        st.progress(known / run.images, f"{wording.count(known)} of {n} test images are evaluated{time_left}.{now}")
        st.button(
            "Stop", icon=":material/stop:", on_click=engine().withdraw, args=(left,), key=f"stop {left[0].key}",
            help="Stops it for everyone. What is evaluated stays, and you can have the rest evaluated later.",
        )  # fmt: skip
