"""A job as a visitor sees it: its progress, the time left, and a button to stop it."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import streamlit as st

from core import figures
from core.errors import PruneLabError
from core.job import Job
from core.jobs import JobState
from core.progress import Progress
from core.run import Training
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.server.services import engine, owner, results
from pages.ui.view import say
from pages.ui.view.say import as_written

T = TypeVar("T")

_PHASES = {"loading": "Loading the data", "training": "Training", "evaluating": "Evaluating"}


def ensure(job: Job[Any]) -> None:
    """Submit a job whose result this page needs, and follow it; a failed job waits for "Try again"."""
    state = engine().state(job.id)
    if state is not None and state.status in ("failed", "cancelled"):
        say.error(state.message)
        if not st.button("Try again", icon=":material/replay:", key=f"again {job.id}"):
            return
    try:
        watch(engine().submit(job, owner()))
    except PruneLabError as error:
        say.error(error)


def result_or_offer(job: Job[T], button: str, why: str = "", icon: str = ":material/science:") -> T | None:
    """The stored result of a job that runs only on request; without one, None and a button that asks for it."""
    known = results().get(job)
    if known is None:
        offer(job, button, why, icon)
    return known


def offer(job: Job[Any], button: str, why: str = "", icon: str = ":material/science:") -> None:
    """Show a button for a job that runs only on request; follow it while it runs, and say why it failed."""
    state = engine().state(job.id)
    if state is not None and state.active:
        watch(job.id)
        return
    if state is not None and state.message:
        say.error(state.message)
    if why:
        st.markdown(why)
    if st.button(button, icon=icon, key=f"ask {job.id}"):
        ensure(job)


def ask_all(jobs: Sequence[Job[Any]]) -> bool:
    """Submit background jobs. Return whether they were accepted; if not, show why."""
    try:
        engine().submit_all(jobs, owner())
    except PruneLabError as error:
        say.error(error)
        return False
    return True


def say_failures(states: Iterable[JobState]) -> None:
    """Show why jobs failed, each reason once."""
    for message in sorted({state.message for state in states if state.status == "failed" and state.message}):
        say.error(message)


def watch(job_id: str) -> None:
    """Show a job until it ends, then run the page again. The job runs on when nobody watches."""
    state = engine().state(job_id)
    if state is not None and state.active:
        _follow(job_id)


@st.fragment(run_every=0.5)
def _follow(job_id: str) -> None:
    state = engine().state(job_id)
    if state is None or not state.active:
        st.rerun()
    with st.container(border=True):
        _show(state)
        if not isinstance(state.job, Training) or state.job.owner in (None, owner()):
            st.button(
                "Stop",
                icon=":material/stop:",
                key=f"stop {job_id}",
                on_click=lambda: engine().cancel(job_id),
                help="Stops the job within two seconds, for everyone who follows it. An unfinished job keeps nothing.",
            )


def _show(state: JobState) -> None:
    if state.status == "queued":
        waits = f"{queued(state.ahead)}. You can leave this page; the job stays queued."
        st.progress(0.0, as_written(state.message or waits))
    if state.retried:
        st.info("A worker was lost; the job has been started again.", icon=":material/replay:")
    progress = state.progress
    if state.status == "running" and progress is None:
        st.progress(0.0, "Starting a worker")
    if progress is not None:
        st.progress(share(progress), in_words(progress))
        if isinstance(state.job, Training):
            epochs = state.job.config.training.epochs
            curves = partial(figures.learning_curves, progress.epochs, epochs)
            chart(curves, f"curves {state.id}", "Loss and accuracy after each epoch.", buttons=False)


def queued(ahead: int) -> str:
    """`Queued, next in line`, `Queued, 3 ahead of it`."""
    return f"Queued, {f'{wording.count(ahead)} ahead of it' if ahead else 'next in line'}"


def share(progress: Progress) -> float:
    """How much of the job is done, from 0 to 1."""
    layer, of = progress.layers or (0, 1)
    return min((progress.done + layer / of) / max(progress.of, 1), 1.0)


def in_words(progress: Progress) -> str:
    """One line: the phase and what is counted; for a training its speed, loss, validation accuracy and time left."""
    parts = [_PHASES[progress.phase]]
    if progress.phase == "evaluating" and not progress.images_per_second:
        most = "at most " if progress.at_most else ""
        if progress.layers:
            layer, of = progress.layers
            unit = f"{progress.unit} {min(progress.done + 1, progress.of)} of {most}{wording.count(progress.of)}"
            return f"Repairing · {unit} · layer {min(layer + 1, of)} of {of}"
        return f"{parts[0]} · {wording.count(progress.done)} of {most}{wording.counted(progress.of, progress.unit)}"
    if progress.images_per_second:
        parts.append(f"{wording.count(progress.images_per_second)} images/s")
    if progress.loss is not None:
        parts.append(f"loss {wording.decimal(progress.loss, 3)}")
    if progress.epochs:
        last = progress.epochs[-1]
        parts.append(f"validation accuracy {wording.percent(last.validation_accuracy)} after epoch {last.number}")
    if progress.seconds_left is not None:
        parts.append(f"{wording.duration(progress.seconds_left)} left")
    return " · ".join(parts)
