"""What every task of the workers has: the data set, a way to say how far it is, and to be asked whether to go on."""

from collections.abc import Callable
from dataclasses import dataclass

from core import data
from core.config import RunConfig
from core.data import Dataset
from core.errors import JobCancelled
from core.progress import Progress

OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Source:
    """A data set and the MD5 of each of its files."""

    data: Dataset
    md5: dict[str, str]


GetSource = Callable[[str], Source]
"""Of a data set's name, as `DataConfig.name` has it."""


def official(name: str) -> Source:
    """The data set as found on this machine; raises DataError if it is not there or not whole."""
    return Source(data.load(name), data.md5s(name))


def loaded(source: GetSource, config: RunConfig, on_progress: OnProgress) -> Source:
    """The data set of a run, once it has been said that it is being loaded."""
    on_progress(Progress("loading", 0, 1))
    return source(config.data.name)


def check(should_stop: ShouldStop) -> None:
    """Raises JobCancelled if the task is to stop."""
    if should_stop():
        raise JobCancelled("The evaluation was stopped; nothing of it was kept.")
