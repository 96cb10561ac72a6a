"""How a test asks an engine for jobs and waits for them."""

from collections.abc import Callable

from core.config import RunConfig
from core.jobs import Engine, JobState
from tests import tiny
from tests.patience import until

ENDLESS = 100  # epochs


def get(engine: Engine, job_id: str) -> JobState:
    state = engine.state(job_id)
    assert state is not None
    return state


def wait(engine: Engine, job_id: str, wanted: Callable[[JobState], object]) -> JobState:
    def seen() -> JobState | None:
        state = engine.state(job_id)  # None for a moment where another server was asked
        if state and wanted(state):
            return state
        assert state is None or state.active, state
        return None

    state = until(seen, lambda: f"{job_id} is {engine.state(job_id)}", every=0.02)
    assert state is not None
    return state


def over(state: JobState) -> bool:
    return not state.active


def training(state: JobState) -> bool:
    return state.status == "running" and state.progress is not None and state.progress.done > 0


def config(seed: int, epochs: int = ENDLESS) -> RunConfig:
    return tiny.config(epochs, seed)
