"""What every task of the workers has: the data set, a way to say how far it is, and to be asked whether to go on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core import data
from core.config import PruningConfig, RunConfig
from core.data import Dataset
from core.engine.gradients import known_gradients
from core.errors import DataError, JobCancelled
from core.progress import Progress
from core.pruning import Ranking, Weights, rank
from core.store.runs import Run, RunStore

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


def loaded(source: GetSource, config: RunConfig, store: RunStore, on_progress: OnProgress) -> Source:
    """The data set of a configuration, once it has been said that it is being loaded: through here go all tasks.

    Raises:
        DataError: it cannot be had, or it is not what the run of that configuration was trained on.
        StoreError: there is such a run, but it is damaged.
    """
    on_progress(Progress("loading", 0, 1))
    found, run_id = source(config.data.name), config.run_id
    if store.has(run_id) and (said := store.unlike(run_id, found.data.test, found.data.classes)):
        title = data.title(config.data.name)
        raise DataError(f"The data set {title} is not what run {run_id} was trained on: {said}. Train it again.")
    return found


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
    images = loaded(source, run.config, store, on_progress).data
    slopes = known_gradients(store, run_id, pruning, images.train, partial(check, should_stop))
    return Ranked(run, weights, rank(weights, pruning, slopes), images)


def check(should_stop: ShouldStop) -> None:
    """Raises JobCancelled if the task is to stop."""
    if should_stop():
        raise JobCancelled("The evaluation was stopped; nothing of it was kept.")
