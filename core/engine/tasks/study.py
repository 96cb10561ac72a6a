"""The cells of a study. Everything here computes with one thread, so that any number of workers gets the same bits."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from core.config import Design, RunConfig
from core.data import Dataset, Split, split
from core.engine.inference import Classifier
from core.engine.machine import described, versions
from core.engine.repair import Repairer, sample
from core.engine.statistics import COMPUTED
from core.engine.tasks import task
from core.engine.training import FINE, Sparse, train
from core.engine.work import Work
from core.errors import StoreError
from core.evaluation import Comparison, compare
from core.networks import NETWORKS
from core.pruning import Ranking, Weights, kernels, prune, rank
from core.run import timestamp
from core.study.audit import Auditing
from core.study.cells import Cell, Curve


@task(Cell)
def cell(job: Cell, work: Work) -> Curve:
    """Compute one cell of a study."""
    weights = dense(job, work)
    began, data = time.perf_counter(), work.data(job.config).data
    curve = _Curve(job, weights, data, work)
    rows = curve.rows()
    return Curve(
        cell=job,
        total=sum(w.size for w in curve.prunable(weights).values()),
        k=tuple(row.k for row in rows),
        sizes=tuple(w.size for w in kernels(weights).values()),
        uses=tuple(layer.uses for layer in NETWORKS[job.config.network].kernels(data.problem).values()),
        layer_k=tuple(row.layer_k for row in rows),
        test=tuple(row.test for row in rows),
        seconds=time.perf_counter() - began,
        created=timestamp(),
        versions=versions(),
        machine={**described(), "threads": 1},
        weights=work.of or "",
    )


def dense(job: Cell | Auditing, work: Work) -> Weights:
    """The network that a job needs, trained before the job began; StoreError if it has been removed since."""
    (need,) = job.needs
    weights = work.results.get(need)
    if weights is None:
        raise StoreError("The network of this study was removed in the meantime; ask for it again.")
    return work.take(weights)


@dataclass(frozen=True)
class _Row:
    k: int
    layer_k: tuple[int, ...]
    test: Comparison


class _Curve:
    """A cell being computed."""

    def __init__(self, cell: Cell, weights: Weights, data: Dataset, work: Work) -> None:
        self._cell, self._dense, self._data, self._work = cell, weights, data, work
        self._train, held_out = split(data.train, cell.config.data)
        self._design, needs = cell.config.design(data.problem), cell.pruning.ranks_by.needs
        self._statistic = (
            COMPUTED[needs](self._design, weights, held_out, check=work.check, threads=1) if needs else None
        )

    def rows(self) -> list[_Row]:
        """One for each sparsity."""
        test, rows = _Images(self._design, self._data.test), []
        before = test.answers(self._dense, self._work.check)
        for sparsity in self._work.each(self._cell.sparsities):
            pruned = self._pruned(sparsity)
            zeros = {name: int(np.count_nonzero(w == 0)) for name, w in kernels(pruned).items()}
            k = sum(zeros[name] for name in self.prunable(pruned))
            compared = compare(test.labels, before, test.answers(pruned, self._work.check))
            rows.append(_Row(k, tuple(zeros.values()), compared))
        return rows

    def prunable(self, weights: Weights) -> dict[str, np.ndarray]:
        """The kernels that the cell prunes."""
        layers = kernels(weights)
        return layers if self._cell.layer is None else {self._cell.layer: layers[self._cell.layer]}

    def _pruned(self, sparsity: float) -> Weights:
        """The weights at one sparsity, repaired or retrained as the cell says."""
        match self._cell.retraining:
            case "none":
                pruned = self._cut(self._dense, sparsity)
                return self._repaired(pruned, sparsity) if self._cell.pruning.repaired else pruned
            case "fine-tune" | "iterative":
                return self._rounds(sparsity, None, FINE)
            case "rewind":
                return self._rounds(sparsity, self._early, 1.0)

    def _cut(self, weights: Weights, sparsity: float) -> Weights:
        """New weights, with the given share of the prunable ones set to zero."""
        return {**weights, **prune(self.prunable(weights), self._ranking(weights), sparsity)}

    def _ranking(self, weights: Weights) -> Ranking:
        return rank(self.prunable(weights), self._cell.pruning, self._statistic)

    def _repaired(self, pruned: Weights, sparsity: float) -> Weights:
        return self._repairer.repaired(pruned, self._ranking(self._dense).masks(sparsity))

    @cached_property
    def _repairer(self) -> Repairer:
        pruning = self._cell.pruning
        images = sample(self._train.images, pruning)
        return Repairer(self._design, self._dense, images, pruning, threads=1, check=self._work.check)

    def _rounds(self, sparsity: float, start: Weights | None, rate: float) -> Weights:
        """In each round prune by an equal ratio that leads to the final sparsity, then train the remaining weights.

        A round continues from the weights that it pruned or, if given, restarts from the weights `start`.
        """
        weights, rounds = self._dense, self._cell.rounds
        settings = self._cell.config.training
        training = replace(settings, epochs=self._cell.epochs // rounds, learning_rate=rate * settings.learning_rate)
        for n in range(1, rounds + 1):
            pruned = self._cut(weights, 1 - (1 - sparsity) ** (n / rounds))
            sparse = Sparse.after(pruned, weights if start is None else start)
            weights = self._trained(replace(self._cell.config, training=training), sparse)
        return weights

    @cached_property
    def _early(self) -> Weights:
        """The weights after the first epoch of training."""
        return self._trained(self._cell.config, until=1)

    def _trained(self, config: RunConfig, sparse: Sparse | None = None, until: int | None = None) -> Weights:
        stop = self._work.should_stop
        return train(config, self._data, should_stop=stop, sparse=sparse, until=until, threads=1).weights


class _Images:
    """A set of images to be classified."""

    def __init__(self, design: Design, images: Split) -> None:
        self.labels, self._classifier = images.labels, Classifier(design, images.images)

    def answers(self, weights: Weights, on_batch: Callable[[], object]) -> np.ndarray:
        """(n,) the class of the largest logit."""
        return np.asarray(self._classifier.infer(weights, on_batch=on_batch, threads=1).argmax(axis=1))
