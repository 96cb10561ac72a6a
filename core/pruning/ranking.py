"""Ranking -> masks -> pruned weights, as pure functions of arrays.

Kernels are flattened in C order and laid end to end in the order of the mapping; a weight's place in that row is
its flat index. One stable sort of a float32 score over it is the ranking; a sparsity only says how far to go.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.config import PruningConfig
from core.errors import PruningError

Weights = Mapping[str, NDArray[np.float32]]
"""The float state of a network, parameters and buffers, in the order of the model's state_dict."""

Flat = NDArray[np.float32]
Score = Callable[[Flat, np.random.Generator, Flat], Flat]
"""A layer's weights, a source of chance and, of the criteria that need it, the loss's gradient -> new scores."""


def kernels(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The entries that may be pruned: those named `*.weight` with two or more dimensions."""
    return {name: w for name, w in weights.items() if name.endswith(".weight") and w.ndim >= 2}


def magnitude(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """|w|: the smallest go first."""
    return np.abs(w)


def largest(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """-|w|: the largest go first, the worst case for comparison."""
    return -np.abs(w)


def signed(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """w itself: the most negative go first."""
    return w.copy()


def random(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """Random numbers. Uniform in their bits, not in their values, so that 2**31 of them differ."""
    return rng.integers(0x7F800000, size=w.size, dtype=np.uint32).view(np.float32)


def lamp(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
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


def taylor(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """|w dL/dw|, to first order what the loss changes by without the weight (Molchanov et al., CVPR 2019)."""
    score = w * gradient
    np.abs(score, out=score)
    return score


SCORES: dict[str, Score] = {
    "magnitude": magnitude,
    "random": random,
    "largest": largest,
    "signed": signed,
    "lamp": lamp,
    "taylor": taylor,
}
"""Criterion -> float32 scores of one layer's flat weights; the lowest go first."""

GRADIENT_CRITERIA = ("taylor",)
"""Those that need the gradient of the loss."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Which weights go first.

    Attributes:
        pruning: the criterion and scope that made it.
        names: the kernels' names, L of them.
        shapes: their shapes.
        order: (N,) uint32, flat indices in the order of pruning; unless the scope is global, layer after layer.
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
        """k, the number of weights pruned: round(s N), or unless the scope is global the sum of the layers' counts.

        Raises:
            PruningError: the sparsity is not a fraction from 0 to 1.
        """
        return sum(k for _, k in self._cuts(sparsity))

    def layer_counts(self, sparsity: float) -> dict[str, int]:
        """The number of weights pruned in each kernel; raises as `count` does."""
        return {name: mask.size - int(np.count_nonzero(mask)) for name, mask in self.masks(sparsity).items()}

    def masks(self, sparsity: float) -> dict[str, NDArray[np.bool_]]:
        """Per kernel, in its shape: True = kept. Exactly `count` entries are False; raises as `count` does."""
        kept = np.ones(self.total, np.bool_)
        for start, k in self._cuts(sparsity):
            kept[self.order[start : start + k]] = False
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

    def _cuts(self, sparsity: float) -> list[tuple[int, int]]:
        """Where each group of weights that compete begins in `order`, and how many of it are pruned."""
        groups = _groups(self.pruning, self.sizes)
        if self.pruning.scope == "erk":
            shares = erdos_renyi_kernel(self.shapes, _checked(sparsity))
        else:
            shares = (_checked(sparsity),) * len(groups)
        return [(start, _share(share, stop - start)) for (start, stop), share in zip(groups, shares, strict=True)]


def erdos_renyi_kernel(shapes: Sequence[tuple[int, ...]], sparsity: float) -> tuple[float, ...]:
    """The share of each layer that is pruned, so that together a share `sparsity` of all weights is.

    A layer keeps weights in proportion to the sum of its sides (filters, inputs, height, width), so that small layers
    stay denser than large ones; none more than it has: Evci et al., "Rigging the lottery", ICML 2020.
    """
    sizes, sides = (np.array([of(shape) for shape in shapes], float) for of in (math.prod, sum))
    kept, full = (1 - sparsity) * sizes.sum(), np.zeros(len(sizes), np.bool_)
    while True:  # a layer that would keep more than it has keeps all, and the others share the rest
        scale = (kept - sizes[full].sum()) / max(sides[~full].sum(), 1.0)
        over = ~full & (scale * sides >= sizes)
        if not over.any():
            break
        full |= over
    return tuple(np.where(full, 0.0, np.clip(1 - scale * sides / sizes, 0, 1)).tolist())


def rank(weights: Weights, pruning: PruningConfig, gradients: Weights | None = None) -> Ranking:
    """Order all weights by the criterion, ties by flat index.

    Takes at most five times the bytes of the weights while it runs, and keeps as many as the weights have. `gradients`
    of the loss, of the kernels' names and shapes, are needed by `GRADIENT_CRITERIA` alone.

    Raises:
        PruningError: there is nothing to prune, a kernel or its gradient holds NaN or infinity, or gradients are
            needed and missing.
    """
    layers = kernels(weights)
    sizes = [w.size for w in layers.values()]
    if not sum(sizes):
        raise PruningError("These weights hold no kernels to prune; choose a network with convolutions.")

    rng, score = np.random.default_rng(pruning.seed), SCORES[pruning.criterion]
    slopes = _gradients(layers, pruning, gradients)
    scores = (score(_finite(name, w), rng, slopes[name]) for name, w in layers.items())
    keys = np.concatenate([_sortable(s) for s in scores], dtype=np.uint64)
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
    """The spans within which weights compete."""
    return ((0, sum(sizes)),) if pruning.scope == "global" else _spans(sizes)


def _checked(sparsity: float) -> float:
    if not 0 <= sparsity <= 1:
        raise PruningError(f"The sparsity is {sparsity}; choose a fraction from 0 to 1 (0 to 100 %).")
    return float(sparsity)


def _share(share: float, size: int) -> int:
    """Python's rounding of the float64 product, as torch.nn.utils.prune does."""
    return round(share * size)


def _gradients(layers: Weights, pruning: PruningConfig, gradients: Weights | None) -> dict[str, Flat]:
    """Each layer's gradient, flat and finite; empty where the criterion does not ask for it."""
    if pruning.criterion not in GRADIENT_CRITERIA:
        return dict.fromkeys(layers, np.empty(0, np.float32))
    if gradients is None or {name: w.shape for name, w in layers.items()} != {n: g.shape for n, g in gradients.items()}:
        raise PruningError(f"The criterion {pruning.criterion} needs the loss's gradient; have it computed first.")
    return {name: _finite(f"The gradient of {name}", g) for name, g in gradients.items()}


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
