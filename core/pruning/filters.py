"""Structured pruning: whole filters are removed, which leaves a smaller dense network. Pure functions of arrays.

A neuron of a fully connected layer is a filter too. A removed filter also disappears from the bias and normalisation,
and from the inputs of the kernel that reads it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import PruningError
from core.networks import Joint
from core.pruning import Weights

Kept = Mapping[str, NDArray[np.bool_]]
"""Kernel -> (filters,) True where a filter stays."""

_EPSILON = 1e-5
"""What batch normalisation adds to the variance."""


def by_norm(weights: Weights, joints: Sequence[Joint], share: float) -> dict[str, NDArray[np.bool_]]:
    """Which filters stay when each layer loses the share with the smallest L1 norms, ties by position.

    round(share F) of F filters go, but never the last one: Li et al., "Pruning filters for efficient ConvNets", 2017.

    Raises:
        PruningError: the share is not a fraction from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise PruningError(f"The share of filters is {share}; choose a fraction from 0 to 1.")
    kept = {}
    for joint in joints:
        kernel = weights[joint.kernel]
        norms = np.abs(kernel, dtype=np.float64).reshape(len(kernel), -1).sum(axis=1)
        kept[joint.kernel] = np.ones(len(kernel), np.bool_)
        kept[joint.kernel][np.argsort(norms, kind="stable")[: min(round(share * len(kernel)), len(kernel) - 1)]] = False
    return kept


def working(weights: Weights, joints: Sequence[Joint]) -> dict[str, NDArray[np.bool_]]:
    """Which filters contribute to an answer; without the others, every answer stays the same.

    A filter has none if all its weights are zero and what is left of it, its bias or normalisation through the ReLU, is
    zero too; or if every weight that reads it is zero. One is kept of each layer.
    """
    kept = {joint.kernel: np.ones(len(weights[joint.kernel]), np.bool_) for joint in joints}
    while True:
        left, before = take(weights, joints, kept), sum(int(mask.sum()) for mask in kept.values())
        for joint in joints:
            works = (_answers(left, joint.kernel) & _is_read(left, joint)).copy()
            works[0] |= not works.any()
            kept[joint.kernel][kept[joint.kernel]] = works
            left = take(weights, joints, kept)
        if sum(int(mask.sum()) for mask in kept.values()) == before:
            return kept


def take(weights: Weights, joints: Sequence[Joint], kept: Kept) -> dict[str, NDArray[np.float32]]:
    """New arrays of the smaller network in which of each kernel only the kept filters are left."""
    left = {name: array.copy() for name, array in weights.items()}
    for joint in joints:
        stay = kept[joint.kernel]
        for name in left:
            if name.startswith(_layer(joint.kernel)):
                left[name] = left[name][stay]
        rows = _rows(left[joint.reader], joint, stay.size)[:, :, stay]
        shape = (rows.shape[0], -1, *left[joint.reader].shape[2:])
        left[joint.reader] = np.ascontiguousarray(rows.reshape(shape))
    return left


def _rows(reader: NDArray[np.float32], joint: Joint, filters: int) -> NDArray[np.float32]:
    """A reading kernel as (outputs, regions, filters, places)."""
    return reader.reshape(len(reader), joint.regions, filters, -1)


def _layer(kernel: str) -> str:
    """How all arrays of a kernel's layer begin: `conv1.` for `conv1.conv.weight`, `fc1.` for `fc1.weight`."""
    return kernel.removesuffix("weight").removesuffix("conv.")


def _answers(weights: Weights, kernel: str) -> NDArray[np.bool_]:
    """(filters,) whether a filter ever answers anything but zero."""
    return np.asarray(weights[kernel].reshape(len(weights[kernel]), -1).any(axis=1) | (_constant(weights, kernel) > 0))


def _constant(weights: Weights, kernel: str) -> NDArray[np.float32]:
    """(filters,) what filters without weights answer, before the ReLU."""
    layer, name = _layer(kernel), kernel.removesuffix("weight") + "bias"
    bias = weights.get(name, np.zeros(len(weights[kernel]), np.float32))
    if f"{layer}norm.running_mean" not in weights:
        return bias
    mean, variance, scale, shift = (
        weights[f"{layer}norm.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
    )
    return np.asarray((bias - mean) / np.sqrt(variance + np.float32(_EPSILON)) * scale + shift)


def _is_read(weights: Weights, joint: Joint) -> NDArray[np.bool_]:
    """(filters,) whether any weight reads it."""
    filters = len(weights[joint.kernel])
    return np.asarray(_rows(weights[joint.reader], joint, filters).any(axis=(0, 1, 3)))
