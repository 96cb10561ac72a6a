"""What the workers do: for each kind of job one function of the job and its work, which returns the result.

Each module here registers its own, and is found by itself.
"""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from core.engine.work import GetSource, OnProgress, ShouldStop, Work, official
from core.job import Job
from core.store.results import Results
from core.store.runs import RunStore

J = TypeVar("J", bound=Job[Any])
Function = Callable[[Any, Work], Any]

_FUNCTIONS: dict[type[Job[Any]], Function] = {}


def task(kind: type[J]) -> Callable[[Callable[[J, Work], Any]], Callable[[J, Work], Any]]:
    """The function that does the jobs of a class."""

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
    """Do a job and what it needs first, keep the result in the store at a place, and return it.

    What is stored already is not computed again.

    Raises:
        DataError, ConfigError, TrainingError, PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    results = Results(RunStore(where))
    for need in (*job.needs, job):
        known = results.get(need) if need.kept is not None and not need.repeats and results.has(need) else None
        if known is None:
            work = Work(need, results, on_progress, should_stop, source)
            known = _FUNCTIONS[type(need)](need, work)
            if need.kept is not None:
                results.put(need, known, of=work.of)
    return known


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
