"""The jobs that a server knows: those that wait or run, and the latest that are over."""

import logging
import math
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from distributed import Future

from core.job import Job
from core.jobs.state import JobState, Status, progress
from core.logs import LOG

_REMEMBERED = 100  # jobs that are over


@dataclass(eq=False)
class Known:
    """A job as this server knows it; guarded by the board's lock.

    `key` is that of its Dask task. Each attempt has its own, so that a stopped attempt that still runs is not reused.
    `starts` counts the starts by workers, `retries` the retries from this server; `stopped` is the reason once the job
    is cancelled.
    """

    state: JobState
    key: str
    future: Future[None] | None = None
    starts: int = 0
    began: float = math.inf
    retries: int = 0
    stopped: str = ""


class Board:
    """The known jobs. Safe to use from any thread."""

    def __init__(self, on_end: Callable[[], object]) -> None:
        """`on_end` is called before a job's state shows that it is over."""
        self.lock, self._known, self._on_end = threading.RLock(), dict[str, Known](), on_end

    def find(self, job_id: str) -> Known | None:
        """The job; None if this server does not know it."""
        with self.lock:
            return self._known.get(job_id)

    def active(self, job_id: str) -> Known | None:
        """The job if it waits or runs."""
        known = self.find(job_id)
        return known if known is not None and known.state.active else None

    def waiting(self) -> int:
        """The number of jobs in the queue; background jobs do not count."""
        with self.lock:
            return sum(known.state.active and not known.state.job.background for known in self._known.values())

    def late(self, seconds: float) -> list[Job[Any]]:
        """Jobs that have run for longer than so many seconds."""
        now = time.monotonic()
        with self.lock:
            return [k.state.job for k in self._known.values() if k.state.active and now - k.began > seconds]

    def state(self, job_id: str) -> JobState | None:
        """The job's current state."""
        with self.lock:
            known = self._known.get(job_id)
            return self._seen(known) if known else None

    def states(self) -> list[JobState]:
        """All jobs, in the order in which they were submitted."""
        with self.lock:
            return sorted(map(self._seen, self._known.values()), key=lambda state: state.submitted)

    def add(self, state: JobState, future: "Future[None] | None" = None) -> Known:
        """Add a job, in place of one with the same id that is over; forget the oldest jobs that are over."""
        key = str(future.key) if future is not None else f"{state.id}-{uuid.uuid4().hex[:8]}"
        with self.lock:
            self._known.pop(state.id, None)
            known = self._known[state.id] = Known(state, key, future)
            over = [job_id for job_id, other in self._known.items() if not other.state.active]
            for job_id in over[:-_REMEMBERED]:
                del self._known[job_id]
        return known

    def forget(self, job_id: str) -> None:
        """Remove a job, as if it had never been submitted."""
        with self.lock:
            self._known.pop(job_id, None)

    def hear(self, known: Known, message: dict[str, Any]) -> None:
        """Apply a report from a worker or another server; reports on an earlier attempt are ignored."""
        with self.lock:
            if message["key"] != known.key or not known.state.active:
                return
            if message["op"] == "started":
                known.starts += 1
                known.began = time.monotonic()
                retried = known.starts > 1
                known.state = replace(known.state, status="running", retried=retried, progress=None, message=None)
            elif message["op"] == "progress":
                known.began = min(known.began, time.monotonic())  # if this server missed its start
                heard = progress(message["progress"])
                known.state = replace(known.state, status="running", progress=heard, message=None)
            elif message["op"] == "cancelled":
                known.stopped = message["why"]
                self.end(known, "cancelled", message["why"])

    def end(self, known: Known, status: Status, message: str | None, cause: BaseException | None = None) -> None:
        """Note that a job is over, once, and log it."""
        with self.lock:
            if known.state.active:
                self._on_end()
                known.state = replace(known.state, status=status, message=message)
                seconds = round(max(0.0, time.time() - known.state.submitted), 1)
                about = {"job": known.state.id, "run": known.state.job.subject, "status": status, "seconds": seconds}
                level = logging.ERROR if cause else logging.INFO
                LOG.log(level, "job over", exc_info=cause, extra={**about, "message_to_visitor": message})
            known.future = None

    def _seen(self, known: Known) -> JobState:
        if known.state.status != "queued":
            return known.state
        earlier = [k.state for k in self._known.values() if k.state.submitted < known.state.submitted]
        return replace(known.state, ahead=sum(map(known.state.waits_for, earlier)))
