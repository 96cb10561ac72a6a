"""N:M sparsity: of each run of M neighbouring inputs of a filter, at most N weights are left.

A run is M consecutive input channels at one place of a kernel, as NVIDIA's sparse tensor cores read them (Mishra et
al., "Accelerating sparse deep neural networks", 2021). The first weight of each run to go is on level 0, the next on
level 1. Levels go one after the other: once half of them are gone, the pattern is exactly 2:4. Where the number of
inputs is no multiple of M, the last run is filled up with zeros, which go first.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RUN = 4
"""M."""


def levels(keys: NDArray[np.uint32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """(n,) the level of each of a layer's weights: of a run, the smallest key goes first, ties by position.

    `keys` are above 0 and have, flat, the shape (filters, inputs, ...).
    """
    filled = np.moveaxis(keys.reshape(shape), 1, -1)
    if missing := -shape[1] % RUN:
        filled = np.pad(filled, [(0, 0)] * (len(shape) - 1) + [(0, missing)])
    runs = filled.reshape(*filled.shape[:-1], -1, RUN)
    level = np.zeros(runs.shape, np.uint8)
    for one in range(RUN):
        for other in range(RUN):
            if one != other:
                before = np.less if one > other else np.less_equal
                level[..., other] += before(runs[..., one], runs[..., other])
    kept = level.reshape(filled.shape)[..., : shape[1]]
    return np.moveaxis(kept, -1, 1).reshape(-1)


def level_sizes(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """How many weights of all layers are on each level."""
    sizes = np.zeros(RUN, np.int64)
    for shape in shapes:
        runs, rest = divmod(shape[1], RUN)
        each = math.prod(shape) // max(shape[1], 1)
        sizes += each * runs
        sizes[RUN - rest :] += each if rest else 0
    return tuple(sizes.tolist())


def level_shares(shapes: Sequence[tuple[int, ...]], sparsity: float) -> tuple[float, ...]:
    """The share of each level that goes: the levels before it are gone first."""
    return tuple(min(max(RUN * sparsity - level, 0.0), 1.0) for level in range(RUN))


def fits(kept: NDArray[np.bool_], at_most: int) -> tuple[int, int]:
    """How many runs of a layer's mask (filters, inputs, ...) keep at most so many weights, and how many there are."""
    left = np.add.reduceat(np.moveaxis(kept, 1, -1), range(0, kept.shape[1], RUN), axis=-1, dtype=np.int64)
    return int(np.count_nonzero(left <= at_most)), left.size
