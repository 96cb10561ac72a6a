"""Prune the same network by weights and by filters; evaluate, measure, retrain and time the result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from core.cost import compact
from core.cost.times import BATCHES
from core.cost.tradeoff import EPOCHS, RETRAINED, SHARES, SPARSITIES, Comparing, Method, Point, Tradeoff
from core.engine.inference import Classifier
from core.engine.machine import THREADS, described
from core.engine.tasks import task
from core.engine.timing import Pass, network, sparse, take_turns
from core.engine.training import FINE, Sparse, train
from core.engine.work import Ranked, Work
from core.evaluation import compare
from core.networks import NETWORKS
from core.pruning import Weights, kernels, prune
from core.pruning.filters import by_norm, take

_ROUNDS = 9


@task(Comparing)
def tradeoff(job: Comparing, work: Work) -> Tradeoff:
    """Compare a stored run, pruned in this way, with the same network without whole filters."""
    return _Comparison(work.ranked(job), work).tradeoff()


@dataclass(eq=False)
class _Comparison:
    """A comparison being made."""

    of: Ranked
    work: Work
    done: int = 0
    steps: int = 1
    points: list[Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._joints = NETWORKS[self.of.run.trained.network].joints
        self._data = self.work.data(self.of.run.trained).data
        self._classifier = Classifier(self.of.run.design, self._data.test.images)
        self._before = self._answers(self.of.weights)

    def tradeoff(self) -> Tradeoff:
        """All points, by method, retrained ones after the others."""
        small = {share: self._without(share) for share in RETRAINED}
        pruned = {1 - _left(weights) / self.of.ranking.total: weights for weights in small.values()}
        sparse_ones = {share: prune(self.of.weights, self.of.ranking, share) for share in pruned}
        prune_to = partial(prune, self.of.weights, self.of.ranking)
        plan: list[tuple[Method, float, Callable[[], Weights], int]] = [
            *(("filters", share, partial(self._without, share), 0) for share in SHARES),
            *(("filters", share, partial(self._retrained, Sparse(w, {})), EPOCHS) for share, w in small.items()),
            *(("weights", share, partial(prune_to, share), 0) for share in sorted({*SPARSITIES, *sparse_ones})),
            *(
                ("weights", share, partial(self._retrained, Sparse.after(w)), EPOCHS)
                for share, w in sparse_ones.items()
            ),
        ]
        self.steps = _ROUNDS + len(plan)
        times = self._times(small, sparse_ones)
        for method, share, made, epochs in plan:
            self._add(method, share, made(), times, epochs)
        return Tradeoff(self.points, self.of.ranking.total, THREADS, described())

    def _without(self, share: float) -> Weights:
        return take(self.of.weights, self._joints, by_norm(self.of.weights, self._joints, share))

    def _retrained(self, sparse: Sparse) -> Weights:
        config = self.of.run.trained
        fine = replace(config.training, epochs=EPOCHS, learning_rate=FINE * config.training.learning_rate)
        trained = train(replace(config, training=fine), self._data, sparse=sparse, should_stop=self.work.should_stop)
        return trained.weights

    def _add(
        self,
        method: Method,
        share: float,
        weights: Weights,
        times: "Mapping[tuple[Method, float], Mapping[int, tuple[float, float, float]]]",
        epochs: int,
    ) -> None:
        layers = [*kernels(weights).values()]
        comparison = compare(self._data.test.labels, self._before, self._answers(weights))
        self.points.append(
            Point(
                method=method,
                share=share,
                epochs=epochs,
                left=_left(weights),
                dense=sum(layer.nbytes for layer in layers),
                compact=len(compact.encode([np.ascontiguousarray(layer).view(np.uint32) for layer in layers])),
                comparison=comparison,
                times=times.get((method, share), {}),
            )
        )
        self._report()

    def _answers(self, weights: Weights) -> np.ndarray:
        logits = self._classifier.infer(weights, on_batch=self.work.check)
        return np.asarray(logits.argmax(axis=1))

    def _times(
        self, small: Mapping[float, Weights], pruned: Mapping[float, Weights]
    ) -> dict[tuple[Method, float], dict[int, tuple[float, float, float]]]:
        """For each network and batch, the quartiles of its time relative to the unpruned network in the same round."""
        design, images = self.of.run.design, self._data.test.images
        passes: dict[str, Pass] = {"dense": network(design, self.of.weights)}
        passes |= {f"filters {share}": network(design, weights) for share, weights in small.items()}
        passes |= {f"weights {share}": sparse(design, weights) for share, weights in pruned.items()}

        def on_round(done: int, of: int) -> None:
            self._report()

        seconds = take_turns(passes, images, on_round, _ROUNDS)

        def quartiles(name: str, batch: int) -> tuple[float, float, float]:
            ratios = np.array(seconds[batch][name]) / np.array(seconds[batch]["dense"])
            low, middle, high = np.percentile(ratios, (25, 50, 75))
            return float(low), float(middle), float(high)

        shares: dict[Method, list[float]] = {"filters": [*small], "weights": [*pruned]}
        return {
            (method, share): {batch: quartiles(f"{method} {share}", batch) for batch in BATCHES}
            for method, each in shares.items()
            for share in each
        }

    def _report(self) -> None:
        self.done += 1
        self.work.report(self.done, self.steps, at_most=True)


def _left(weights: Weights) -> int:
    return sum(int(np.count_nonzero(kernel)) for kernel in kernels(weights).values())
