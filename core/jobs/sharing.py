"""Jobs that the servers of one scheduler share. A job is published by id as plain values: nothing is unpickled."""

import pkgutil
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from distributed import Client, Future

from core.codec import from_json, to_json
from core.errors import StoreError
from core.job import Job
from core.jobs.board import Board, Known
from core.jobs.cluster import GONE
from core.jobs.state import TOPIC, JobState


def publish(client: Client, state: JobState, future: "Future[None]") -> None:
    """Let other servers find a job; raises KeyError if one of them was first."""
    client.publish_dataset({state.id: {**description(state), "future": future}})


def description(state: JobState) -> dict[str, Any]:
    """What is published about a job besides its future. A server finds the job's class by its name."""
    kind = type(state.job)
    return {"job": f"{kind.__module__}:{kind.__qualname__}", "fields": to_json(state.job), "submitted": state.submitted}


def published(client: Client, job_id: str) -> dict[str, Any] | None:
    """What a server has published about a job; None if nothing, or nothing that this version can read."""
    try:
        dataset = client.get_dataset(job_id, default=None)
    except (ImportError, AttributeError):
        return None
    return dataset if isinstance(dataset, dict) and "future" in dataset else None


def recognised(dataset: dict[str, Any], job_id: str) -> JobState | None:
    """A job as another server published it; None if this version cannot read it."""
    try:
        if not dataset["job"].startswith("core."):
            return None
        job = from_json(pkgutil.resolve_name(dataset["job"]), dataset["fields"])
        if not isinstance(job, Job) or job.id != job_id:
            return None
        return JobState(job=job, submitted=float(dataset["submitted"]))
    except (KeyError, TypeError, ValueError, AttributeError, ImportError, StoreError):
        return None


class Shared:
    """The jobs that servers of one scheduler share."""

    def __init__(
        self,
        board: Board,
        client: Callable[[], Client | None],
        on_done: "Callable[[Known, Future[None]], object]",
    ) -> None:
        """`client` returns the current client; `on_done` is called when a job that another server submitted is over."""
        self._board, self._client, self._on_done = board, client, on_done

    def publish(self, client: Client, known: Known, future: "Future[None]") -> "Future[None]":
        """Let other servers find the job; if one of them was first, join its job instead."""
        name, theirs = known.state.id, None
        try:
            publish(client, known.state, future)
            client.log_event(TOPIC, {"op": "submitted", "id": name, "key": known.key})
        except KeyError:
            if (dataset := published(client, name)) is not None:
                client.cancel([future])
                theirs, future = recognised(dataset, name), dataset["future"]
        with self._board.lock:
            known.state, known.future, known.key = theirs or known.state, future, str(future.key)
        return future

    def listen(self, client: Client) -> None:
        """Subscribe to the events of jobs."""
        client.subscribe_topic(TOPIC, self.on_event)

    def greet(self, client: Client) -> None:
        """Subscribe to the events of jobs, and join the jobs that other servers have submitted to this scheduler."""
        self.listen(client)
        for name in client.list_datasets():
            self._adopt(client, str(name))
        for event in client.get_events(TOPIC):
            if event[1]["op"] != "submitted":
                self.on_event(event)

    def _adopt(self, client: Client, name: str) -> None:
        """Watch a job that another server has submitted."""
        dataset = None
        with suppress(*GONE):
            dataset = published(client, name)
        state = recognised(dataset, name) if dataset else None
        if dataset is None or state is None:
            return
        with self._board.lock:
            if self._board.active(name):
                return
            known = self._board.add(state, dataset["future"])
        dataset["future"].add_done_callback(partial(self._on_done, known))

    def on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        """Called by Dask with each event of the topic."""
        _, message = event
        known = self._board.active(message["id"])
        if known is not None:
            self._board.hear(known, message)
        elif message["op"] == "submitted" and (client := self._client()) is not None:
            threading.Thread(target=self._adopt, args=(client, message["id"]), daemon=True).start()
