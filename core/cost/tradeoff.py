"""Single weights or whole filters: accuracy against size and time for two ways to prune the same network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from core.cost.times import BATCHES
from core.errors import StoreError
from core.evaluation import Comparison
from core.job import OfRun
from core.words import wording

Method = Literal["weights", "filters"]
"""Single weights set to zero, or whole filters removed, which leaves a smaller dense network."""

SHARES = tuple(percent / 100 for percent in range(0, 100, 5))
"""Shares of each layer's filters that are removed."""

SPARSITIES = tuple(percent / 100 for percent in (0, *range(10, 91, 10), 95, 98, 99))
"""Shares of all weights that are set to zero."""

RETRAINED = (0.25, 0.5, 0.75)
"""Shares of filters at which the network is retrained and timed, as is one with as many single weights left."""

EPOCHS = 2
"""Epochs of retraining."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One pruned network.

    Attributes:
        method: how it was pruned.
        share: share of the weights set to zero, or of each layer's filters removed.
        epochs: epochs of retraining.
        left: number of nonzero weights.
        dense: bytes of its kernels as float32, zeros included.
        compact: bytes of its kernels in the compact encoding.
        comparison: with the unpruned network on the test images.
        times: for each batch, the quartiles of its time relative to the unpruned network in the same round.
            Empty if it was not timed. Weights are timed as sparse matrices (CSR).
    """

    method: Method
    share: float
    epochs: int
    left: int
    dense: int
    compact: int
    comparison: Comparison
    times: Mapping[int, tuple[float, float, float]]

    def __post_init__(self) -> None:
        if self.times and {*self.times} != {*BATCHES}:
            raise StoreError("A network was timed with other batches.")


@dataclass(frozen=True)
class Tradeoff:
    """The comparison for a network of `total` weights, on a machine (as in a run) with so many threads.

    Raises:
        StoreError: a line is missing.
    """

    points: Sequence[Point]
    total: int
    threads: int
    machine: Mapping[str, str | int | bool]

    def line(self, method: Method, *, retrained: bool) -> list[Point]:
        """The points of one line, from the most weights to the fewest; both begin with the unpruned network."""
        return [p for p in self.points if p.method == method and (p.epochs > 0) == retrained]

    def __post_init__(self) -> None:
        for method in get_args(Method):
            for retrained in (False, True):
                if not self.line(method, retrained=retrained):
                    raise StoreError(f"This comparison has no line of {method}.")


@dataclass(frozen=True, kw_only=True)
class Comparing(OfRun[Tradeoff]):
    """Compare pruning single weights of a run with removing whole filters."""

    kind = "tradeoff"
    noun = "comparison of weights and filters"
    trains = True


def in_words(tradeoff: Tradeoff) -> str:
    """The result in words: the retrained networks with the same number of weights left."""
    pairs = zip(tradeoff.line("filters", retrained=True), tradeoff.line("weights", retrained=True), strict=True)
    filters, weights = list(pairs)[1]
    batch = BATCHES[-1]
    (_, fast, _), (_, slow, _) = filters.times[batch], weights.times[batch]
    left = wording.percent(filters.left / tradeoff.total, 0)
    return (
        f"With {left} of the weights left and {EPOCHS} epochs of retraining, single weights reach "
        f"{wording.percent(weights.comparison.pruned.value)} and whole filters "
        f"{wording.percent(filters.comparison.pruned.value)}; the unpruned network, without retraining, has "
        f"{wording.percent(filters.comparison.dense.value)}. "
        f"For {batch} images, the network without those filters takes {_times(fast)} the time of the unpruned one, the "
        f"one without those weights, as sparse matrices, {_times(slow)}."
    )


def _times(ratio: float) -> str:
    return f"{wording.decimal(ratio, 2 if ratio < 10 else 0)} times"
