"""What the workers do: for each kind of job, one function of the job and its work, which returns the result.

Each module here registers its functions and is imported automatically.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from core.engine.work import GetSource, OnProgress, ShouldStop, Work, official
from core.errors import StoreError
from core.job import Job
from core.store.results import Results
from core.store.runs import RunStore

J = TypeVar("J", bound=Job[Any])
Function = Callable[[Any, Work], Any]

_FUNCTIONS: dict[type[Job[Any]], Function] = {}


def task(kind: type[J]) -> Callable[[Callable[[J, Work], Any]], Callable[[J, Work], Any]]:
    """Register the function that does the jobs of a class."""

    def register(function: Callable[[J, Work], Any]) -> Callable[[J, Work], Any]:
        _FUNCTIONS[kind] = function
        return function

    return register


def perform(
    job: Job[Any],
    where: Path | str,
    *,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> Any:
    """Do a job and first its needs, keep the result in the store at a place, and return it.

    A stored result is not computed again, unless the job repeats.

    Raises:
        DataError, ConfigError, TrainingError, PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    return _performed(Work(job, Results(RunStore(where)), on_progress, should_stop, source))


def _performed(work: Work) -> Any:
    job = work.job
    if (known := _stored(job, work.results)) is not None:
        return known
    for need in job.needs:
        _performed(replace(work, job=need))
    result = _FUNCTIONS[type(job)](job, work)
    if job.kept is not None:
        work.results.put(job, result, of=work.of)
    return result


def _stored(job: Job[Any], results: Results) -> Any:
    """The stored result of a job that is computed once; None if there is none, or it is damaged."""
    try:
        return None if job.kept is None or job.repeats else results.get(job)
    except StoreError:
        return None


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
