"""Jobs on Dask's `distributed`: asked for, watched and stopped."""

from core.jobs.engine import VARIABLE, Engine, JobState, Kind, Question, Status, question_id, search_id

__all__ = ["VARIABLE", "Engine", "JobState", "Kind", "Question", "Status", "question_id", "search_id"]
