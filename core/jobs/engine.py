"""Submit, watch and cancel: a thin face over the client of Dask's `distributed`.

A job is one task. Its future is published under the job's id, so whoever asks for the same shares it, on this server or
another of the same scheduler, and it goes on without its visitor and its server. Progress travels as events of one
topic.
"""

import logging
import math
import pickle
import threading
import time
import uuid
from asyncio import CancelledError
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from distributed import Client, Future
from distributed import TimeoutError as DaskTimeout
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from core.errors import JobCancelled, JobError, PruneLabError
from core.job import Job
from core.jobs import worker
from core.jobs.cluster import JOB, Cluster
from core.jobs.limits import Allowance, Limits
from core.jobs.state import STOPPED, TOPIC, JobState, Status, progress
from core.logs import LOG
from core.store.results import Results
from core.store.runs import RunStore

R = TypeVar("R")

_LONGEST_WAIT = 60  # seconds for an answer that a visitor waits for
_REMEMBERED = 100  # jobs that are over
_CLOCK = 0.5  # seconds between two looks at what takes too long


@dataclass(eq=False)
class _Job:
    """A job as this server knows it; guarded by the engine's lock.

    `key` is its task's; each attempt has its own, so that one that was stopped but has not noticed yet is not taken up
    again. `starts` counts how often a worker began it, `retries` how often it was asked for again here; `stopped` says
    why, once it was cancelled.
    """

    state: JobState
    key: str
    future: Future[None] | None = None
    starts: int = 0
    began: float = math.inf
    retries: int = 0
    stopped: str = ""


class Engine:
    """The jobs of one store. Safe to call from any thread; `state` and `jobs` answer from memory."""

    def __init__(
        self,
        where: Path | str | None = None,
        *,
        address: str | None = None,
        queue_limit: int = 8,
        workers: int = 1,
        tasks: str = worker.TASKS,
        training: bool = True,
        trainings_per_hour: int | None = None,
        longest_training: float = math.inf,
    ) -> None:
        """Return at once; the cluster starts, or the scheduler at `address` is called, in the background.

        `where` is as in `RunStore`; external workers must see the same place. `workers` is the number of embedded
        worker processes, which share the processors. `tasks` names the module that they run. The rest are limits:
        see `core.jobs.limits`.
        """
        self.store = RunStore(where)
        self.results = Results(self.store)
        self.limits = Limits(queue_limit, training, Allowance(trainings_per_hour), longest_training)
        self._tasks = tasks
        self._cluster = Cluster(address, workers, tasks, self._greet)
        self._lock = threading.RLock()
        self._jobs: dict[str, _Job] = {}
        self._submitting, self._withdrawn = threading.Lock(), set[str]()
        threading.Thread(target=self._warm_up, name="prunelab-engine", daemon=True).start()
        if math.isfinite(longest_training):
            threading.Thread(target=self._watch_the_clock, name="prunelab-clock", daemon=True).start()

    @property
    def problem(self) -> str | None:
        """Why jobs cannot be run, and what to do, as found at the last attempt; None if all is well."""
        return self._cluster.problem

    def submit(self, job: Job[Any], owner: str | None = None) -> str:
        """Ask for a job and return its id. One whose result is in the store is finished at once.

        Raises:
            StoreError: it is about a run that there is not.
            JobError: the queue is full, the scheduler cannot be reached, or the job trains and this server does not, or
                not for this visitor within the hour.
        """
        self.results.weights(job)
        if self._will_train(job):
            self.limits.check_training()
            with self._lock:
                self.limits.check_room(self._waiting())
            self.limits.allowance.take(owner)
        return self._submit(job)

    def submit_all(self, jobs: Sequence[Job[Any]], owner: str | None = None) -> None:
        """Ask for background jobs and what they need; what is stored is not computed again unless it repeats.

        The first of them is submitted when this returns, the others appear as they are. A job whose need fails, fails
        as that does.

        Raises:
            JobError: as `submit` does; the visitor's limit is for all of them together.
            StoreError: what was stored before cannot be removed.
        """
        self.limits.check_training()
        new = [job for job in jobs if not self._is_active(job.id) and (job.repeats or not self.results.has(job))]
        trained = {part.subject for job in new for part in (*job.needs, job) if self._will_train(part, job)}
        self.limits.allowance.take(owner, len(trained))
        self._cluster.connect()
        for job in new:
            if job.repeats:
                for part in (job, *job.needs):
                    self.results.drop(part)
        self._withdrawn -= {job.id for job in jobs}
        self._submit_each(jobs[:1])
        threading.Thread(target=self._submit_each, args=([*jobs[1:]],), name="prunelab-study", daemon=True).start()

    def answer(self, job: Job[R]) -> R:
        """Have a short job done whose result is not kept. Waits for it; goes before whatever waits.

        Embedded workers answer beside a training or an evaluation.

        Raises:
            StoreError: it is about a run that there is not.
            JobError: no worker answers in time, or it fails.
        """
        self.results.weights(job)
        client, task = self._cluster.connect(), partial(worker.answer, self._tasks, job, self.store.where)
        try:
            future = client.submit(task, pure=False, priority=1)
            found: R = future.result(timeout=_LONGEST_WAIT)
        except PruneLabError:
            raise
        except DaskTimeout as error:
            future.cancel()
            raise JobError("The workers are busy with other jobs; ask again in a while.") from error
        except Exception as error:  # whatever the task or Dask raised: a visitor gets a sentence
            raise JobError(f"The {job.noun} failed ({type(error).__name__}: {error}); ask again.") from error
        return found

    def withdraw(self, jobs: Sequence[Job[Any]]) -> None:
        """Stop background jobs and what they need, for everyone; those still to be submitted are not."""
        self._withdrawn |= {job.id for job in jobs}
        with self._submitting:
            for job_id in dict.fromkeys(part.id for job in jobs for part in (job, *job.needs)):
                self.cancel(job_id)

    def state(self, job_id: str) -> JobState | None:
        """The job as it is now; None if this server does not know it."""
        with self._lock:
            job = self._jobs.get(job_id)
            return self._seen(job) if job else None

    def jobs(self) -> list[JobState]:
        """The jobs that wait or run and the last ones that are over, in the order in which they were submitted."""
        with self._lock:
            return sorted(map(self._seen, self._jobs.values()), key=lambda state: state.submitted)

    def cancel(self, job_id: str, why: str = STOPPED) -> None:
        """Stop a job for everyone who shares it. One that waits is gone at once, one that runs within two seconds."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or not job.state.active:
                return
            job.stopped = why
            future, client = job.future, self._cluster.client
        if future is not None and client is not None:
            with suppress(OSError):
                client.log_event(TOPIC, {"op": "cancelled", "id": job_id, "key": job.key, "why": why})
                client.cancel([future], force=True)
                client.unpublish_dataset(job_id)
        with self._lock:
            self._end(job, "cancelled", why)

    def close(self) -> None:
        """Stop the embedded cluster with its jobs, or leave the scheduler, where jobs go on."""
        self._cluster.close()

    def _submit_each(self, jobs: Sequence[Job[Any]]) -> None:
        for job in jobs:
            # One job or one withdrawal at a time. If the scheduler goes away meanwhile, the rest is asked for again.
            with self._submitting, suppress(PruneLabError):
                if self._cluster.closed or job.id in self._withdrawn:
                    continue
                needs = () if self.results.has(job) else job.needs
                self._submit(job, [future for need in needs for future in self._future(self._submit(need))])

    def _submit(self, job: Job[Any], after: "Sequence[Future[None]]" = ()) -> str:
        stored, state = self.results.has(job), JobState(job=job, submitted=time.time())
        with self._lock:
            if self._is_active(job.id):
                return job.id
            if not stored and not job.background:
                self.limits.check_room(self._waiting())
            self._jobs.pop(job.id, None)
            known = self._jobs[job.id] = _Job(
                replace(state, status="finished") if stored else state, f"{job.id}-{uuid.uuid4().hex[:8]}"
            )
            over = [job_id for job_id, other in self._jobs.items() if not other.state.active]
            for job_id in over[:-_REMEMBERED]:
                del self._jobs[job_id]
        if not stored:
            try:
                self._launch(known, after)
            except PruneLabError:
                with self._lock:
                    self._jobs.pop(job.id, None)
                raise
        return job.id

    def _launch(self, job: _Job, after: "Sequence[Future[None]]") -> None:
        client, wanted = self._cluster.connect(), job.state.job
        task = partial(worker.run, self._tasks, wanted, job.key, self.store.where)
        try:
            client.subscribe_topic(TOPIC, self._on_event)  # again: a client that had to reconnect has lost it
            share = None if self._cluster.address else {JOB: 0.5 if wanted.background else 1}
            how = {"resources": share, "priority": -1 if wanted.background else 0, "fifo_timeout": "0ms"}
            future = client.submit(task, *after, key=job.key, pure=False, **how)
            future = self._publish(client, job, future)
            idle = self._cluster.address and not client.nthreads()
            if job.stopped:  # meanwhile
                client.cancel([future], force=True)
                client.unpublish_dataset(wanted.id)
        except (OSError, RuntimeError) as error:
            raise JobError(self._cluster.unreachable(error)) from error
        if idle:
            with self._lock:
                if job.state.status == "queued":
                    what = f"The scheduler at {self._cluster.address} has no workers yet; start one with `dask worker`."
                    job.state = replace(job.state, message=what)
        future.add_done_callback(partial(self._on_done, job))

    def _publish(self, client: Client, job: _Job, future: Future[None]) -> Future[None]:
        """Let other servers find the job; if one of them was first, take part in its job instead."""
        name, told = job.state.id, None
        try:
            # The job is packed by itself: a server of another version, which may not know it, still finds the future.
            made = {"job": pickle.dumps(job.state.job), "submitted": job.state.submitted, "future": future}
            client.publish_dataset({name: made})
            client.log_event(TOPIC, {"op": "submitted", "id": name, "key": job.key})
        except KeyError:
            published = _published(client, name)
            if published is not None:
                client.cancel([future])
                told, future = _told(published, name), published["future"]
        with self._lock:
            job.state, job.future, job.key = told or job.state, future, str(future.key)
        return future

    def _greet(self, client: Client) -> None:
        """Hear of jobs; at a scheduler, take part in those that other servers have submitted."""
        client.subscribe_topic(TOPIC, self._on_event)
        if self._cluster.address:
            for name in client.list_datasets():
                self._adopt(client, str(name))
            for event in client.get_events(TOPIC):
                if event[1]["op"] != "submitted":
                    self._on_event(event)

    def _adopt(self, client: Client, name: str) -> None:
        """Watch a job that another server has submitted."""
        found = _published(client, name)
        state = _told(found, name) if found else None
        if found is None or state is None:
            return
        with self._lock:
            if self._is_active(name):
                return
            job = self._jobs[name] = _Job(state, found["future"].key, found["future"])
        found["future"].add_done_callback(partial(self._on_done, job))

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        _, said = event
        with self._lock:
            job = self._jobs.get(said["id"])
            if job is None or not job.state.active:
                if said["op"] == "submitted" and (client := self._cluster.client) is not None:
                    threading.Thread(target=self._adopt, args=(client, said["id"]), daemon=True).start()
            elif said["key"] != job.key:
                return  # said of an earlier attempt
            elif said["op"] == "started":
                job.starts += 1
                job.began = time.monotonic()
                job.state = replace(job.state, status="running", retried=job.starts > 1, progress=None, message=None)
            elif said["op"] == "progress":
                job.began = min(job.began, time.monotonic())  # where this server did not hear it begin
                job.state = replace(job.state, status="running", progress=progress(said["progress"]), message=None)
            elif said["op"] == "cancelled":
                job.stopped = said["why"]
                self._end(job, "cancelled", said["why"])

    def _on_done(self, job: _Job, future: Future[None]) -> None:
        status: Status = "finished"
        message, cause = None, None
        if future.status == "error":
            error = future.exception()
            if self._try_again(job, error):
                future.retry()
                future.add_done_callback(partial(self._on_done, job))
                return
            status, message = "failed", self._explain(job, error)
            cause = None if isinstance(error, PruneLabError) else error  # else the message says it all
        elif job.stopped:
            status, message = "cancelled", job.stopped
        elif future.status != "finished":
            status, message = "failed", self._lost(job)
        elif not self.results.has(job.state.job):
            message = "Its result is not in this server's run store; let the workers use the same one."
            status = "failed"
        with suppress(OSError, RuntimeError, FutureCancelledError):
            if not job.stopped and (client := self._cluster.client) is not None:  # who stops a job takes its name back
                client.unpublish_dataset(job.state.id)
        future.release()
        with self._lock:
            self._end(job, status, message, cause)

    def _end(self, job: _Job, status: Status, message: str | None, cause: BaseException | None = None) -> None:
        if job.state.active:
            self.store.refresh()
            job.state = replace(job.state, status=status, message=message)
            about: dict[str, Any] = {"job": job.state.id, "run": job.state.job.subject, "status": status}
            about |= {"message_to_visitor": message, "seconds": round(max(0.0, time.time() - job.state.submitted), 1)}
            LOG.log(logging.ERROR if cause else logging.INFO, "job over", exc_info=cause, extra=about)
        job.future = None

    def _warm_up(self) -> None:
        with suppress(JobError, OSError, RuntimeError, CancelledError):
            self._cluster.preload()

    def _watch_the_clock(self) -> None:
        """Stop what trains for longer than this server allows, however seldom it says how far it is."""
        while not self._cluster.closed:
            now = time.monotonic()
            with self._lock:
                late = [job.state.job for job in self._jobs.values() if now - job.began > self.limits.longest]
            for job in late:
                if job.trains and self._is_active(job.id):
                    with suppress(OSError, RuntimeError, CancelledError):  # of a scheduler that is gone: next time
                        self.cancel(job.id, self.limits.too_long(job))
            time.sleep(_CLOCK)

    def _is_active(self, job_id: str) -> bool:
        job = self._jobs.get(job_id)
        return job is not None and job.state.active

    def _waiting(self) -> int:
        """How many jobs fill the queue."""
        return sum(job.state.active and not job.state.job.background for job in self._jobs.values())

    def _will_train(self, part: Job[Any], of: Job[Any] | None = None) -> bool:
        """Whether a job, or what another needs, takes a training that is not on its way yet."""
        if not part.trains or self._is_active(part.id):
            return False
        if of is not None and of.repeats and part is not of:
            return not self.store.has(part.subject)  # what was trained for it is trained again
        return not self.results.has(part)

    def _future(self, job_id: str) -> "list[Future[None]]":
        """The future of a job that is not over, for another to wait for."""
        with self._lock:
            job = self._jobs.get(job_id)
            return [job.future] if job and job.future is not None else []

    def _seen(self, job: _Job) -> JobState:
        if job.state.status != "queued":
            return job.state
        earlier = [other.state for other in self._jobs.values() if other.state.submitted < job.state.submitted]
        return replace(job.state, ahead=sum(map(job.state.waits_for, earlier)))

    def _try_again(self, job: _Job, error: BaseException) -> bool:
        """Whether a failure was not this job's own: its worker was closed, or died while the job only waited there."""
        innocent = isinstance(error, JobCancelled) or (isinstance(error, KilledWorker) and job.starts < 2)
        job.retries += 1
        return innocent and job.state.active and not job.stopped and job.retries < 3 and not self._cluster.closed

    def _explain(self, job: _Job, error: BaseException) -> str:
        noun = job.state.job.noun
        if isinstance(error, PruneLabError):
            return str(error)
        if isinstance(error, KilledWorker):
            return f"The worker process died twice during this {noun}, perhaps for want of memory; ask for it again."
        if isinstance(error, ImportError):
            return f"The workers of {self._cluster.name} cannot import PruneLab ({error}); start them in its folder."
        return f"The {noun} failed unexpectedly ({type(error).__name__}: {error}); ask for it again."

    def _lost(self, job: _Job) -> str:
        """Why a job is gone that nobody here has stopped: what it waited for was, or the connection was lost."""
        for need in job.state.job.needs:
            if (known := self.state(need.id)) is not None and known.status == "cancelled":
                return known.message or STOPPED
        return f"The connection to {self._cluster.name} was lost; ask for it again."


def _published(client: Client, name: str) -> dict[str, Any] | None:
    """What a server has published of a job; None if there is nothing, or nothing that this version can read."""
    try:
        found = client.get_dataset(name, default=None)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, dict) and "future" in found else None


def _told(published: dict[str, Any], name: str) -> JobState | None:
    """A job as the server that published it knew it; None if that is of another version, which this cannot show."""
    try:
        state = JobState(job=pickle.loads(published["job"]), submitted=published["submitted"])
        return state if state.id == name else None
    except (KeyError, ImportError, AttributeError, TypeError):
        return None
