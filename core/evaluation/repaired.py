"""What is known of a repaired run besides its profile: its weights at the stops, and where refitted ones lie."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError
from core.evaluation.profile import Profiling
from core.job import Job, OfRun
from core.pruning import At, Ranking, Weights
from core.pruning.distributions import Distributions


@dataclass(frozen=True)
class Repaired:
    """The store has a repaired run's weights at so many sparsities: all stops of its profile that prune anything."""

    stops: int


@dataclass(frozen=True, kw_only=True)
class Repairing(OfRun[Repaired]):
    """A run repaired at every stop, its weights kept: for what needs the networks themselves."""

    kind = "repair"
    noun = "repair"
    unit = "stop"

    @property
    def needs(self) -> tuple[Job[Any], ...]:
        """The profile, which has the stops."""
        return (Profiling(run_id=self.run_id, pruning=self.pruning),)


@dataclass(frozen=True, eq=False)
class Spread:
    """Kept weights after a refit, at S sparsities, in L layers, in the bars of the histograms of those as pruned.

    Attributes:
        sparsity: (S,) fractions.
        whole: (S, L, bars) counts; weights beyond the axis are in no bar.
        near: (S, L, bars) the same close to zero.

    Raises:
        StoreError: the counts are not of these sparsities.
    """

    sparsity: NDArray[np.float64]
    whole: NDArray[np.int64]
    near: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.sparsity) == len(self.whole) == len(self.near):
            raise StoreError("This distribution is damaged: it is not of its sparsities.")

    def row(self, sparsity: float) -> int | None:
        """The row of this sparsity; None if it is another's."""
        found = np.flatnonzero(self.sparsity == sparsity)
        return int(found[0]) if found.size else None


@dataclass(frozen=True, kw_only=True)
class Spreading(OfRun[Spread]):
    """The distributions of a refitted run's weights over the stops."""

    kind = "spread"
    noun = "distribution of the refitted weights"
    unit = "stop"

    @property
    def needs(self) -> tuple[Job[Any], ...]:
        """The profile, whose networks these are."""
        return (Profiling(run_id=self.run_id, pruning=self.pruning),)


def spread(
    weights: Weights,
    ranking: Ranking,
    sparsities: Sequence[float],
    at: At,
    on_stop: Callable[[int, int], object] = lambda done, of: None,
) -> Spread:
    """Count the refitted weights at each sparsity.

    Args:
        weights: the dense weights.
        ranking: theirs.
        sparsities: fractions.
        at: the refitted weights at a sparsity.
        on_stop: called with the number done and the total.
    """
    parts = Distributions.of(weights, ranking)
    whole, near = list[list[NDArray[np.int64]]](), list[list[NDArray[np.int64]]]()
    for done, sparsity in enumerate(sparsities, 1):
        refitted, masks = at(sparsity), ranking.masks(sparsity)
        kept = [refitted[name][mask] for name, mask in masks.items()]
        counts = [int(mask.size - np.count_nonzero(mask)) for mask in masks.values()]
        for rows, histograms in ((whole, parts.at(counts)), (near, parts.near(counts))):
            rows.append([np.histogram(w, h.edges)[0] for w, h in zip(kept, histograms, strict=True)])
        on_stop(done, len(sparsities))
    return Spread(np.array(sparsities, np.float64), np.array(whole, np.int64), np.array(near, np.int64))
