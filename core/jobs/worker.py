"""The worker's side of a job. It finds the code by name: the server, which submits the job, imports no torch."""

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
    """Do a job that is short and not kept, and return what it finds."""
    return importlib.import_module(tasks).perform(job, where)


def run(tasks: str, job: Job[Any], key: str, where: Path | str, *after: None) -> None:
    """Do a job in the thread of the task of that key, when what it comes after is done, and keep what it finds."""
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
    """Whether the scheduler has taken the task back, or the worker is closing."""
    task = worker.state.tasks.get(key)
    return task is None or task.state == "cancelled" or worker.status not in WORKER_ANY_RUNNING


class Preload(WorkerPlugin):
    """Imports torch as soon as an embedded worker is up, without keeping it from answering."""

    name = "prunelab-preload"

    def __init__(self, tasks: str) -> None:
        self._tasks = tasks

    def setup(self, worker: Worker) -> None:
        """Called by Dask on each worker, restarted ones too."""
        threading.Thread(target=importlib.import_module, args=(self._tasks,), daemon=True).start()
