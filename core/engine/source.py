"""What every task of the workers has: the data set, a way to say how far it is, and to be asked whether to go on."""

from collections.abc import Callable
from dataclasses import dataclass

from core.data import Dataset, load, locate, md5s
from core.errors import JobCancelled
from core.progress import Progress

OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Source:
    """A data set and the MD5 of each of its files."""

    data: Dataset
    md5: dict[str, str]


def official() -> Source:
    """Fashion-MNIST as found on this machine; raises DataError if it is not there or not whole."""
    folder = locate()
    return Source(load(folder), md5s(folder))


def loaded(source: Callable[[], Source], on_progress: OnProgress) -> Source:
    """The data set, once it has been said that it is being loaded."""
    on_progress(Progress("loading", 0, 1))
    return source()


def check(should_stop: ShouldStop) -> None:
    """Raises JobCancelled if the task is to stop."""
    if should_stop():
        raise JobCancelled("The evaluation was stopped; nothing of it was kept.")
