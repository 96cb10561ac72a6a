"""Ranking -> masks -> pruned weights, as pure functions of arrays.

Kernels are flattened in C order and laid end to end in the order of the mapping; a weight's place in that row is
its flat index. One stable sort of a float32 score over it is the ranking; a sparsity only says how far to go.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.config import PruningConfig
from core.errors import PruningError

Weights = Mapping[str, NDArray[np.float32]]
"""The float state of a network, parameters and buffers, in the order of the model's state_dict."""

Flat = NDArray[np.float32]
Score = Callable[[Flat, np.random.Generator], Flat]


def kernels(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The entries that may be pruned: those named `*.weight` with two or more dimensions."""
    return {name: w for name, w in weights.items() if name.endswith(".weight") and w.ndim >= 2}


def magnitude(w: Flat, rng: np.random.Generator) -> Flat:
    """|w|: the smallest go first."""
    return np.abs(w)


def largest(w: Flat, rng: np.random.Generator) -> Flat:
    """-|w|: the largest go first, the worst case for comparison."""
    return -np.abs(w)


def signed(w: Flat, rng: np.random.Generator) -> Flat:
    """w itself: the most negative go first."""
    return w.copy()


def random(w: Flat, rng: np.random.Generator) -> Flat:
    """Random numbers. Uniform in their bits, not in their values, so that 2**31 of them differ."""
    return rng.integers(0x7F800000, size=w.size, dtype=np.uint32).view(np.float32)


def lamp(w: Flat, rng: np.random.Generator) -> Flat:
    """Layer-adaptive magnitude (Lee et al., ICLR 2021), w² / sum of the w² that go later in its layer, itself included.

    Its square root, which orders the same and does not underflow in float32. 0 throughout an all-zero layer.
    """
    order = _order(_sortable(np.abs(w)).astype(np.uint64), ((0, w.size),))
    ascending = np.abs(w[order])
    if w.any():
        rest = np.square(ascending, dtype=np.float64)[::-1]
        np.sqrt(np.cumsum(rest, out=rest), out=rest)
        ascending /= rest[::-1]
        del rest  # before the next array, to save memory
    score = np.empty_like(w)
    score[order] = ascending
    return score


SCORES: dict[str, Score] = {
    "magnitude": magnitude,
    "random": random,
    "largest": largest,
    "signed": signed,
    "lamp": lamp,
}
"""Criterion -> new float32 scores of one layer's flat weights; the lowest go first."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Which weights go first.

    Attributes:
        pruning: the criterion and scope that made it.
        names: the kernels' names, L of them.
        shapes: their shapes.
        order: (N,) uint32, flat indices in the order of pruning; with layerwise scope, layer after layer.
    """

    pruning: PruningConfig
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    order: NDArray[np.uint32]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Weights per kernel."""
        return tuple(math.prod(shape) for shape in self.shapes)

    @property
    def total(self) -> int:
        """N, the number of weights that can be pruned."""
        return self.order.size

    def count(self, sparsity: float) -> int:
        """k, the number of weights pruned: round(s N), or with layerwise scope the sum of the layers' round(s n).

        Raises:
            PruningError: the sparsity is not a fraction from 0 to 1.
        """
        return sum(_share(sparsity, stop - start) for start, stop in self._groups())

    def layer_counts(self, sparsity: float) -> dict[str, int]:
        """The number of weights pruned in each kernel; raises as `count` does."""
        return {name: mask.size - int(np.count_nonzero(mask)) for name, mask in self.masks(sparsity).items()}

    def masks(self, sparsity: float) -> dict[str, NDArray[np.bool_]]:
        """Per kernel, in its shape: True = kept. Exactly `count` entries are False; raises as `count` does."""
        kept = np.ones(self.total, np.bool_)
        for start, stop in self._groups():
            kept[self.order[start : start + _share(sparsity, stop - start)]] = False
        layers = zip(self.names, self.shapes, _spans(self.sizes), strict=True)
        return {name: kept[start:stop].reshape(shape) for name, shape, (start, stop) in layers}

    def orders(self) -> dict[str, NDArray[np.int64]]:
        """Per kernel: flat indices into it, in the order in which its weights are pruned."""
        layers = zip(self.names, _spans(self.sizes), strict=True)
        within = ((name, start, (start <= self.order) & (self.order < stop)) for name, (start, stop) in layers)
        return {name: self.order[mask].astype(np.int64) - start for name, start, mask in within}

    def threshold(self, weights: Weights, sparsity: float) -> float:
        """The largest |w| that is pruned, 0 if none is; raises as `prune` does."""
        _check_fit(weights, self)
        removed = (weights[name][~mask] for name, mask in self.masks(sparsity).items())
        return max(float(np.abs(w).max(initial=0)) for w in removed)

    def _groups(self) -> tuple[tuple[int, int], ...]:
        """The spans of `order` within which weights compete."""
        return _groups(self.pruning, self.sizes)


def rank(weights: Weights, pruning: PruningConfig) -> Ranking:
    """Order all weights by the criterion, ties by flat index.

    Takes at most five times the bytes of the weights while it runs, and keeps as many as the weights have.

    Raises:
        PruningError: there is nothing to prune, or a kernel holds NaN or infinity.
    """
    layers = kernels(weights)
    sizes = [w.size for w in layers.values()]
    if not sum(sizes):
        raise PruningError("These weights hold no kernels to prune; choose a network with convolutions.")

    rng, score = np.random.default_rng(pruning.seed), SCORES[pruning.criterion]
    keys = np.concatenate([_sortable(score(_finite(name, w), rng)) for name, w in layers.items()], dtype=np.uint64)
    order = _order(keys, _groups(pruning, sizes))
    return Ranking(pruning, tuple(layers), tuple(w.shape for w in layers.values()), order)


def prune(weights: Weights, ranking: Ranking, sparsity: float) -> dict[str, NDArray[np.float32]]:
    """New arrays with the first k weights of the ranking set to +0.0 and everything else copied bit for bit.

    Args:
        weights: the unpruned weights, those that were ranked; not modified.
        ranking: from `rank`.
        sparsity: fraction pruned, from 0 to 1.

    Raises:
        PruningError: the sparsity is out of range, or the ranking is of other layers.
    """
    _check_fit(weights, ranking)
    masks = ranking.masks(sparsity)
    return {name: np.where(masks[name], w, np.float32(0)) if name in masks else w.copy() for name, w in weights.items()}


def _sortable(score: Flat) -> NDArray[np.uint32]:
    """Bits that order as the scores do, with -0.0 equal to +0.0. Overwrites the scores, to save memory."""
    score += np.float32(0)
    bits = score.view(np.uint32)
    flip = (bits.view(np.int32) >> 31).view(np.uint32)  # all ones below zero, whose order is the reverse
    flip |= np.uint32(0x80000000)
    bits ^= flip
    return bits


def _order(keys: NDArray[np.uint64], groups: tuple[tuple[int, int], ...]) -> NDArray[np.uint32]:
    """The stable order of 32-bit keys within each group, as flat indices. Overwrites the keys.

    With its index in the low half no two keys are equal, so that the fast unstable sort gives the stable order.
    """
    keys <<= np.uint64(32)
    keys |= np.arange(keys.size, dtype=np.uint32)
    for start, stop in groups:
        keys[start:stop].sort()
    return keys.astype(np.uint32)  # keeps the low half


def _spans(sizes: list[int] | tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(start, stop) of each layer in the flat row."""
    return tuple(pairwise(np.cumsum([0, *sizes]).tolist()))


def _groups(pruning: PruningConfig, sizes: list[int] | tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return _spans(sizes) if pruning.scope == "layerwise" else ((0, sum(sizes)),)


def _share(sparsity: float, size: int) -> int:
    """Python's rounding of the float64 product, as torch.nn.utils.prune does."""
    if not 0 <= sparsity <= 1:
        raise PruningError(f"The sparsity is {sparsity:g}; choose a fraction from 0 to 1 (0 to 100 %).")
    return round(float(sparsity) * size)


def _finite(name: str, w: NDArray[np.float32]) -> Flat:
    flat = w.astype(np.float32, copy=False).reshape(-1)
    if not np.isfinite(flat).all():
        bad = flat.size - np.count_nonzero(np.isfinite(flat))
        raise PruningError(f"{name} holds {bad:,} NaN or infinite weights; train again with a lower learning rate.")
    return flat


def _check_fit(weights: Weights, ranking: Ranking) -> None:
    shapes = {name: w.shape for name, w in kernels(weights).items()}
    if shapes != dict(zip(ranking.names, ranking.shapes, strict=True)):
        raise PruningError("The ranking is of a network with other layers; rank these weights first.")
