"""What hardware for 2:4 sparsity makes of a pruned network: which layers it could skip zeros in, and their bytes.

NVIDIA's sparse tensor cores (Mishra et al., "Accelerating sparse deep neural networks", 2021) read, of each run of four
neighbouring inputs, two weights and two positions of 2 bits each. Counted here, not run.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.pruning.patterns import RUN, fits
from core.words import wording

LEFT = 2
"""Weights that may be left of each run."""

_DENSE, _PAIR = 2 * RUN, 2 * LEFT + 2 * LEFT / 8
"""Bytes of a run as float16: all its weights, or two of them with their positions."""


@dataclass(frozen=True)
class Fit:
    """How far masks follow the pattern.

    Attributes:
        runs, fit: runs of four inputs in all layers, and those with at most two weights left.
        layers, whole: layers, and those in which every run fits.
        dense: bytes of all kernels as float16.
        bytes: the same, if the layers that fit are stored as pairs, a short run taking as much as a full one.
    """

    runs: int
    fit: int
    layers: int
    whole: int
    dense: int
    bytes: int


def fit(masks: Mapping[str, NDArray[np.bool_]]) -> Fit:
    """Count the runs of each layer's mask (filters, inputs, ...), True where a weight is left."""
    counts = [(*fits(mask, LEFT), mask.size) for mask in masks.values()]
    whole = [good == runs for good, runs, _ in counts]
    taken = [
        min(math.ceil(_PAIR * runs), 2 * n) if all_ else 2 * n for all_, (_, runs, n) in zip(whole, counts, strict=True)
    ]
    return Fit(
        runs=sum(runs for _, runs, _ in counts),
        fit=sum(good for good, _, _ in counts),
        layers=len(counts),
        whole=sum(whole),
        dense=2 * sum(n for _, _, n in counts),
        bytes=sum(taken),
    )


def in_words(found: Fit) -> str:
    """What the hardware could do with it, in sentences."""
    runs = f"{wording.count(found.fit)} of {wording.count(found.runs)} runs of four neighbouring inputs"
    layers = f"{wording.count(found.whole)} of {wording.count(found.layers)} layers"
    counted = f"At most two weights are left in {runs}, and in every run of {layers}."
    if not found.whole:
        return f"{counted} So this hardware multiplies every zero of this network like any other number."
    share = wording.percent(found.bytes / found.dense, 1)
    return (
        f"{counted} In these layers it skips the zeros: at best they take half of the time. As float16, all kernels "
        f"would take {wording.size(found.bytes)}, {share} of {wording.size(found.dense)}."
    )
