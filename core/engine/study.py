"""The cells of a study. Everything here computes with one thread, so that any number of workers gets the same bits."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from core.config import Design, RunConfig
from core.data import Split, split
from core.engine.gradients import gradients
from core.engine.inference import Classifier
from core.engine.machine import described, versions
from core.engine.source import GetSource, OnProgress, ShouldStop, Source, check, loaded, official
from core.engine.training import Sparse, train
from core.evaluation import Comparison, compare
from core.networks import NETWORKS
from core.progress import Progress
from core.pruning import GRADIENT_CRITERIA, Weights, kernels, prune, rank
from core.store.curves import CurveStore
from core.store.runs import RunStore, digest, now
from core.study.cells import Cell, Curve

FINE = 0.3
"""The highest learning rate of a fine-tuning, as a share of the training's own."""


def network(
    config: RunConfig,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Train the dense network of a study's cells and store its weights, unless they are stored or it is a run.

    Raises:
        DataError, ConfigError, TrainingError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    dense(config, CurveStore(RunStore(root)), on_progress, should_stop, source)


def dense(
    config: RunConfig,
    store: CurveStore,
    on_progress: OnProgress,
    should_stop: ShouldStop,
    source: GetSource,
) -> Weights:
    """The weights of a dense network, trained and stored if they are missing."""
    known = store.weights(config)
    if known is None:
        data = loaded(source, config, store.runs, on_progress).data
        known = train(config, data, on_progress=on_progress, should_stop=should_stop, threads=1).weights
        store.save_weights(config, known)
    return known


def cell(
    cell: Cell,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Compute one cell of a study and store its curve, training its network first if that is missing.

    Raises:
        DataError, ConfigError, TrainingError, PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    store = CurveStore(RunStore(root))
    if store.curve(cell) is None:
        compute(cell, store=store, on_progress=on_progress, should_stop=should_stop, source=source)


def compute(
    cell: Cell,
    *,
    store: CurveStore,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """As `cell`, whether it is stored or not."""
    weights = dense(cell.config, store, on_progress, should_stop, source)
    began = time.perf_counter()
    found = loaded(source, cell.config, store.runs, on_progress)
    work = _Work(cell, weights, found, on_progress, should_stop)
    rows = work.rows()
    store.save(
        Curve(
            cell=cell,
            total=sum(w.size for w in work.prunable(weights).values()),
            k=tuple(row.k for row in rows),
            sizes=tuple(w.size for w in kernels(weights).values()),
            uses=tuple(layer.uses for layer in NETWORKS[cell.config.network].layers(found.data.problem).values()),
            layer_k=tuple(row.layer_k for row in rows),
            test=tuple(row.test for row in rows),
            validation=tuple(row.validation for row in rows),
            seconds=time.perf_counter() - began,
            created=now(),
            versions=versions(),
            machine={**described(), "threads": 1},
            weights=digest(weights),
        )
    )


@dataclass(frozen=True)
class _Row:
    k: int
    layer_k: tuple[int, ...]
    test: Comparison
    validation: Comparison


class _Work:
    """A cell being computed."""

    def __init__(
        self, cell: Cell, weights: Weights, source: Source, on_progress: OnProgress, should_stop: ShouldStop
    ) -> None:
        self._cell, self._dense, self._data = cell, weights, source.data
        self._on_progress, self._check = on_progress, partial(check, should_stop)
        self._should_stop = should_stop
        held_out, design = split(source.data.train, cell.config.data)[1], cell.config.design(source.data.problem)
        self._sets = [_Images(design, images) for images in (source.data.test, held_out)]
        needs = cell.pruning.criterion in GRADIENT_CRITERIA
        self._gradients = gradients(design, weights, held_out, on_batch=self._check) if needs else None

    def rows(self) -> list[_Row]:
        """One for each sparsity."""
        before, found = [images.answers(self._dense, self._check) for images in self._sets], []
        self._report(0)
        for sparsity in self._cell.sparsities:
            pruned = self._pruned(sparsity)
            zeros = {name: int(np.count_nonzero(w == 0)) for name, w in kernels(pruned).items()}
            k = sum(zeros[name] for name in self.prunable(pruned))
            sets = zip(self._sets, before, strict=True)
            test, validation = (compare(s.labels, b, s.answers(pruned, self._check)) for s, b in sets)
            found.append(_Row(k, tuple(zeros.values()), test, validation))
            self._report(len(found))
        return found

    def prunable(self, weights: Weights) -> dict[str, np.ndarray]:
        """The kernels among which the cell chooses."""
        found = kernels(weights)
        return found if self._cell.layer is None else {self._cell.layer: found[self._cell.layer]}

    def _report(self, done: int) -> None:
        self._on_progress(Progress("evaluating", done, len(self._cell.sparsities), unit="sparsity"))

    def _pruned(self, sparsity: float) -> Weights:
        """The weights at one sparsity, retrained as the cell says."""
        match self._cell.retraining:
            case "none":
                return self._cut(self._dense, sparsity)
            case "fine-tune" | "iterative":
                return self._rounds(sparsity, None, FINE)
            case "rewind":
                return self._rounds(sparsity, self._train(self._cell.config, until=1), 1.0)

    def _cut(self, weights: Weights, sparsity: float) -> Weights:
        """New weights with so many of those that may be pruned set to zero."""
        part = self.prunable(weights)
        ranking = rank(part, self._cell.pruning, self._slopes(part))
        return {**weights, **prune(part, ranking, sparsity)}

    def _slopes(self, part: Weights) -> Weights | None:
        return None if self._gradients is None else {name: self._gradients[name] for name in part}

    def _rounds(self, sparsity: float, start: Weights | None, rate: float) -> Weights:
        """In each round prune by the ratio that leads to the sparsity in equal ones, then train what is left.

        A round trains on from the weights that it pruned or, if given, anew from the weights `start`.
        """
        weights, rounds = self._dense, self._cell.rounds
        settings = self._cell.config.training
        training = replace(settings, epochs=self._cell.epochs // rounds, learning_rate=rate * settings.learning_rate)
        for n in range(1, rounds + 1):
            masks = _masks(self._cut(weights, 1 - (1 - sparsity) ** (n / rounds)))
            sparse = Sparse(weights if start is None else start, masks)
            weights = self._train(replace(self._cell.config, training=training), sparse)
        return weights

    def _train(self, config: RunConfig, sparse: Sparse | None = None, until: int | None = None) -> Weights:
        stop = self._should_stop
        return train(config, self._data, should_stop=stop, sparse=sparse, until=until, threads=1).weights


def _masks(pruned: Weights) -> dict[str, np.ndarray]:
    """What is left of each kernel."""
    return {name: w != 0 for name, w in kernels(pruned).items()}


class _Images:
    """A set of images that networks answer."""

    def __init__(self, design: Design, images: Split) -> None:
        self.labels, self._classifier = images.labels, Classifier(design, images.images)

    def answers(self, weights: Weights, on_batch: Callable[[], object]) -> np.ndarray:
        """(n,) the class of the largest logit."""
        return np.asarray(self._classifier.infer(weights, on_batch=on_batch, threads=1).argmax(axis=1))
