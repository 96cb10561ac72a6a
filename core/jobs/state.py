"""The state of a job: what the engine knows about it, and what the workers report."""

from dataclasses import dataclass
from typing import Any, Literal

from distributed.scheduler import KilledWorker

from core.errors import PruneLabError
from core.job import Job
from core.progress import Epoch, Progress

Status = Literal["queued", "running", "finished", "failed", "cancelled"]

TOPIC = "prunelab"
"""The topic of the Dask events with which workers and servers report on jobs."""

STOPPED = "Stopped on request; nothing was kept."


@dataclass(frozen=True, kw_only=True)
class JobState:
    """A snapshot of a job.

    Attributes:
        job: the job itself.
        submitted: when, in seconds since the epoch.
        ahead: how many jobs run or wait before this one, while it is queued.
        progress: the latest report, None before the first.
        message: why it failed or was cancelled, or what it waits for; shown to the visitor as it is.
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
        """The id of the job."""
        return self.job.id

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("queued", "running")

    def waits_for(self, earlier: "JobState") -> bool:
        """Whether it runs after an earlier one: background jobs run after all others, unless they have started."""
        passed = earlier.job.background and not self.job.background and earlier.status == "queued"
        return earlier.active and not passed


def progress(values: dict[str, Any]) -> Progress:
    """The progress in a worker's message."""
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
