"""The evaluation of a run over the stops: one job, or images part by part, which are shown as they arrive."""

import time
from collections.abc import Sequence

import streamlit as st

from core.evaluation.profile import Profiling
from core.evaluation.rounds import Measuring, measurings
from core.jobs import JobState
from core.progress import Progress
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
    now = time.monotonic(), to_do(len(missing), _states(missing))
    began: tuple[float, float] = st.session_state.setdefault(key, now)
    _follow(run, missing, began)


def _goes_on(run: Run, pruning: PruningConfig, done: int) -> bool:
    """Say how far the evaluation came; return whether the visitor wants the rest."""
    n = wording.count(run.images)
    st.markdown(f"{wording.count(_images(run, done))} of {n} test images are evaluated{repair.after(pruning.repair)}.")
    return st.button("Evaluate the others", icon=":material/play_arrow:", key=f"go on {run.id} {pruning.key}")


def to_do(missing: int, states: Sequence[JobState]) -> float:
    """How many of the missing parts are to do, less what is done of those that run."""
    return missing - sum(share(progress) for progress in _running(states))


def time_left(waited: float, before: float, rest: float) -> str:
    """How long the rest takes, if what was to do `before` became that in the seconds waited; empty if too few did."""
    done = before - rest
    return wording.time_left(waited, done, rest) if done > 0.05 else ""


def _running(states: Sequence[JobState]) -> list[Progress]:
    return [state.progress for state in states if state.status == "running" and state.progress]


def _states(parts: Sequence[Measuring]) -> list[JobState]:
    return [state for part in parts if (state := engine().state(part.id)) is not None]


def _images(run: Run, parts: int) -> int:
    return min(parts * run.at_once, run.images)


@st.fragment(run_every=1)
def _follow(run: Run, missing: Sequence[Measuring], began: tuple[float, float]) -> None:
    """How many images are done, the time left, and a button to stop; the page runs again as soon as a part is done.

    `began` is when this visitor began to watch, and how many parts were to do then.
    """
    left = results().missing(missing)
    states = _states(left)
    waited = time.monotonic() - began[0]
    if len(left) < len(missing) or (not any(state.active for state in states) and waited > 5):
        st.rerun()
    running, rest = _running(states), to_do(len(left), states)
    left_in_words = time_left(waited, began[1], rest)
    known, n = _images(run, run.parts - len(left)), wording.count(run.images)
    now = f" {in_words(running[0])} for the next {wording.count(run.at_once)}." if running else ""
    with st.container(border=True):
        st.progress(known / run.images, f"{wording.count(known)} of {n} test images are evaluated{left_in_words}.{now}")
        st.button(
            "Stop", icon=":material/stop:", on_click=engine().withdraw, args=(left,), key=f"stop {left[0].key}",
            help="Stops it for everyone. What is evaluated stays, and you can have the rest evaluated later.",
        )  # fmt: skip
