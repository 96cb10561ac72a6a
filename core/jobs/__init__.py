"""Jobs on Dask's `distributed`: submitted, watched and stopped."""

from core.jobs.cluster import VARIABLE
from core.jobs.engine import Engine
from core.jobs.state import JobState, Status

__all__ = ["VARIABLE", "Engine", "JobState", "Status"]
