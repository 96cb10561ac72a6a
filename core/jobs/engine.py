"""Submit, watch and cancel jobs: a thin layer over the client of Dask's `distributed`.

A job is one task. Its future is published under the job's id, so everyone who submits the same job shares it, on this
server or another one of the same scheduler. It goes on even if its visitor and its server are gone. Progress is sent as
events of one topic.
"""

import math
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from distributed import Future
from distributed import TimeoutError as DaskTimeout
from distributed.scheduler import KilledWorker

from core.errors import JobCancelled, JobError, PruneLabError
from core.job import Job, OfRun
from core.jobs import worker
from core.jobs.board import Board, Known
from core.jobs.cluster import GONE, JOB, Cluster
from core.jobs.limits import Allowance, Limits
from core.jobs.sharing import Shared
from core.jobs.state import STOPPED, TOPIC, JobState, Status, explained
from core.store.results import Results
from core.store.runs import RunStore

R = TypeVar("R")

_LONGEST_WAIT = 60  # seconds for an answer that a visitor waits for
_CLOCK = 0.5  # seconds between two checks for jobs that take too long


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
        self._board = Board(on_end=self.store.refresh)
        self._shared = Shared(self._board, lambda: self._cluster.client, self._on_done)
        self._cluster = Cluster(address, workers, tasks, self._shared.greet if address else self._shared.listen)
        self._submitting, self._withdrawn = threading.Lock(), set[str]()
        threading.Thread(target=self._warm_up, name="prunelab-engine", daemon=True).start()
        if math.isfinite(longest_training):
            threading.Thread(target=self._watch_the_clock, name="prunelab-clock", daemon=True).start()

    @property
    def problem(self) -> str | None:
        """Why jobs cannot run, and what to do, as of the last attempt to connect; None if all is well."""
        return self._cluster.problem

    def submit(self, job: Job[Any], owner: str | None = None) -> str:
        """Submit a job, after what it needs, and return its id. A job whose result is stored is finished at once.

        Raises:
            StoreError: it is about a run that does not exist.
            JobError: the queue is full, the scheduler cannot be reached, or the job trains and this server does not
                allow that, or not for this visitor within the hour.
        """
        self.results.weights(job)
        if self._will_train(job):
            self.limits.check_training()
            self.limits.check_room(self._board.waiting())
            self.limits.allowance.take(owner, sum(map(self._will_train, (job, *job.needs))))
        return self._submit_whole(job)

    def submit_all(self, jobs: Sequence[Job[Any]], owner: str | None = None) -> None:
        """Submit background jobs and their needs; a stored result is not computed again unless its job repeats.

        The first job is submitted when this returns, the others follow. If a need fails, its job fails in the same way.

        Raises:
            JobError: as `submit` does; the visitor's limit applies to all of them together.
            StoreError: what was stored before cannot be removed.
        """
        new = [job for job in jobs if not self._board.active(job.id) and (job.repeats or not self.results.has(job))]
        if not jobs or not all(isinstance(job, OfRun) for job in jobs):  # those are about networks that are there
            self.limits.check_training()
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
        """Run a short job whose result is not stored, and wait for it; it takes precedence over jobs that wait.

        Embedded workers answer even during a training or an evaluation.

        Raises:
            StoreError: it is about a run that does not exist.
            JobError: no worker answers in time, or it fails.
        """
        self.results.weights(job)
        client, task = self._cluster.connect(), partial(worker.answer, self._tasks, job, self.store.where)
        try:
            future = client.submit(task, pure=False, priority=1)
            result: R = future.result(timeout=_LONGEST_WAIT)
        except PruneLabError:
            raise
        except DaskTimeout as error:
            future.cancel()
            raise JobError("The workers are busy with other jobs; ask again in a while.") from error
        except (Exception, *GONE) as error:  # whatever the task or Dask raised: a visitor gets a sentence
            raise JobError(f"The {job.noun} failed ({type(error).__name__}: {error}); ask again.") from error
        return result

    def withdraw(self, jobs: Sequence[Job[Any]]) -> None:
        """Stop background jobs and their needs, for everyone; jobs not submitted yet never will be."""
        self._withdrawn |= {job.id for job in jobs}
        with self._submitting:
            for job_id in dict.fromkeys(part.id for job in jobs for part in (job, *job.needs)):
                self.cancel(job_id)

    def state(self, job_id: str) -> JobState | None:
        """The job's current state; None if this server does not know it."""
        return self._board.state(job_id)

    def jobs(self) -> list[JobState]:
        """The jobs that wait or run and the last ones that are over, in the order in which they were submitted."""
        return self._board.states()

    def cancel(self, job_id: str, why: str = STOPPED) -> None:
        """Stop a job for everyone who shares it. A waiting job is gone at once, a running one within two seconds."""
        with self._board.lock:
            known = self._board.active(job_id)
            if known is None:
                return
            known.stopped = why
            future, client = known.future, self._cluster.client
        if future is not None and client is not None:
            with suppress(*GONE):
                client.log_event(TOPIC, {"op": "cancelled", "id": job_id, "key": known.key, "why": why})
                client.cancel([future], force=True)
                client.unpublish_dataset(job_id)
        self._board.end(known, "cancelled", why)

    def close(self) -> None:
        """Stop the embedded cluster with its jobs, or leave the scheduler, where jobs go on."""
        self._cluster.close()

    def _submit_each(self, jobs: Sequence[Job[Any]]) -> None:
        for job in jobs:
            # One job or one withdrawal at a time. If the scheduler goes away, the rest must be submitted again.
            with self._submitting, suppress(PruneLabError):
                if self._cluster.closed or job.id in self._withdrawn:
                    continue
                self._submit_whole(job)

    def _submit_whole(self, job: Job[Any]) -> str:
        """Submit what a job needs, then the job."""
        needs = () if self.results.has(job) else job.needs
        before = [self._board.find(self._submit(need)) for need in needs]
        return self._submit(job, [known.future for known in before if known and known.future is not None])

    def _submit(self, job: Job[Any], after: "Sequence[Future[None]]" = ()) -> str:
        stored, state = self.results.has(job), JobState(job=job, submitted=time.time())
        with self._board.lock:
            if self._board.active(job.id):
                return job.id
            if not stored and not job.background:
                self.limits.check_room(self._board.waiting())
            known = self._board.add(replace(state, status="finished") if stored else state)
        if not stored:
            try:
                self._launch(known, after)
            except PruneLabError:
                self._board.forget(job.id)
                raise
        return job.id

    def _launch(self, known: Known, after: "Sequence[Future[None]]") -> None:
        client, wanted = self._cluster.connect(), known.state.job
        task = partial(worker.run, self._tasks, wanted, known.key, self.store.where)
        try:
            client.subscribe_topic(TOPIC, self._shared.on_event)  # again: a client that reconnected has lost it
            share = None if self._cluster.address else {JOB: 0.5 if wanted.background else 1}
            how = {"resources": share, "priority": -1 if wanted.background else 0, "fifo_timeout": "0ms"}
            future = client.submit(task, *after, key=known.key, pure=False, **how)
            future = self._shared.publish(client, known, future)
            idle = self._cluster.address and not client.nthreads()
            if known.stopped:  # meanwhile
                client.cancel([future], force=True)
                client.unpublish_dataset(wanted.id)
        except GONE as error:
            raise JobError(self._cluster.unreachable(error)) from error
        if idle:
            with self._board.lock:
                if known.state.status == "queued":
                    what = f"The scheduler at {self._cluster.address} has no workers yet; start one with `dask worker`."
                    known.state = replace(known.state, message=what)
        future.add_done_callback(partial(self._on_done, known))

    def _on_done(self, known: Known, future: "Future[None]") -> None:
        try:
            over = self._outcome(known, future)
        except GONE:
            over = "failed", self._lost(known.state.job), None
        if over is None:
            return
        with suppress(*GONE):
            if not known.stopped and (client := self._cluster.client) is not None:  # else its name was taken back
                client.unpublish_dataset(known.state.id)
        future.release()
        self._board.end(known, *over)

    def _outcome(self, known: Known, future: "Future[None]") -> tuple[Status, str | None, BaseException | None] | None:
        """How a job ended, what its visitor is told, and its cause for the log; None if it is tried again."""
        if future.status == "error":
            error = future.exception()
            if self._try_again(known, error):
                future.retry()
                future.add_done_callback(partial(self._on_done, known))
                return None
            cause = None if isinstance(error, PruneLabError) else error  # else the message says it all
            return "failed", explained(known.state.job, error, self._cluster.name), cause
        if known.stopped:
            return "cancelled", known.stopped, None
        if future.status != "finished":
            return "failed", self._lost(known.state.job), None
        if not self.results.has(known.state.job):
            message = "Its result is not in this server's run store; make the workers use the same one."
            return "failed", message, None
        return "finished", None, None

    def _try_again(self, known: Known, error: BaseException) -> bool:
        """Whether the job did not fail itself: its worker was closed, or died while the job only waited there."""
        innocent = isinstance(error, JobCancelled) or (isinstance(error, KilledWorker) and known.starts < 2)
        known.retries += 1
        return innocent and known.state.active and not known.stopped and known.retries < 3 and not self._cluster.closed

    def _lost(self, job: Job[Any]) -> str:
        """Why a job is gone that nobody here has stopped: a need of it was stopped, or the connection was lost."""
        for need in job.needs:
            if (known := self.state(need.id)) is not None and known.status == "cancelled":
                return known.message or STOPPED
        return f"The connection to {self._cluster.name} was lost; ask for it again."

    def _warm_up(self) -> None:
        with suppress(JobError, *GONE):
            self._cluster.preload()

    def _watch_the_clock(self) -> None:
        """Stop jobs that train for longer than this server allows, even if they rarely report progress."""
        while not self._cluster.closed:
            for job in self._board.late(self.limits.longest):
                if job.trains:
                    self.cancel(job.id, self.limits.too_long(job))
            time.sleep(_CLOCK)

    def _will_train(self, part: Job[Any], of: Job[Any] | None = None) -> bool:
        """Whether a job, or a need of the job `of`, needs a training that neither waits nor runs yet."""
        if not part.trains or self._board.active(part.id):
            return False
        if of is not None and of.repeats and part is not of:
            return not self.store.has(part.subject)  # networks trained for it are trained again
        return not self.results.has(part)
