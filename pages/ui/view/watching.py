"""A job as a visitor sees it: how far it is, how long it still takes, and a way to stop it."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core import figures
from core.errors import PruneLabError
from core.job import Job
from core.jobs import JobState
from core.progress import Progress
from core.run import Training
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.server.services import engine, owner
from pages.ui.view import say
from pages.ui.view.say import as_written

_PHASES = {"loading": "Loading the data", "training": "Training", "evaluating": "Evaluating"}


def ensure(job: Job[Any]) -> None:
    """Have a job done whose result this page needs, and follow it; one that failed waits to be asked for again."""
    state = engine().state(job.id)
    if state is not None and state.status in ("failed", "cancelled"):
        say.error(state.message)
        if not st.button("Try again", icon=":material/replay:", key=f"again {job.id}"):
            return
    try:
        watch(engine().submit(job, owner()))
    except PruneLabError as error:
        say.error(error)


def offer(job: Job[Any], button: str, icon: str = ":material/science:", why: str = "") -> None:
    """A button for a job that runs only when somebody asks; follow it while it runs, and say why if it failed."""
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
    """Ask for background jobs. Whether they were taken; if not, it is said why."""
    try:
        engine().submit_all(jobs, owner())
    except PruneLabError as error:
        say.error(error)
        return False
    return True


def say_failures(states: Iterable[JobState]) -> None:
    """Why those of them failed that did, each reason once."""
    for message in sorted({state.message for state in states if state.status == "failed" and state.message}):
        say.error(message)


def watch(job_id: str) -> None:
    """Show a job until it is over, then run the page once more. The job goes on whoever watches."""
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
                help="Stops within two seconds, for all who follow it. Nothing of an unfinished job is kept.",
            )


def _show(state: JobState) -> None:
    if state.status == "queued":
        ahead = "next in line" if not state.ahead else f"{wording.count(state.ahead)} ahead of it"
        st.progress(0.0, as_written(state.message or f"Queued, {ahead}. You may leave this page; the job stays."))
    if state.retried:
        st.info("A worker was lost; the job has been started again.", icon=":material/replay:")
    progress = state.progress
    if state.status == "running" and progress is None:
        st.progress(0.0, "Starting a worker")
    if progress is not None:
        st.progress(min(progress.done / max(progress.of, 1), 1.0), said(progress))
        if isinstance(state.job, Training):
            epochs = state.job.config.training.epochs
            curves = partial(figures.learning_curves, progress.epochs, epochs)
            chart(curves, f"curves {state.id}", "Loss and accuracy after each epoch.", buttons=False)


def said(progress: Progress) -> str:
    """One line: phase, what is counted; of a training speed, loss, validation accuracy, time left."""
    parts = [_PHASES[progress.phase]]
    if progress.phase == "evaluating" and not progress.images_per_second:
        most = "at most " if progress.at_most else ""
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
