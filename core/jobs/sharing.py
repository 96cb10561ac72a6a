"""What servers of one scheduler tell each other of a job, under its id."""

import pickle
from typing import Any

from distributed import Client, Future

from core.jobs.state import JobState


def publish(client: Client, state: JobState, future: "Future[None]") -> None:
    """Let other servers find a job; raises KeyError if one of them was first.

    The job is packed by itself: a server of another version, which may not know its class, still finds the future.
    """
    made = {"job": pickle.dumps(state.job), "submitted": state.submitted, "future": future}
    client.publish_dataset({state.id: made})


def published(client: Client, job_id: str) -> dict[str, Any] | None:
    """What a server has published of a job; None if there is nothing, or nothing that this version can read."""
    try:
        found = client.get_dataset(job_id, default=None)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, dict) and "future" in found else None


def told(found: dict[str, Any], job_id: str) -> JobState | None:
    """A job as the server that published it knew it; None if that is of another version, which this cannot show."""
    try:
        state = JobState(job=pickle.loads(found["job"]), submitted=found["submitted"])
        return state if state.id == job_id else None
    except (KeyError, ImportError, AttributeError, TypeError):
        return None
