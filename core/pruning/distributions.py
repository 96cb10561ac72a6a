"""Layerwise weight distributions, split exactly into kept and removed weights at any number removed.

Each layer's weights are held in the order in which pruning removes them, with the histogram bin of each.
The removed weights are then a prefix, and counting them is a look-up: exact even where magnitudes tie or the
criterion is not magnitude.

A cut is a magnitude up to which weights are removed. Only the criterion magnitude has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.pruning import PruningConfig, Ranking, Weights, kernels

BINS = 61
"""Odd, so one bar is centred on zero."""
ZOOM_BINS = 30
ZOOM = 5
"""The zoom shows this many times the cut on each side of zero, so the cut falls on the edge of a bar."""
_LESS_THAN_FLOAT32 = 2.0**-30
"""A relative step that no float32 lies in."""


@dataclass(frozen=True)
class Histogram:
    """Signed weights of one layer: `edges` (B + 1,), `kept` and `removed` (B,) counts.

    `zeros` weights of the dense layer are exactly zero; they are in no bar.
    """

    name: str
    edges: NDArray[np.float64]
    kept: NDArray[np.int64]
    removed: NDArray[np.int64]
    zeros: int = 0

    @property
    def centres(self) -> NDArray[np.float64]:
        return (self.edges[:-1] + self.edges[1:]) / 2

    @property
    def width(self) -> float:
        """Width of one bar, in units of the weight."""
        return float(self.edges[1] - self.edges[0])


@dataclass(frozen=True)
class OrderedLayer:
    """One layer's weights in the order in which they are removed.

    `filters_gone` (F,), sorted: after how many removals each filter (output channel or unit) is all zero.
    """

    name: str
    ordered: NDArray[np.float32]
    filters_gone: NDArray[np.int64]

    @classmethod
    def of(cls, name: str, kernel: NDArray[np.float32], order: NDArray[np.int64]) -> Self:
        """`order` (n,): flat indices into `kernel`, first removed first."""
        place = np.empty(order.size, np.int64)
        place[order] = np.arange(1, order.size + 1)
        place[kernel.ravel() == 0] = 0
        return cls(name, kernel.ravel()[order], np.sort(place.reshape(len(kernel), -1).max(axis=1)))

    def filters_zeroed(self, k: int) -> int:
        """How many filters are all zero once the first `k` weights are removed."""
        return int(np.searchsorted(self.filters_gone, k, side="right"))

    def cut(self, k: int) -> float:
        """The magnitude of the last of the first `k`, with the criterion magnitude their largest; 0 if k is 0."""
        return float(np.abs(self.ordered[k - 1])) if k else 0.0

    @cached_property
    def reach(self) -> float:
        """The largest magnitude; 1 for a layer of zeros, whose axis needs a length."""
        return float(np.abs(self.ordered).max(initial=0.0)) or 1.0

    @cached_property
    def smallest(self) -> float:
        """The smallest magnitude that is not zero, or `reach`."""
        sizes = np.abs(self.ordered)
        return float(sizes[sizes > 0].min(initial=self.reach))

    @cached_property
    def _edges(self) -> NDArray[np.float64]:
        return np.linspace(-self.reach, self.reach, BINS + 1)

    @cached_property
    def _zero(self) -> NDArray[np.bool_]:
        return np.equal(self.ordered, 0)

    @cached_property
    def zeros(self) -> int:
        """How many weights of the dense layer are exactly zero."""
        return int(np.count_nonzero(self._zero))

    @cached_property
    def _bins(self) -> NDArray[np.uint8]:
        """The bar of each weight; exact zeros have one of their own after the last."""
        bins = np.clip(np.searchsorted(self._edges, self.ordered, side="right") - 1, 0, BINS - 1)
        return np.where(self._zero, BINS, bins).astype(np.uint8)

    @cached_property
    def _totals(self) -> NDArray[np.int64]:
        return np.bincount(self._bins, minlength=BINS + 1)

    def at(self, k: int) -> Histogram:
        """All weights but exact zeros, with those among the first `k` of the removal order counted separately."""
        removed = np.bincount(self._bins[:k], minlength=BINS + 1)
        return Histogram(self.name, self._edges, (self._totals - removed)[:BINS], removed[:BINS], self.zeros)

    def near(self, k: int, unit: float) -> Histogram:
        """Those within `ZOOM` units of zero, in bars of a third of a unit; a weight of one unit is within it."""
        end = ZOOM * unit * (1 + _LESS_THAN_FLOAT32)
        edges = np.linspace(-end, end, ZOOM_BINS + 1)
        if self._by_value is None:
            removed, kept = (_histogram(self.ordered[part], end) for part in (slice(k), slice(k, None)))
        else:
            places = np.searchsorted(self._by_value, _next_float32(edges)).astype(np.int64)
            gone = np.clip(places, *self._removed(k))
            removed = gone[1:] - gone[:-1]
            kept = places[1:] - places[:-1] - removed
        return Histogram(self.name, edges, kept, removed, self.zeros)

    @cached_property
    def _by_value(self) -> NDArray[np.float32] | None:
        """The weights that are not zero, sorted; None if they are not removed in order of magnitude."""
        sizes = np.abs(self.ordered)
        if not (sizes[:-1] <= sizes[1:]).all():
            return None
        return np.concatenate([self.ordered[self.ordered < 0][::-1], self.ordered[self.ordered > 0]])

    def _removed(self, k: int) -> tuple[int, int]:
        """Where those among the first `k` in order of magnitude begin and end in `_by_value`: around zero."""
        negative = int(np.count_nonzero(self.ordered[:k] < 0))
        middle = int(np.count_nonzero(self.ordered < 0))
        return middle - negative, middle - negative + max(min(k, self.ordered.size) - self.zeros, 0)


def _histogram(weights: NDArray[np.float32], end: float) -> NDArray[np.int64]:
    """Counts of those that are not zero in `ZOOM_BINS` equal bars between -end and end."""
    inside = weights[(np.abs(weights) <= np.float64(end)) & (weights != 0)].astype(np.float64)
    return np.histogram(inside, ZOOM_BINS, (-end, end))[0]


def _next_float32(edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """The smallest float32 that is not below each edge, and after the last edge, which its bar includes, the next.

    A float32 is below it just if it is below the edge; searching for float64 would copy all weights.
    """
    with np.errstate(over="ignore", under="ignore"):
        near = edges.astype(np.float32)
        after = np.nextafter(near, np.float32(np.inf))
    low = near < edges
    low[-1] = near[-1] <= edges[-1]
    return np.where(low, after, near)


@dataclass(frozen=True)
class Distributions:
    """The distributions of all layers of one network under one ranking."""

    pruning: PruningConfig
    layers: tuple[OrderedLayer, ...]

    @classmethod
    def of(cls, weights: Weights, ranking: Ranking) -> Self:
        """Put each kernel's weights in `ranking`'s order. Costs about one sort; keep the result."""
        layers = kernels(weights)
        return cls(
            ranking.pruning,
            tuple(OrderedLayer.of(name, layers[name], order) for name, order in ranking.orders().items()),
        )

    @property
    def has_cut(self) -> bool:
        """Whether each layer's weights are removed in order of magnitude, so a cut exists."""
        return self.pruning.ranks_by.by_magnitude and not self.pruning.within.by_level

    def cuts(self, layer_k: Sequence[int]) -> tuple[float, ...]:
        """The cut in each layer: the network's with global scope, else its own. 0 where nothing is removed."""
        own = tuple(layer.cut(int(k)) for layer, k in zip(self.layers, layer_k, strict=True))
        return (max(own),) * len(own) if self.pruning.is_global else own

    def at(self, layer_k: Sequence[int]) -> tuple[Histogram, ...]:
        """One histogram a layer, the first `layer_k` weights of each counted as removed."""
        return tuple(layer.at(int(k)) for layer, k in zip(self.layers, layer_k, strict=True))

    def near(self, layer_k: Sequence[int]) -> tuple[Histogram, ...]:
        """The same within `ZOOM` cuts of zero; without a cut, within `ZOOM` times the layer's smallest weight."""
        parts = zip(self.layers, layer_k, self.cuts(layer_k), strict=True)
        return tuple(layer.near(int(k), cut or layer.smallest) for layer, k, cut in parts)
