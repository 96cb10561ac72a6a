"""The order in which weights can best be done without, as Optimal Brain Surgeon finds it, layer by layer.

If the other weights of its filter make up for a weight w that is removed, the squared error of the filter's outputs
grows by w² over the weight's place on the diagonal of the inverse Hessian (Hassibi and Stork, NIPS 1992). That weight
goes first for which this is least. After each round of removals the remaining weights are fitted again, and what
their removal would cost is computed again.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from core.engine.least_squares import Normal
from core.engine.machine import side_by_side

HALF, RATE, LEAST = 0.5, 0.85, 1 / 256
"""The share of a layer's weights that is left after the first round; by what it shrinks in each further round; and the
share from which on the rest goes in the order of the last round."""


def removal(weight: Tensor, parts: Sequence[Normal], check: Callable[[], object] = lambda: None) -> np.ndarray:
    """The place of each of a layer's weights in the order of removal, 0 first; ties by position.

    Args:
        weight: (filters, ...) of the dense layer.
        parts: the inputs of each group of its filters.
        check: called before each round; what it raises passes through.

    Returns:
        In the shape of `weight`, float32, which tells 16.7 million places apart.
    """
    dense = weight.double().flatten(1)
    hessians, filters = [part.curvature() for part in parts], len(dense) // len(parts)
    inverse = torch.cat([_inverse(hessian).diagonal().expand(filters, -1) for hessian in hessians])
    costs, kept = dense.square() / inverse, torch.ones_like(dense, dtype=torch.bool)
    order = torch.empty(dense.numel())
    for left in _rounds(dense.numel()):
        check()
        candidates = kept.flatten().nonzero()[:, 0]
        gone = candidates[costs.flatten()[candidates].argsort(stable=True)[: len(candidates) - left]]
        first = dense.numel() - len(candidates)
        order[gone] = torch.arange(first, first + len(gone), dtype=torch.float32)
        kept.view(-1)[gone] = False
        if left:
            rows = range(len(dense))
            found = side_by_side(lambda row: _costs(hessians[row // filters], dense[row], kept[row]), rows)
            for row, cost in zip(rows, found, strict=True):
                costs[row, kept[row]] = cost
    return order.reshape(weight.shape).numpy()


def _rounds(total: int) -> list[int]:
    """How many of a layer's weights are left after each round."""
    left = [round(HALF * total)]
    while left[-1] > LEAST * total:
        left.append(int(RATE * left[-1]))
    return [*left, 0]


def _costs(hessian: Tensor, dense: Tensor, kept: Tensor) -> Tensor:
    """What the removal of each kept weight of a filter costs, once those kept make up for those that are gone."""
    inside = kept.nonzero()[:, 0]
    if not len(inside):
        return dense[:0]
    inverse = _inverse(hessian[inside][:, inside])
    return torch.square(inverse @ (hessian[inside] @ dense)) / inverse.diagonal()


def _inverse(matrix: Tensor) -> Tensor:
    return torch.cholesky_inverse(torch.linalg.cholesky(matrix))
