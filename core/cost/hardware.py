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

_PAIR = 2 * LEFT + 2 * LEFT / 8
"""Bytes of a run as float16: two weights with their positions."""


@dataclass(frozen=True)
class Fit:
    """How far masks follow the pattern, in the layers with at least four inputs; no run of the others is a full one.

    Attributes:
        runs, fit: runs of four inputs, and those with at most two weights left.
        layers, whole: these layers, and those of them in which every run fits.
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
    counts = [(*fits(mask, LEFT), mask.size) for mask in masks.values() if mask.shape[1] >= RUN]
    dense = 2 * sum(mask.size for mask in masks.values())
    whole = [(runs, n) for good, runs, n in counts if good == runs]
    return Fit(
        runs=sum(runs for _, runs, _ in counts),
        fit=sum(good for good, _, _ in counts),
        layers=len(counts),
        whole=len(whole),
        dense=dense,
        bytes=dense + sum(math.ceil(_PAIR * runs) - 2 * n for runs, n in whole),
    )


def in_words(found: Fit) -> str:
    """What the hardware could do with it, in sentences."""
    runs = f"{wording.count(found.fit)} of {wording.count(found.runs)} runs of four neighbouring inputs"
    layers = f"{found.whole} of the {found.layers} layers with four inputs or more"
    counted = f"At most two weights are left in {runs}, and in every run of {layers}."
    if not found.whole:
        return f"{counted} So hardware for this pattern multiplies every zero like any other number."
    share = wording.percent(found.bytes / found.dense, 1)
    return (
        f"{counted} There, hardware for this pattern skips zeros: at best a layer takes half of its time. As float16, "
        f"all kernels would take {wording.size(found.bytes)}, {share} of {wording.size(found.dense)}."
    )
