"""Jobs that servers of one scheduler share. A job is published under its id as plain values: nothing is unpickled."""

import pkgutil
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from distributed import Client, Future

from core.codec import from_json, to_json
from core.errors import StoreError
from core.job import Job
from core.jobs.board import Board, Known
from core.jobs.state import TOPIC, JobState


def publish(client: Client, state: JobState, future: "Future[None]") -> None:
    """Let other servers find a job; raises KeyError if one of them was first."""
    client.publish_dataset({state.id: {**description(state), "future": future}})


def description(state: JobState) -> dict[str, Any]:
    """What is published of a job besides its future. A server finds the job's class by its name."""
    kind = type(state.job)
    return {"job": f"{kind.__module__}:{kind.__qualname__}", "fields": to_json(state.job), "submitted": state.submitted}


def published(client: Client, job_id: str) -> dict[str, Any] | None:
    """What a server has published of a job; None if there is nothing, or nothing that this version can read."""
    try:
        found = client.get_dataset(job_id, default=None)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, dict) and "future" in found else None


def recognised(found: dict[str, Any], job_id: str) -> JobState | None:
    """A job as another server published it; None if that server's version differs too much for this one to read it."""
    try:
        if not found["job"].startswith("core."):
            return None
        job = from_json(pkgutil.resolve_name(found["job"]), found["fields"])
        if not isinstance(job, Job) or job.id != job_id:
            return None
        return JobState(job=job, submitted=float(found["submitted"]))
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
        """`client` gives the present one; `on_done` is called when a job that another server submitted is over."""
        self._board, self._client, self._on_done = board, client, on_done

    def publish(self, client: Client, known: Known, future: "Future[None]") -> "Future[None]":
        """Let other servers find the job; if one of them was first, take part in its job instead."""
        name, theirs = known.state.id, None
        try:
            publish(client, known.state, future)
            client.log_event(TOPIC, {"op": "submitted", "id": name, "key": known.key})
        except KeyError:
            if (found := published(client, name)) is not None:
                client.cancel([future])
                theirs, future = recognised(found, name), found["future"]
        with self._board.lock:
            known.state, known.future, known.key = theirs or known.state, future, str(future.key)
        return future

    def listen(self, client: Client) -> None:
        """Hear of jobs."""
        client.subscribe_topic(TOPIC, self.on_event)

    def greet(self, client: Client) -> None:
        """Hear of jobs, and take part in those that other servers have submitted to this scheduler."""
        self.listen(client)
        for name in client.list_datasets():
            self._adopt(client, str(name))
        for event in client.get_events(TOPIC):
            if event[1]["op"] != "submitted":
                self.on_event(event)

    def _adopt(self, client: Client, name: str) -> None:
        """Watch a job that another server has submitted."""
        found = published(client, name)
        state = recognised(found, name) if found else None
        if found is None or state is None:
            return
        with self._board.lock:
            if self._board.active(name):
                return
            known = self._board.add(state, found["future"])
        found["future"].add_done_callback(partial(self._on_done, known))

    def on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        """Called by Dask with each event of the topic."""
        _, message = event
        known = self._board.active(message["id"])
        if known is not None:
            self._board.hear(known, message)
        elif message["op"] == "submitted" and (client := self._client()) is not None:
            threading.Thread(target=self._adopt, args=(client, message["id"]), daemon=True).start()
