"""One image over all stops: what a network answers at each sparsity, and its first feature maps."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from core.errors import PruningError
from core.evaluation.parts import log_softmax
from core.job import OfRun
from core.pruning import At, Ranking, Weights, prune

Look = Callable[[Weights], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Weights -> logits (C,) and feature maps (F, h, w) of one image."""


@dataclass(frozen=True, eq=False)
class Trace:
    """One image at S sparsities.

    Attributes:
        sparsity: (S,) float64, fractions.
        probability: (S, C) float32, softmax over the classes.
        maps: (S, F, h, w) float16, the output of the first convolution.
    """

    sparsity: NDArray[np.float64]
    probability: NDArray[np.float32]
    maps: NDArray[np.float16]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(S,) the class of the largest probability."""
        return np.asarray(self.probability.argmax(axis=1))

    @property
    def entropy(self) -> NDArray[np.float64]:
        """(S,) in bits; 0 is certain, log2(C) is guessing."""
        p = self.probability.astype(np.float64)
        return np.asarray((p * -np.log2(np.where(p > 0, p, 1))).sum(axis=1))

    @property
    def flip(self) -> int | None:
        """The first row whose answer is not that of row 0; None if there is none."""
        changed = np.flatnonzero(self.predicted != self.predicted[0])
        return int(changed[0]) if changed.size else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracing(OfRun[Trace]):
    """One image, (h, w) or (h, w, c) uint8 of a run's shape, looked at at each sparsity; nothing of it is kept."""

    kind = "trace"
    noun = "evaluation of the image"
    kept = None

    sparsities: tuple[float, ...]
    image: NDArray[np.uint8]

    @cached_property
    def variant(self) -> str:
        """How the run is pruned, and a digest of the sparsities and the image."""
        asked = f"{self.sparsities} {self.image.shape} ".encode() + self.image.tobytes()
        return f"{super().variant}-{hashlib.sha256(asked).hexdigest()[:12]}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tracing) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)


def compute(
    weights: Weights,
    ranking: Ranking,
    sparsities: Sequence[float],
    look: Look,
    at: At | None = None,
) -> Trace:
    """Prune the ranked weights to each sparsity in turn and look at one image; `at` gives other weights at a sparsity.

    Raises:
        PruningError: a sparsity is out of range, the ranking is of other layers, or an output is not finite.
    """
    at = at or partial(prune, weights, ranking)
    seen, k, rows = None, -1, []
    for sparsity in sparsities:
        if seen is None or ranking.count(sparsity) != k:
            k, seen = ranking.count(sparsity), look(at(sparsity))
        rows.append(seen)
    logits = np.stack([row[0] for row in rows])
    if not np.isfinite(logits).all():
        raise PruningError("The outputs for this image are not finite; train this network again.")
    probability = np.exp(log_softmax(logits)).astype(np.float32)
    maps = np.stack([row[1] for row in rows]).astype(np.float16)
    return Trace(np.array(sparsities, np.float64), probability, maps)
