"""What every task of the workers has: the data set, a way to say how far it is, and to be asked whether to go on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core import data
from core.config import PruningConfig, RunConfig
from core.data import Dataset
from core.engine.gradients import known_gradients
from core.errors import JobCancelled
from core.progress import Progress
from core.pruning import Ranking, Weights, rank
from core.runs import Run, RunStore

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


@dataclass(frozen=True, eq=False)
class Ranked:
    """A stored run with its weights in the order of pruning, and its data set."""

    run: Run
    weights: Weights
    ranking: Ranking
    data: Dataset


def ranked(
    store: RunStore,
    run_id: str,
    pruning: PruningConfig,
    source: GetSource,
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> Ranked:
    """Load a stored run and its data set, and rank its weights.

    Raises:
        DataError, PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    run, weights = store.get(run_id), store.weights(run_id)
    data = loaded(source, run.config, on_progress).data
    slopes = known_gradients(store, run_id, pruning, data.train, partial(check, should_stop))
    return Ranked(run, weights, rank(weights, pruning, slopes), data)


def check(should_stop: ShouldStop) -> None:
    """Raises JobCancelled if the task is to stop."""
    if should_stop():
        raise JobCancelled("The evaluation was stopped; nothing of it was kept.")
