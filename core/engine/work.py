"""What a task works with: the store, the data set, the weights, and the reports to its job's visitors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core import data
from core.config import RunConfig
from core.data import Dataset
from core.data.pool import Pool
from core.engine.network import Network, Repaired
from core.engine.own.network import Own
from core.engine.trained import Trained
from core.errors import DataError, JobCancelled, StoreError
from core.evaluation.profile import STOPS
from core.job import Job, OfRun
from core.own.brought import PICTURES
from core.own.pictures import in_order, opened
from core.progress import Progress
from core.pruning import PruningConfig, Ranking, Weights, prune, rank
from core.run import Run
from core.store.arrays import digest
from core.store.derived import REPAIRED
from core.store.results import Results
from core.store.runs import RunStore

T = TypeVar("T")

ROOM = 400_000_000
"""Bytes that repaired weights may use on disk, or as many as those of one run at all stops; ConvNet's take 50 MB."""

OnProgress = Callable[[Progress], object]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Source:
    """A data set and the MD5 of each of its files."""

    data: Dataset
    md5: dict[str, str]


GetSource = Callable[[str], Source]
"""A function from a data set's name (`DataConfig.name`) to the data set."""


def official(name: str) -> Source:
    """The data set on this machine; raises DataError if it is missing or incomplete."""
    return Source(data.load(name), data.md5s(name))


@dataclass(eq=False)
class Ranked:
    """A stored run with its weights in the order of pruning, and its network."""

    run: Run
    weights: Weights
    ranking: Ranking
    network: Network
    work: "Work"

    def at(self, sparsity: float) -> Weights:
        """The weights at a sparsity, pruned and repaired as the job asks; repaired weights are kept.

        Raises:
            DataError, PruningError, StoreError: with a sentence for the visitor.
            JobCancelled: the job is to stop.
        """
        pruning = self.ranking.pruning
        if not (pruning.repaired and self.ranking.count(sparsity)):
            return prune(self.weights, self.ranking, sparsity)
        name = self.work.store.repaired(self.run.id, pruning, sparsity)
        kept = self.work.store.kept_arrays(name)
        if kept is None:
            pruned = prune(self.weights, self.ranking, sparsity)
            kept = dict(self._repaired(pruned, self.ranking.masks(sparsity), self.work.say_layers))
            self.work.store.keep_arrays(name, kept)
            self.work.store.trim(REPAIRED, max(ROOM, len(STOPS) * self.run.bytes))
        return kept

    @cached_property
    def _repaired(self) -> Repaired:
        return self.network.repairer(self.weights, self.ranking.pruning)


@dataclass(eq=False)
class Work:
    """A job being done.

    Attributes:
        job: the job.
        results: the store that it reads from and writes its result to.
        on_progress: called with its progress.
        should_stop: returns whether to stop.
        source: loads data sets.
        of: the digest of the weights that the job was last given: its result is computed from them.
    """

    job: Job[Any]
    results: Results
    on_progress: OnProgress = lambda progress: None
    should_stop: ShouldStop = lambda: False
    source: GetSource = official
    of: str | None = field(default=None, init=False)

    _said: Progress = field(default=Progress("loading", 0, 1), init=False)

    @property
    def store(self) -> RunStore:
        """The runs."""
        return self.results.runs

    def check(self) -> None:
        """Raises JobCancelled if the job is to stop."""
        if self.should_stop():
            raise JobCancelled("The evaluation was stopped; nothing was kept.")

    def report(self, done: int, of: int, *, at_most: bool = False) -> None:
        """Report that `done` of `of` units of the job are done; raises as `check` does."""
        self.say(Progress("evaluating", done, of, unit=self.job.unit, at_most=at_most))

    def say(self, progress: Progress) -> None:
        """Report this; raises as `check` does."""
        self.check()
        self._said = progress
        self.on_progress(progress)

    def say_layers(self, done: int, of: int) -> None:
        """Report that so many layers are repaired in the unit that was reported last; raises as `check` does."""
        self.say(replace(self._said, layers=(done, of)))

    def each(self, parts: Sequence[T]) -> Iterator[T]:
        """Yield the parts of a job in turn, and report how many are done, beginning with 0."""
        self.report(0, len(parts))
        for done, part in enumerate(parts, 1):
            yield part
            self.report(done, len(parts))

    def data(self, config: RunConfig) -> Source:
        """Report that the data set of a configuration is being loaded, and load it.

        Raises:
            DataError: it is not available, or it is not what the run of that configuration was trained on.
            StoreError: there is such a run, but it is damaged.
        """
        self.on_progress(Progress("loading", 0, 1))
        source, run_id = self.source(config.data.name), config.run_id
        if self.store.has(run_id) and (difference := self.store.unlike(run_id, source.data.test, source.data.classes)):
            title = data.title(config.data.name)
            raise DataError(
                f"The data set {title} is not what run {run_id} was trained on: {difference}. Train it again."
            )
        return source

    def weights(self, job: OfRun[Any]) -> Weights:
        """The dense weights of a job's run; raises StoreError if there is no such run, or it is damaged."""
        return self.take(self.store.weights(job.run_id))

    def take(self, weights: Weights) -> Weights:
        """Note that the result will be computed from these weights."""
        self.of = digest(weights)
        return weights

    def ranked(self, job: OfRun[Any]) -> Ranked:
        """A job's run, and its weights in the order in which the job prunes them.

        Raises:
            DataError, PruningError, StoreError: with a sentence for the visitor.
            JobCancelled: the job is to stop.
        """
        run, weights = self.store.get(job.run_id), self.weights(job)
        network = self.network(run)
        return Ranked(run, weights, self._ranking(run, weights, job.pruning, network), network, self)

    def network(self, run: Run) -> Network:
        """The network of a run; its data set is loaded once it is needed."""
        if run.brought is None:
            return Trained(run, lambda: self.data(run.trained).data, self.check)
        return Own(run, partial(self.file, run), partial(self.pool, run), self.check)

    def file(self, run: Run, name: str) -> Path:
        """The path of one more file of a run; raises StoreError if it is missing."""
        found = self.store.file(run.id, name)
        if found is None:
            raise StoreError(f"{name} of run {run.id} is missing; bring the network again.")
        return found

    def pool(self, run: Run) -> Pool:
        """Report that the data set of a network that was brought is being opened, and open it.

        Raises:
            DataError: it is not available, or not the one that the run was evaluated on.
        """
        self.on_progress(Progress("loading", 0, 1))
        pool = opened(run.data_set, self.store.file(run.id, PICTURES))
        labels = in_order(pool).labels
        if pool.classes != run.classes or not np.array_equal(labels, self.store.labels(run.id)):
            raise DataError(f"The data set {run.data_title} is not what run {run.id} was evaluated on; bring it again.")
        return pool

    def _ranking(self, run: Run, weights: Weights, pruning: PruningConfig, network: Network) -> Ranking:
        """The ranking of a run; a statistic for its criterion is computed once, and stored."""
        needs = pruning.ranks_by.needs
        statistic = self.store.statistic(run.id, needs) if needs else None
        if needs and statistic is None:
            statistic = network.statistic(needs, weights)
            self.store.save_statistic(run.id, needs, statistic, digest(weights))
        return rank(weights, pruning, statistic)
