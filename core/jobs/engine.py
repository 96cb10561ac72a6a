"""Submit, watch and cancel: a thin face over the client of Dask's `distributed`.

A job is one task. Its future is published under a name that says what it makes, so whoever asks for the same shares it,
on this server or another of the same scheduler, and it goes on without its visitor and its server. Progress travels as
events of one topic. Workers find the code of a job by name: this process imports no torch.
"""

import importlib
import logging
import math
import threading
import time
import uuid
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import spawn
from pathlib import Path
from typing import Any, Literal

import dask.config
import numpy as np
from dask.system import CPU_COUNT
from distributed import Client, Future, LocalCluster, get_worker
from distributed import TimeoutError as DaskTimeout
from distributed.client import FutureCancelledError
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.scheduler import KilledWorker
from distributed.worker import WORKER_ANY_RUNNING, Worker
from numpy.typing import NDArray

from core.config import PruningConfig, RunConfig
from core.errors import JobCancelled, JobError, PruneLabError, StoreError
from core.evaluation.trace import Trace
from core.jobs.limits import Allowance
from core.logs import LOG
from core.progress import Epoch, Progress
from core.store.curves import CurveStore
from core.store.ledgers import LedgerStore, ledger_key
from core.store.runs import RunStore
from core.study.bisection import Search
from core.study.cells import Cell

VARIABLE = "DASK_SCHEDULER_ADDRESS"
"""The environment variable that names a scheduler to use in place of the embedded one."""

Question = Literal["profile", "point", "ledger", "rounding", "timing", "tradeoff", "export"]
"""What can be asked about a stored run, pruned: over all stops or, where a sparsity belongs to it, at one."""

Kind = Literal["train", "network", "cell", "audit", "search"] | Question
Status = Literal["queued", "running", "finished", "failed", "cancelled"]

TASKS = "core.engine.tasks"
"""The module with the functions `train`, `profile`, `point` and `trace` that workers run."""

_TOPIC = "prunelab"
_STOPPED = "Stopped on request; nothing of it was kept."
_PATIENCE = 3  # seconds for a scheduler to answer
_LONGEST_WAIT = 60  # seconds for the answer to one image
_JOB = "job"  # embedded workers have one of it: one long job at a time, or two of a study, which take half each
_NEVER = "1000 days"  # until Dask gives a worker up that has not come back: it checks once, and starts no other
_THREADS = 3  # of an embedded worker: two for jobs of a study, and one for short questions beside them
_REMEMBERED = 100  # jobs that are over
_CLOCK = 0.5  # seconds between two looks at what takes too long
_NOUN: dict[Kind, str] = {
    "train": "training",
    "profile": "profile",
    "point": "evaluation",
    "network": "training of a study's network",
    "cell": "cell of a study",
    "audit": "audit of the claim",
    "search": "search",
    "ledger": "byte ledger",
    "rounding": "evaluation of rounded weights",
    "timing": "timing",
    "tradeoff": "comparison of weights and filters",
    "export": "export",
}
_TRAINS: tuple[Kind, ...] = ("train", "network", "cell", "audit", "tradeoff")
"""Jobs that train or retrain a network, for which the host's limits hold."""

_STUDY: tuple[Kind, ...] = ("network", "cell", "audit")
"""Jobs of studies: they go after all others, side by side with one thread each, and do not fill the queue."""


@dataclass(frozen=True, kw_only=True)
class JobState:
    """A job as it was when asked.

    Attributes:
        id: `train-<run id>`, `network-<run id>`, `cell-<cell id>`, `audit-<run id>`, `search-<search>`, or what
            `question_id` gives.
        submitted: when, in seconds since the epoch.
        ahead: how many jobs run or wait before this one, while it is queued.
        progress: the latest, None before the first.
        message: why it failed or was cancelled, or what it waits for; for the visitor, as it is.
        retried: whether it runs for the second time, because its worker died.
        config, owner: of a training. pruning, sparsity: of a question. cell: of a cell. search: of a search.
    """

    id: str
    kind: Kind
    run_id: str
    submitted: float
    status: Status = "queued"
    ahead: int = 0
    progress: Progress | None = None
    message: str | None = None
    retried: bool = False
    config: RunConfig | None = None
    owner: str | None = None
    pruning: PruningConfig | None = None
    sparsity: float | None = None
    cell: Cell | None = None
    search: Search | None = None

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("queued", "running")


def question_id(kind: Question, run_id: str, pruning: PruningConfig, sparsity: float | None = None) -> str:
    """The id of the job that answers a question about a run; raises as `core.store.runs.point_key` does."""
    return f"{kind}-{ledger_key(run_id, pruning, sparsity)}"


def search_id(search: Search) -> str:
    """The id of the job that finds a border."""
    return f"search-{search.key}"


@dataclass(eq=False)
class _Job:
    """A job as this server knows it; guarded by the engine's lock.

    `key` is its task's; each attempt has its own, so that one that was stopped but has not noticed yet is not taken up
    again. `starts` counts how often a worker began it, `retries` how often it was asked for anew here; `stopped` says
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
        tasks: str = TASKS,
        training: bool = True,
        trainings_per_hour: int | None = None,
        longest_training: float = math.inf,
    ) -> None:
        """Return at once; the cluster starts, or the scheduler at `address` is called, in the background.

        `where` is as in `RunStore`; external workers must see the same place. At most `queue_limit` jobs run or
        wait. `workers` is the number of embedded worker processes, which share the processors. `tasks` names the module
        that they run. Without `training` nothing is trained here. A visitor may have so many networks trained or
        retrained an hour, and a job that trains for more than `longest_training` seconds is stopped.
        """
        self.store = RunStore(where)
        self.curves = CurveStore(self.store)
        self.ledgers = LedgerStore(self.store)
        self._address, self._queue_limit, self._workers, self._tasks = address, queue_limit, workers, tasks
        self.training, self._allowance, self._longest = training, Allowance(trainings_per_hour), longest_training
        self._lock, self._connecting = threading.RLock(), threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._problem: tuple[float, str] | None = None
        self._closed = False
        self._studying, self._withdrawn = threading.Lock(), set[str]()
        threading.Thread(target=self._warm_up, name="prunelab-engine", daemon=True).start()
        if math.isfinite(longest_training):
            threading.Thread(target=self._watch_the_clock, name="prunelab-clock", daemon=True).start()

    @property
    def problem(self) -> str | None:
        """Why jobs cannot be run, and what to do, as found at the last attempt; None if all is well."""
        return self._problem[1] if self._problem else None

    def train(self, config: RunConfig, owner: str | None = None) -> str:
        """Ask for a training and return the job's id. A run that is in the store is finished at once.

        Raises:
            JobError: the queue is full, the scheduler cannot be reached, this server trains nothing, or this visitor
                has asked for too many.
        """
        wanted = self._wanted("train", config.run_id, config.run_id, config=config, owner=owner)
        self._check_limits(wanted, owner)
        return self._submit(wanted, config=config, owner=owner)

    def ask(
        self,
        kind: Question,
        run_id: str,
        pruning: PruningConfig,
        sparsity: float | None = None,
        owner: str | None = None,
    ) -> str:
        """Ask a question about a run and return the job's id; raises as `train` does.

        Raises:
            StoreError: there is no such run.
            PruningError: the sparsity is not a fraction from 0 to 1.
        """
        self.store.get(run_id)
        key = ledger_key(run_id, pruning, sparsity)
        wanted = self._wanted(kind, key, run_id, pruning=pruning, sparsity=sparsity)
        self._check_limits(wanted, owner)
        at: dict[str, Any] = {} if sparsity is None else {"sparsity": sparsity}
        return self._submit(wanted, run_id=run_id, pruning=pruning, **at)

    def trace(
        self, run_id: str, pruning: PruningConfig, sparsities: Sequence[float], image: NDArray[np.uint8]
    ) -> Trace:
        """What a run answers to one image of its shape at each sparsity. Waits for it; goes before whatever waits.

        Embedded workers answer beside a training or an evaluation. Nothing of the image is stored.

        Raises:
            StoreError: there is no such run.
            JobError: no worker answers in time, or it fails.
        """
        self.store.get(run_id)
        client, given = self._connect(), {"sparsities": tuple(sparsities), "image": image, "root": self.store.where}
        task = partial(run_function, self._tasks, "trace", {"run_id": run_id, "pruning": pruning, **given})
        try:
            future = client.submit(task, pure=False, priority=1)
            answer: Trace = future.result(timeout=_LONGEST_WAIT)
        except PruneLabError:
            raise
        except DaskTimeout as error:
            future.cancel()
            raise JobError("The workers are busy with other jobs; ask again in a while.") from error
        except Exception as error:  # whatever the task or Dask raised: a visitor gets a sentence
            raise JobError(f"The image could not be evaluated ({type(error).__name__}: {error}); ask again.") from error
        return answer

    def study(self, cells: Sequence[Cell], owner: str | None = None) -> None:
        """Ask for cells of a study and the dense networks that they need; what is stored is not computed again.

        Returns at once; the jobs appear as they are submitted. They go after all other jobs, and a cell whose network
        cannot be trained fails as that does.

        Raises:
            JobError: the scheduler cannot be reached, this server trains nothing, or this visitor has asked for too
                much.
        """
        self._check_training()
        self._allowance.take(owner, len({cell.config for cell in cells if self._trains(cell)}))
        self._connect()
        self._withdrawn -= {cell.id for cell in cells}
        threading.Thread(target=self._submit_study, args=([*cells],), name="prunelab-study", daemon=True).start()

    def search(self, search: Search) -> str:
        """Have a border found and return the job's id; raises as `ask` does."""
        self.store.get(search.run_id)
        wanted = self._wanted("search", search.key, search.run_id, search=search)
        return self._submit(wanted, search=search)

    def audit(self, configs: Sequence[RunConfig], owner: str | None = None) -> None:
        """Ask for the readings of the report's claim on networks, all anew, and these trained anew; as `study` else.

        Raises:
            StoreError: what was stored before cannot be removed.
        """
        self._check_training()
        new = {config for config in configs if not self._is_active(f"audit-{config.run_id}")}
        self._allowance.take(owner, sum(not self.store.has(config.run_id) for config in new))
        self._connect()
        for config in configs:
            wanted = self._wanted("audit", config.run_id, config.run_id, config=config)
            if not self._is_active(wanted.id):
                self.curves.forget_audit(config)
            self._submit(wanted, config=config)

    def _submit_study(self, cells: Sequence[Cell]) -> None:
        for cell in cells:
            # One cell or one withdrawal at a time. If the scheduler goes away meanwhile, the rest is asked for anew.
            with self._studying, suppress(PruneLabError):
                if self._closed or cell.id in self._withdrawn:
                    continue
                run_id = cell.config.run_id
                dense = self._wanted("network", run_id, run_id, config=cell.config)
                self._submit(dense, config=cell.config)
                wanted = self._wanted("cell", cell.id, run_id, cell=cell)
                self._submit(wanted, after=self._future(dense.id), cell=cell)

    def withdraw(self, cells: Sequence[Cell]) -> None:
        """Stop computing cells and training their networks, for everyone; those still to be submitted are not."""
        self._withdrawn |= {cell.id for cell in cells}
        with self._studying:
            for cell in cells:
                self.cancel(f"cell-{cell.id}")
            for run_id in {cell.config.run_id for cell in cells}:
                self.cancel(f"network-{run_id}")

    def _future(self, job_id: str) -> "list[Future[None]]":
        """The future of a job that is not over, for another to wait for."""
        with self._lock:
            job = self._jobs.get(job_id)
            return [job.future] if job and job.future is not None else []

    def state(self, job_id: str) -> JobState | None:
        """The job as it is now; None if this server does not know it."""
        with self._lock:
            job = self._jobs.get(job_id)
            return self._seen(job) if job else None

    def jobs(self) -> list[JobState]:
        """The jobs that wait or run and the last ones that are over, in the order in which they were submitted."""
        with self._lock:
            return sorted(map(self._seen, self._jobs.values()), key=lambda state: state.submitted)

    def cancel(self, job_id: str, why: str = _STOPPED) -> None:
        """Stop a job for everyone who shares it. One that waits is gone at once, one that runs within two seconds."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or not job.state.active:
                return
            job.stopped = why
            future, client = job.future, self._client
        if future is not None and client is not None:
            with suppress(OSError):
                client.log_event(_TOPIC, {"op": "cancelled", "id": job_id, "key": job.key, "why": why})
                client.cancel([future], force=True)
                client.unpublish_dataset(job_id)
        with self._lock:
            self._end(job, "cancelled", why)

    def close(self) -> None:
        """Stop the embedded cluster with its jobs, or leave the scheduler, where jobs go on."""
        self._closed = True
        with self._connecting:
            for service in (self._client, self._cluster):
                if service is not None:
                    with suppress(OSError):  # of an end that takes too long: workers die with this process
                        service.close()

    def _is_active(self, job_id: str) -> bool:
        known = self.state(job_id)
        return known is not None and known.active

    def _trains(self, cell: Cell) -> bool:
        """Whether computing a cell takes a training that is not on its way yet."""
        if self._is_active(f"cell-{cell.id}") or self.curves.curve(cell) is not None:
            return False
        known = self.curves.network(cell.config) or self._is_active(f"network-{cell.config.run_id}")
        return cell.retraining != "none" or not known

    def _wanted(self, kind: Kind, name: str, run_id: str, **details: Any) -> JobState:
        return JobState(id=f"{kind}-{name}", kind=kind, run_id=run_id, submitted=time.time(), **details)

    def _seen(self, job: _Job) -> JobState:
        if job.state.status != "queued":
            return job.state
        earlier = [other.state for other in self._jobs.values() if other.state.submitted < job.state.submitted]
        return replace(job.state, ahead=sum(_before(state, job.state) for state in earlier))

    def _submit(self, wanted: JobState, after: "Sequence[Future[None]]" = (), **arguments: Any) -> str:
        stored = self._stored(wanted)
        with self._lock:
            known = self._jobs.get(wanted.id)
            if known and known.state.active:
                return wanted.id
            if not stored and wanted.kind not in _STUDY:
                self._check_room()
            self._jobs.pop(wanted.id, None)
            job = self._jobs[wanted.id] = _Job(
                replace(wanted, status="finished") if stored else wanted, f"{wanted.id}-{uuid.uuid4().hex[:8]}"
            )
            self._forget()
        if not stored:
            try:
                self._launch(job, after, arguments)
            except PruneLabError:
                with self._lock:
                    self._jobs.pop(wanted.id, None)
                raise
        return wanted.id

    def _launch(self, job: _Job, after: "Sequence[Future[None]]", arguments: dict[str, Any]) -> None:
        client, wanted = self._connect(), job.state
        task = partial(run_task, self._tasks, wanted, job.key, {**arguments, "root": self.store.where})
        try:
            client.subscribe_topic(_TOPIC, self._on_event)  # anew: a client that had to reconnect has lost it
            of_study = wanted.kind in _STUDY
            share = None if self._address else {_JOB: 0.5 if of_study else 1}
            how = {"resources": share, "priority": -1 if of_study else 0, "fifo_timeout": "0ms"}
            future = client.submit(task, *after, key=job.key, pure=False, **how)
            future = self._publish(client, job, future)
            idle = self._address and not client.nthreads()
            if job.stopped:  # meanwhile
                client.cancel([future], force=True)
                client.unpublish_dataset(wanted.id)
        except (OSError, RuntimeError) as error:
            raise JobError(self._unreachable(error)) from error
        if idle:
            with self._lock:
                if job.state.status == "queued":
                    what = f"The scheduler at {self._address} has no workers yet; start one with `dask worker`."
                    job.state = replace(job.state, message=what)
        future.add_done_callback(partial(self._on_done, job))

    def _publish(self, client: Client, job: _Job, future: Future[None]) -> Future[None]:
        """Let other servers find the job; if one of them was first, take part in its job instead."""
        published: dict[str, Any] = {"state": job.state, "future": future}
        try:
            client.publish_dataset({job.state.id: published})
            client.log_event(_TOPIC, {"op": "submitted", "id": job.state.id, "key": job.key})
        except KeyError:
            client.cancel([future])
            published = client.get_dataset(job.state.id, default=published)
        with self._lock:
            job.state, job.future = published["state"], published["future"]
            job.key = published["future"].key
        return published["future"]  # type: ignore[no-any-return]

    def _check_training(self) -> None:
        if not self.training:
            raise JobError("Nothing is trained on this server; look at the runs that are here.")

    def _check_limits(self, wanted: JobState, owner: str | None) -> None:
        """Raises JobError if a job would train, and this visitor or this server is not to."""
        if wanted.kind in _TRAINS and not self._is_active(wanted.id) and not self._stored(wanted):
            self._check_training()
            with self._lock:
                self._check_room()
            self._allowance.take(owner)

    def _check_room(self) -> None:
        active = sum(job.state.active and job.state.kind not in _STUDY for job in self._jobs.values())
        if active >= self._queue_limit:
            raise JobError(
                f"{active} jobs run or wait already, as many as this server takes; try again when one is done."
            )

    def _forget(self) -> None:
        over = [job_id for job_id, job in self._jobs.items() if not job.state.active]
        for job_id in over[:-_REMEMBERED]:
            del self._jobs[job_id]

    def _stored(self, state: JobState) -> bool:
        """Whether the store has what the job makes. A damaged profile is set aside here, and so made anew."""
        try:
            if state.kind == "cell":
                return state.cell is not None and self.curves.curve(state.cell) is not None
            if state.kind == "search":
                return state.search is not None and self.curves.answer(state.search) is not None
            if state.kind == "audit":
                return state.config is not None and self.curves.own_audit(state.config) is not None
            if state.kind == "network":
                return state.config is not None and self.curves.weights(state.config) is not None
            if state.pruning is None:
                return self.store.has(state.run_id)
            return self._answer(state.kind, state.run_id, state.pruning, state.sparsity) is not None
        except StoreError:
            return False

    def _answer(self, kind: Kind, run_id: str, pruning: PruningConfig, sparsity: float | None) -> object | None:
        """What the store has of a question's answer."""
        over: dict[Kind, Callable[[str, PruningConfig], object | None]] = {
            "profile": self.store.profile,
            "ledger": self.ledgers.ledger,
            "tradeoff": self.ledgers.tradeoff,
        }
        at: dict[Kind, Callable[[str, PruningConfig, float], object | None]] = {
            "point": self.store.point,
            "ledger": self.ledgers.ledger,
            "rounding": self.ledgers.rounding,
            "timing": self.ledgers.times,
            "export": self.ledgers.export,
        }
        return over[kind](run_id, pruning) if sparsity is None else at[kind](run_id, pruning, sparsity)

    def _warm_up(self) -> None:
        with suppress(JobError, OSError, RuntimeError, CancelledError):
            client = self._connect()
            if self._cluster is not None:  # here and not where it starts: a worker that imports torch is slow to answer
                client.register_plugin(_Preload(self._tasks))

    def _connect(self) -> Client:
        """The client, connected; a scheduler that has just failed to answer is not asked again for some seconds."""
        with self._connecting:
            if self._closed:
                raise JobError("This server is shutting down; ask again when it is back.")
            if self._client is not None and self._client.status == "running":
                return self._client
            if self._problem and time.monotonic() - self._problem[0] < _PATIENCE:
                raise JobError(self._problem[1])
            try:
                self._client = self._call_scheduler() if self._address else self._start_cluster()
            except (OSError, ValueError, RuntimeError) as error:
                self._problem = time.monotonic(), self._unreachable(error)
                raise JobError(self._problem[1]) from error
            self._problem = None
            return self._client

    def _call_scheduler(self) -> Client:
        logging.getLogger("distributed").setLevel(logging.ERROR)
        client = Client(self._address, timeout=_PATIENCE, set_as_default=False)
        client.subscribe_topic(_TOPIC, self._on_event)
        for name in client.list_datasets():
            self._adopt(client, str(name))
        for event in client.get_events(_TOPIC):
            if event[1]["op"] != "submitted":
                self._on_event(event)
        return client

    def _start_cluster(self) -> Client:
        spawn.get_preparation_data = _without_main
        dask.config.set({"distributed.deploy.lost-worker-timeout": _NEVER})  # read at each death, so for the process
        if self._cluster is not None:
            self._cluster.close()
        threads = max(1, CPU_COUNT // self._workers)
        with dask.config.set(_embedded_settings(threads)):
            self._cluster = LocalCluster(
                n_workers=self._workers,
                threads_per_worker=_THREADS,
                resources={_JOB: 1},
                processes=True,
                host="127.0.0.1",
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        client = Client(self._cluster, set_as_default=False)
        client.subscribe_topic(_TOPIC, self._on_event)
        return client

    def _adopt(self, client: Client, name: str) -> None:
        """Watch a job that another server has submitted."""
        found = client.get_dataset(name, default=None)
        if not (isinstance(found, dict) and isinstance(found.get("state"), JobState)):
            return
        with self._lock:
            known = self._jobs.get(name)
            if known and known.state.active:
                return
            job = self._jobs[name] = _Job(found["state"], found["future"].key, found["future"])
        found["future"].add_done_callback(partial(self._on_done, job))

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        _, said = event
        with self._lock:
            job = self._jobs.get(said["id"])
            if job is None or not job.state.active:
                if said["op"] == "submitted" and self._client is not None:
                    threading.Thread(target=self._adopt, args=(self._client, said["id"]), daemon=True).start()
            elif said["key"] != job.key:
                return  # said of an earlier attempt
            elif said["op"] == "started":
                job.starts += 1
                job.began = time.monotonic()
                job.state = replace(job.state, status="running", retried=job.starts > 1, progress=None, message=None)
            elif said["op"] == "progress":
                job.began = min(job.began, time.monotonic())  # where this server did not hear it begin
                job.state = replace(job.state, status="running", progress=_progress(said["progress"]), message=None)
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
        elif not self._stored(job.state):
            status, message = (
                "failed",
                "Its result is not in this server's run store; let the workers use the same one.",
            )
        with suppress(OSError, RuntimeError, FutureCancelledError):
            if not job.stopped and self._client is not None:  # who stops a job takes its name back at once
                self._client.unpublish_dataset(job.state.id)
        future.release()
        with self._lock:
            self._end(job, status, message, cause)

    def _watch_the_clock(self) -> None:
        """Stop what trains for longer than this server allows, however seldom it says how far it is."""
        while not self._closed:
            with self._lock:
                late = [job.state for job in self._jobs.values() if self._takes_too_long(job)]
            for state in late:
                less = "ask for fewer epochs" if state.kind == "train" else "choose a smaller network"
                took = f"The {_NOUN[state.kind]} took over {math.ceil(self._longest / 60)} min"
                with suppress(OSError, RuntimeError, CancelledError):  # of a scheduler that is gone: at the next look
                    self.cancel(state.id, f"{took}, the longest that this server allows; {less}.")
            time.sleep(_CLOCK)

    def _takes_too_long(self, job: _Job) -> bool:
        limited = job.state.kind in _TRAINS and job.state.active and not job.stopped
        return limited and time.monotonic() - job.began > self._longest

    def _end(self, job: _Job, status: Status, message: str | None, cause: BaseException | None = None) -> None:
        if job.state.active:
            self.store.refresh()
            job.state = replace(job.state, status=status, message=message)
            about: dict[str, Any] = {"job": job.state.id, "run": job.state.run_id, "status": status}
            about |= {"message_to_visitor": message, "seconds": round(max(0.0, time.time() - job.state.submitted), 1)}
            LOG.log(logging.ERROR if cause else logging.INFO, "job over", exc_info=cause, extra=about)
        job.future = None

    def _try_again(self, job: _Job, error: BaseException) -> bool:
        """Whether a failure was not this job's own: its worker was closed, or died while the job only waited there."""
        innocent = isinstance(error, JobCancelled) or (isinstance(error, KilledWorker) and job.starts < 2)
        job.retries += 1
        return innocent and job.state.active and not job.stopped and job.retries < 3 and not self._closed

    def _explain(self, job: _Job, error: BaseException) -> str:
        noun = _NOUN[job.state.kind]
        if isinstance(error, PruneLabError):
            return str(error)
        if isinstance(error, KilledWorker):
            return f"The worker process died twice during this {noun}, perhaps for want of memory; ask for it again."
        if isinstance(error, ImportError):
            return f"The workers of {self._place} cannot import PruneLab ({error}); start them in PruneLab's folder."
        return f"The {noun} failed unexpectedly ({type(error).__name__}: {error}); ask for it again."

    def _lost(self, job: _Job) -> str:
        """Why a job is gone that nobody here has stopped: what it waited for was, or the connection was lost."""
        network = self.state(f"network-{job.state.run_id}") if job.state.kind == "cell" else None
        if network is not None and network.status == "cancelled":
            return network.message or _STOPPED
        return f"The connection to {self._place} was lost; ask for it again."

    @property
    def _place(self) -> str:
        return f"the scheduler at {self._address}" if self._address else "the job engine"

    def _unreachable(self, error: Exception) -> str:
        if self._address:
            return f"The scheduler at {self._address} does not answer; start it or unset {VARIABLE}, then try again."
        return f"The worker processes cannot be started ({error}); free some memory or restart the server."


def _before(earlier: JobState, state: JobState) -> bool:
    """Whether a job waits for an earlier one: those of studies go after all others, unless they run already."""
    passed = earlier.kind in _STUDY and state.kind not in _STUDY and earlier.status == "queued"
    return earlier.active and not passed


def run_function(tasks: str, name: str, arguments: dict[str, Any]) -> Any:
    """Call a function of the tasks and return what it returns. Runs on a worker."""
    return getattr(importlib.import_module(tasks), name)(**arguments)


def run_task(tasks: str, wanted: JobState, key: str, arguments: dict[str, Any], *after: None) -> None:
    """Do a job. Runs on a worker, in the thread of the task of that key, when what it comes after is done."""
    worker = get_worker()

    def say(op: str, **more: Any) -> None:
        worker.log_event(_TOPIC, {"op": op, "id": wanted.id, "key": key, **more})

    say("started")
    watched = {
        "on_progress": lambda progress: say("progress", progress=asdict(progress)),
        "should_stop": partial(_unwanted, worker, key),
    }
    run_function(tasks, wanted.kind, arguments | watched)


def _progress(values: dict[str, Any]) -> Progress:
    return Progress(**{**values, "epochs": tuple(Epoch(**epoch) for epoch in values["epochs"])})


def _unwanted(worker: Worker, key: str) -> bool:
    """Whether the scheduler has taken the task back, or the worker is closing."""
    task = worker.state.tasks.get(key)
    return task is None or task.state == "cancelled" or worker.status not in WORKER_ANY_RUNNING


class _Preload(WorkerPlugin):
    """Imports torch as soon as an embedded worker is up, without keeping it from answering."""

    name = "prunelab-preload"

    def __init__(self, tasks: str) -> None:
        self._tasks = tasks

    def setup(self, worker: Worker) -> None:
        """Called by Dask on each worker, restarted ones too."""
        threading.Thread(target=importlib.import_module, args=(self._tasks,), daemon=True).start()


def _embedded_settings(threads: int) -> dict[str, Any]:
    return {
        "distributed.scheduler.allowed-failures": 1,  # a job whose worker dies is retried once
        "distributed.admin.low-level-log-length": 200,  # bounds the memory that old events take
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "1s",  # of 20 ms, it takes the web server 2 % of a core
        "distributed.nanny.pre-spawn-environ": {
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads),
            "MALLOC_TRIM_THRESHOLD_": None,  # Dask's own choice makes torch ask the kernel for every tensor anew
        },
    }


_prepare = spawn.get_preparation_data


def _without_main(name: str) -> dict[str, Any]:
    """What a spawned process is told, less the main script: Streamlit's is a page, which no worker should run."""
    return {key: value for key, value in _prepare(name).items() if not key.startswith("init_main")}
