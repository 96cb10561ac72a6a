"""Ranking -> masks -> pruned weights, as pure functions of arrays.

Kernels are flattened in C order and laid end to end in the order of the mapping; a weight's place in that row is
its flat index. One stable sort of a float32 score over it is the ranking; a sparsity only says how far to go.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import PruningError
from core.pruning.config import PruningConfig
from core.pruning.criteria import STATISTICS, Flat
from core.pruning.patterns import levels
from core.pruning.sorting import order, sortable

T = TypeVar("T", bound=np.generic)

Weights = Mapping[str, NDArray[np.float32]]
"""The float state of a network, parameters and buffers, in the order of the model's state_dict."""


def kernels(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The entries that may be pruned."""
    return {name: w for name, w in weights.items() if is_kernel(name, w.shape)}


def is_kernel(name: str, shape: Sequence[int]) -> bool:
    """Whether an array of that name and shape may be pruned: it is named `*.weight` and has two or more dimensions."""
    return name.endswith(".weight") and len(shape) >= 2


@dataclass(frozen=True, eq=False)
class Ranking:
    """Which weights go first.

    Attributes:
        pruning: the criterion and scope that made it.
        names: the kernels' names, L of them.
        shapes: their shapes.
        order: (N,) uint32, flat indices in the order of pruning, group after group of those that compete.
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
        """k, the number of weights pruned: round(s N), or unless the scope is global the sum of the groups' counts.

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
        for removed in self.removed(sparsity):
            kept[removed] = False
        return self.by_kernel(kept)

    def removed(self, sparsity: float) -> list[NDArray[np.uint32]]:
        """Of each group of weights that compete, the places of those that are pruned; raises as `count` does."""
        return [self.order[start : start + k] for start, k in self._cuts(sparsity)]

    def by_kernel(self, flat: NDArray[T]) -> dict[str, NDArray[T]]:
        """Values of all N weights, in the order of `names`, as views in the kernels' shapes."""
        layers = zip(self.names, self.shapes, _spans(self.sizes), strict=True)
        return {name: flat[start:stop].reshape(shape) for name, shape, (start, stop) in layers}

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
        groups, share_out = _groups(self.pruning, self.shapes), self.pruning.within.shares
        shares = share_out(self.shapes, checked(sparsity)) if share_out else (checked(sparsity),)
        return [(start, _share(share, stop - start)) for (start, stop), share in zip(groups, shares, strict=True)]


def rank(weights: Weights, pruning: PruningConfig, statistic: Weights | None = None) -> Ranking:
    """Order all weights by the criterion, ties by flat index.

    While it runs, it takes at most five times the bytes of the weights, besides what it is given; the ranking itself
    takes as many as they do.

    Args:
        weights: the unpruned weights; not modified.
        pruning: criterion and scope.
        statistic: what the criterion needs (`Criterion.needs`): for each kernel a float32 array of its shape. Other
            entries are ignored.

    Raises:
        PruningError: there is nothing to prune, a kernel or its statistic holds NaN or infinity, or the statistic is
            needed and missing.
    """
    layers = kernels(weights)
    shapes = tuple(w.shape for w in layers.values())
    if not any(map(math.prod, shapes)):
        raise PruningError("These weights hold no kernels to prune; choose a network with convolutions.")

    rng, score = np.random.default_rng(pruning.seed), pruning.ranks_by.score
    needed = _needed(layers, pruning, statistic)
    scores = (score(_finite(name, w), rng, needed[name]) for name, w in layers.items())
    keys = np.concatenate([sortable(s) for s in scores], dtype=np.uint64)
    level = _levels(keys, shapes) if pruning.within.by_level else None
    return Ranking(pruning, tuple(layers), shapes, order(keys, _groups(pruning, shapes), level))


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
    flat = np.concatenate([weights[name].ravel() for name in ranking.names])
    for removed in ranking.removed(sparsity):
        flat[removed] = 0
    pruned = ranking.by_kernel(flat)
    return {name: pruned[name] if name in pruned else w.copy() for name, w in weights.items()}


At = Callable[[float], Weights]
"""A network's weights at a sparsity: pruned, and perhaps repaired."""


def _levels(keys: NDArray[np.uint64], shapes: tuple[tuple[int, ...], ...]) -> NDArray[np.uint8]:
    """(N,) the level of each weight."""
    parts = zip(_spans(tuple(map(math.prod, shapes))), shapes, strict=True)
    return np.concatenate([levels(keys[start:stop].astype(np.uint32), shape) for (start, stop), shape in parts])


def _spans(sizes: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(start, stop) of each layer or group in a flat row."""
    return tuple(pairwise(np.cumsum([0, *sizes]).tolist()))


def _groups(pruning: PruningConfig, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, int], ...]:
    """The spans of `Ranking.order` within which weights compete."""
    return _spans(pruning.within.groups(shapes))


def checked(sparsity: float) -> float:
    """The sparsity; raises PruningError if it is not a fraction from 0 to 1."""
    if not 0 <= sparsity <= 1:
        raise PruningError(f"The sparsity is {sparsity}; choose a fraction from 0 to 1 (0 to 100 %).")
    return float(sparsity)


def _share(share: float, size: int) -> int:
    """Python's rounding of the float64 product, as torch.nn.utils.prune does."""
    return round(share * size)


def _needed(layers: Weights, pruning: PruningConfig, statistic: Weights | None) -> dict[str, Flat]:
    """What the criterion needs of each layer, flat and finite; empty arrays where it needs nothing."""
    needs = pruning.ranks_by.needs
    if needs is None:
        return dict.fromkeys(layers, np.empty(0, np.float32))
    given = statistic or {}
    if any(name not in given or given[name].shape != w.shape for name, w in layers.items()):
        raise PruningError(f"The criterion {pruning.criterion} needs {STATISTICS[needs]}; have it computed first.")
    return {name: _finite(f"{_capital(STATISTICS[needs])} in {name}", given[name]) for name in layers}


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


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
