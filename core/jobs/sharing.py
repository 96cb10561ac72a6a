"""What servers of one scheduler tell each other of a job, under its id: plain values, so that nothing is unpickled."""

from collections.abc import Iterator
from typing import Any

from distributed import Client, Future

from core.codec import from_json, to_json
from core.errors import StoreError
from core.job import Job
from core.jobs.state import JobState


def publish(client: Client, state: JobState, future: "Future[None]") -> None:
    """Let other servers find a job; raises KeyError if one of them was first."""
    said = {"kind": state.job.kind, "fields": to_json(state.job), "submitted": state.submitted}
    client.publish_dataset({state.id: {**said, "future": future}})


def published(client: Client, job_id: str) -> dict[str, Any] | None:
    """What a server has published of a job; None if there is nothing, or nothing that this version can read."""
    try:
        found = client.get_dataset(job_id, default=None)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, dict) and "future" in found else None


def told(found: dict[str, Any], job_id: str) -> JobState | None:
    """A job as the server that published it knew it; None if that is of another version, which this cannot show."""
    kinds = {kind.kind: kind for kind in _kinds(Job)}
    try:
        job: Job[Any] = from_json(kinds[found["kind"]], found["fields"])
        return JobState(job=job, submitted=float(found["submitted"])) if job.id == job_id else None
    except (KeyError, TypeError, ValueError, StoreError):
        return None


def _kinds(base: type[Job[Any]]) -> Iterator[type[Job[Any]]]:
    """The classes of jobs that this server knows."""
    for kind in base.__subclasses__():
        if "kind" in vars(kind):
            yield kind
        yield from _kinds(kind)
