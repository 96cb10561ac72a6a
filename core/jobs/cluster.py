"""The connection to the workers: an embedded cluster of processes, or the scheduler at an address."""

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import spawn
from typing import Any

import dask.config
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster
from distributed.client import ClosedClientError

from core.errors import JobError
from core.jobs.worker import Preload

VARIABLE = "DASK_SCHEDULER_ADDRESS"
"""The environment variable that names a scheduler to use in place of the embedded one."""

JOB = "job"
"""The resource that jobs take. An embedded worker has 1: one long job at a time, or two background ones, half each."""

GONE = (OSError, RuntimeError, ClosedClientError, asyncio.CancelledError, concurrent.futures.CancelledError)
"""What Dask raises where the scheduler or the connection to it is gone, whichever it notices first."""

_PATIENCE = 3  # seconds for a scheduler to answer
_NEVER = "1000 days"  # until Dask gives up on a lost worker: it checks once, and starts no other
_THREADS = 3  # of an embedded worker: two for background jobs, and one for short questions beside them


class Cluster:
    """A Dask client, connected when it is first used. Safe to call from any thread."""

    def __init__(
        self, address: str | None, workers: int, tasks: str, greet: Callable[[Client], object] = lambda client: None
    ) -> None:
        """`greet` is called with each new client. `workers` and `tasks` describe the embedded cluster."""
        self.address, self._workers, self._tasks, self._greet = address, workers, tasks, greet
        self._connecting = threading.Lock()
        self._cluster: LocalCluster | None = None
        self.client: Client | None = None
        self._problem: tuple[float, str] | None = None
        self.closed = False

    @property
    def problem(self) -> str | None:
        """Why jobs cannot run, and what to do, as of the last attempt to connect; None if all is well."""
        return self._problem[1] if self._problem else None

    @property
    def name(self) -> str:
        """Its name in a sentence."""
        return f"the scheduler at {self.address}" if self.address else "the job engine"

    def connect(self) -> Client:
        """Return the connected client; a scheduler that has just failed to answer is not tried again for some seconds.

        Raises:
            JobError: it cannot be reached or started, or this server is shutting down.
        """
        with self._connecting:
            if self.closed:
                raise JobError("This server is shutting down; ask again when it is back.")
            if self.client is not None and self.client.status == "running":
                return self.client
            if self._problem and time.monotonic() - self._problem[0] < _PATIENCE:
                raise JobError(self._problem[1])
            try:
                self.client = self._call_scheduler() if self.address else self._start()
            except (*GONE, ValueError) as error:
                self._problem = time.monotonic(), self.unreachable(error)
                raise JobError(self._problem[1]) from error
            self._problem = None
            return self.client

    def preload(self) -> None:
        """Let the embedded workers import their tasks once they answer; a worker that imports torch answers slowly."""
        client = self.connect()
        if self._cluster is not None:
            client.register_plugin(Preload(self._tasks))

    def unreachable(self, error: BaseException) -> str:
        """The message for an error that Dask raised."""
        if self.address:
            return f"The scheduler at {self.address} does not answer; start it or unset {VARIABLE}, then try again."
        return f"The worker processes cannot be started ({error}); free some memory or restart the server."

    def close(self) -> None:
        """Stop the embedded cluster with its jobs, or leave the scheduler, where jobs go on."""
        self.closed = True
        with self._connecting:
            for service in (self.client, self._cluster):
                if service is not None:
                    with suppress(*GONE):  # also raised if it takes too long; workers die with this process
                        service.close()

    def _call_scheduler(self) -> Client:
        logging.getLogger("distributed").setLevel(logging.ERROR)
        client = Client(self.address, timeout=_PATIENCE, set_as_default=False)
        self._greet(client)
        return client

    def _start(self) -> Client:
        spawn.get_preparation_data = _without_main
        dask.config.set({"distributed.deploy.lost-worker-timeout": _NEVER})  # read at each death, so for the process
        if self._cluster is not None:
            self._cluster.close()
        with dask.config.set(_settings(max(1, CPU_COUNT // self._workers))):
            self._cluster = LocalCluster(
                n_workers=self._workers,
                threads_per_worker=_THREADS,
                resources={JOB: 1},
                processes=True,
                host="127.0.0.1",
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        client = Client(self._cluster, set_as_default=False)
        self._greet(client)
        return client


def _settings(threads: int) -> dict[str, Any]:
    return {
        "distributed.scheduler.allowed-failures": 1,  # a job whose worker dies is retried once
        "distributed.admin.low-level-log-length": 200,  # bounds the memory that old events take
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "1s",  # at 20 ms it takes the web server 2 % of a core
        "distributed.nanny.pre-spawn-environ": {
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads),
            "MALLOC_TRIM_THRESHOLD_": None,  # Dask's default makes torch ask the kernel for memory for every tensor
        },
    }


_prepare = spawn.get_preparation_data


def _without_main(name: str) -> dict[str, Any]:
    """What a spawned process is given, without the main script: Streamlit's is a page, which no worker should run."""
    return {key: value for key, value in _prepare(name).items() if not key.startswith("init_main")}
