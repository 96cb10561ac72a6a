"""The worker's side of a job. It imports the code by name, so that the server, which submits jobs, needs no torch."""

import importlib
import threading
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.worker import WORKER_ANY_RUNNING, Worker

from core.job import Job
from core.jobs.state import TOPIC

TASKS = "core.engine.tasks"
"""The module whose `perform` does a job."""


def answer(tasks: str, job: Job[Any], where: Path | str) -> Any:
    """Run a short job whose result is not stored, and return the result."""
    return importlib.import_module(tasks).perform(job, where)


def run(tasks: str, job: Job[Any], key: str, where: Path | str, *after: None) -> None:
    """Run a job as the Dask task `key`, after the tasks `after`, and store its result."""
    worker = get_worker()

    def say(op: str, **more: Any) -> None:
        worker.log_event(TOPIC, {"op": op, "id": job.id, "key": key, **more})

    say("started")
    importlib.import_module(tasks).perform(
        job,
        where,
        on_progress=lambda progress: say("progress", progress=asdict(progress)),
        should_stop=partial(_unwanted, worker, key),
    )


def _unwanted(worker: Worker, key: str) -> bool:
    """Whether the scheduler has withdrawn the task, or the worker is closing."""
    task = worker.state.tasks.get(key)
    return task is None or task.state == "cancelled" or worker.status not in WORKER_ANY_RUNNING


class Preload(WorkerPlugin):
    """Imports torch as soon as an embedded worker is up, in a thread, so that it can answer meanwhile."""

    name = "prunelab-preload"

    def __init__(self, tasks: str) -> None:
        self._tasks = tasks

    def setup(self, worker: Worker) -> None:
        """Called by Dask on each worker, restarted ones too."""
        threading.Thread(target=importlib.import_module, args=(self._tasks,), daemon=True).start()
