"""A job as it stands: what the engine knows of it, and what it is told by the workers."""

from dataclasses import dataclass
from typing import Any, Literal

from distributed.scheduler import KilledWorker

from core.errors import PruneLabError
from core.job import Job
from core.progress import Epoch, Progress

Status = Literal["queued", "running", "finished", "failed", "cancelled"]

TOPIC = "prunelab"
"""Of Dask's events, with which workers and servers tell each other of jobs."""

STOPPED = "Stopped on request; nothing was kept."


@dataclass(frozen=True, kw_only=True)
class JobState:
    """A job as it was when asked.

    Attributes:
        job: what is wanted.
        submitted: when, in seconds since the epoch.
        ahead: how many jobs run or wait before this one, while it is queued.
        progress: the latest, None before the first.
        message: why it failed or was cancelled, or what it waits for; for the visitor, as it is.
        retried: whether it runs for the second time, because its worker died.
    """

    job: Job[Any]
    submitted: float
    status: Status = "queued"
    ahead: int = 0
    progress: Progress | None = None
    message: str | None = None
    retried: bool = False

    @property
    def id(self) -> str:
        """The job's."""
        return self.job.id

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("queued", "running")

    def waits_for(self, earlier: "JobState") -> bool:
        """Whether it goes after an earlier one: background jobs go after all others, unless they run already."""
        passed = earlier.job.background and not self.job.background and earlier.status == "queued"
        return earlier.active and not passed


def progress(values: dict[str, Any]) -> Progress:
    """A worker's progress, as it comes over the wire."""
    return Progress(**{**values, "epochs": tuple(Epoch(**epoch) for epoch in values["epochs"])})


def explained(job: Job[Any], error: BaseException, place: str) -> str:
    """Why a job failed, in a sentence; `place` is what runs it."""
    if isinstance(error, PruneLabError):
        return str(error)
    if isinstance(error, KilledWorker):
        return f"The worker process died twice during this {job.noun}, perhaps for lack of memory; ask for it again."
    if isinstance(error, ImportError):
        return f"The workers of {place} cannot import PruneLab ({error}); start them in PruneLab's folder."
    return f"The {job.noun} failed unexpectedly ({type(error).__name__}: {error}); ask for it again."
