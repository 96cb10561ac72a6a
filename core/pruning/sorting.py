"""One stable sort of float32 scores, the same on every device."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def sortable(score: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Bits that order as the scores do, with -0.0 equal to +0.0. Overwrites the scores, to save memory."""
    score += np.float32(0)
    bits = score.view(np.uint32)
    flip = (bits.view(np.int32) >> 31).view(np.uint32)  # all ones below zero, whose order is the reverse
    flip |= np.uint32(0x80000000)
    bits ^= flip
    return bits


def order(
    keys: NDArray[np.uint64], groups: Sequence[tuple[int, int]], group: NDArray[np.uint8] | None = None
) -> NDArray[np.uint32]:
    """The stable order of 32-bit keys within each group, as flat indices, group after group. Overwrites the keys.

    With its index in the low half no two keys are equal, so the fast unstable sort gives the stable order.

    Args:
        keys: (n,).
        groups: (start, stop) of each group in the result.
        group: (n,) the group of each key; by default they lie as in the result.
    """
    keys <<= np.uint64(32)
    keys |= np.arange(keys.size, dtype=np.uint32)
    if group is None:
        for start, stop in groups:
            keys[start:stop].sort()
        return keys.astype(np.uint32)  # keeps the low half
    found = np.empty(keys.size, np.uint32)
    for i, (start, stop) in enumerate(groups):
        part = keys[group == i]
        part.sort()
        found[start:stop] = part  # the low half
    return found
