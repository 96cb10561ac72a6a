"""What servers of one scheduler tell each other of a job, under its id: plain values, so that nothing is unpickled."""

import pkgutil
from typing import Any

from distributed import Client, Future

from core.codec import from_json, to_json
from core.errors import StoreError
from core.job import Job
from core.jobs.state import JobState


def publish(client: Client, state: JobState, future: "Future[None]") -> None:
    """Let other servers find a job; raises KeyError if one of them was first."""
    client.publish_dataset({state.id: {**description(state), "future": future}})


def description(state: JobState) -> dict[str, Any]:
    """What is published of a job besides its future. The name of its class lets a server find one that it never met."""
    of = type(state.job)
    return {"job": f"{of.__module__}:{of.__qualname__}", "fields": to_json(state.job), "submitted": state.submitted}


def published(client: Client, job_id: str) -> dict[str, Any] | None:
    """What a server has published of a job; None if there is nothing, or nothing that this version can read."""
    try:
        found = client.get_dataset(job_id, default=None)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, dict) and "future" in found else None


def recognised(found: dict[str, Any], job_id: str) -> JobState | None:
    """A job as the server that published it knew it; None if that is of another version, which this cannot show."""
    try:
        if not found["job"].startswith("core."):
            return None
        job = from_json(pkgutil.resolve_name(found["job"]), found["fields"])
        if not isinstance(job, Job) or job.id != job_id:
            return None
        return JobState(job=job, submitted=float(found["submitted"]))
    except (KeyError, TypeError, ValueError, AttributeError, ImportError, StoreError):
        return None
