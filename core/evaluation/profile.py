"""The per-stop table that makes the slider a look-up.

Only what needs an inference is stored; accuracies, matrices and comparisons are derived from it.
`core.evaluation.parts` computes it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError
from core.evaluation import Comparison, Labels, compare
from core.job import AtSparsity, OfRun
from core.pruning import PruningConfig, Ranking

STOPS: tuple[float, ...] = (
    *(0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    *range(10, 91, 5),
    *range(91, 100),
    *(99.5, 99.9, 100),
)
"""The slider's stops, in percent."""

FRACTIONS: tuple[float, ...] = tuple(percent / 100 for percent in STOPS)
"""The same as sparsities."""

DEFAULT_STOP = 0.01
"""Where the slider stands first, in percent."""

LAYOUT: dict[str, tuple[tuple[type[np.generic], ...], str]] = {
    "sizes": ((np.int64,), "L"),
    "sparsity": ((np.float64,), "S"),
    "k": ((np.int64,), "S"),
    "threshold": ((np.float32,), "S"),
    "layer_k": ((np.int64,), "SL"),
    "predicted": ((np.uint8, np.uint16), "Sn"),
    "probability": ((np.float16,), "Sn"),
    "loss": ((np.float64,), "S"),
    "logit_change": ((np.float32,), "S"),
    "kl": ((np.float64,), "S"),
}
"""Of each array its types and its axes: L layers, S stops, n images."""


@dataclass(frozen=True, eq=False)
class Profile:
    """One ranking evaluated at S sparsities on n images; a single evaluation between stops is a Profile of one row.

    Attributes:
        pruning: criterion and scope.
        names: the L kernels' names.
        sizes: (L,) int64, weights per kernel.
        sparsity: (S,) float64, fractions, strictly increasing.
        k: (S,) int64, weights pruned.
        threshold: (S,) float32, largest |w| pruned; 0 if none is.
        layer_k: (S, L) int64, weights pruned per kernel.
        predicted: (S, n) uint8, or uint16 of more than 256 classes: class of the largest logit.
        probability: (S, n) float16, softmax probability of that class.
        loss: (S,) float64, mean cross-entropy in nats.
        logit_change: (S,) float32, largest |change of a logit| against the dense network.
        kl: (S,) float64, mean Kullback-Leibler divergence of the pruned from the dense output, in nats.

    Raises:
        StoreError: the arrays do not fit together.
    """

    pruning: PruningConfig
    names: tuple[str, ...]
    sizes: NDArray[np.int64]
    sparsity: NDArray[np.float64]
    k: NDArray[np.int64]
    threshold: NDArray[np.float32]
    layer_k: NDArray[np.int64]
    predicted: NDArray[np.unsignedinteger[Any]]
    probability: NDArray[np.float16]
    loss: NDArray[np.float64]
    logit_change: NDArray[np.float32]
    kl: NDArray[np.float64]

    def __post_init__(self) -> None:
        rows, layers = self.sparsity.size, len(self.names)
        lengths = {"S": rows, "L": layers, "n": self.predicted.size // max(rows, 1)}
        for name, (types, axes) in LAYOUT.items():
            value, shape = getattr(self, name), tuple(lengths[axis] for axis in axes)
            if value.shape != shape or value.dtype not in types:
                raise damaged(f"{name} is {value.dtype} {value.shape}, not {np.dtype(types[0])} {shape}")
        if not (rows and layers and lengths["n"]):
            raise damaged("it is empty")
        if not (self.sparsity[0] >= 0 and self.sparsity[-1] <= 1 and (np.diff(self.sparsity) > 0).all()):
            raise damaged("its sparsities do not increase from 0 to 1")
        if (self.layer_k < 0).any() or (self.layer_k > self.sizes).any() or (self.layer_k.sum(axis=1) != self.k).any():
            raise damaged("its counts of weights do not add up")

    @property
    def total(self) -> int:
        """N, the number of weights that can be pruned."""
        return int(self.sizes.sum())

    @property
    def images(self) -> int:
        """n, of the test images in their order: all of them, or the first so many while it is being computed."""
        return int(self.predicted.shape[1])

    def first(self, n: int) -> "Profile":
        """The answers to the first n images alone; what is summed up over the images stays that of all."""
        if n >= self.images:
            return self
        return replace(self, predicted=self.predicted[:, :n], probability=self.probability[:, :n])

    def stop_index(self, percent: float) -> int:
        """The row whose sparsity is nearest to `percent`, the lower of two equally near."""
        return int(np.argmin(np.abs(self.sparsity - percent / 100)))

    def is_stop(self, percent: float) -> bool:
        """Whether a row has this sparsity, up to the rounding of float64: then nothing needs to be evaluated."""
        return math.isclose(self.sparsity[self.stop_index(percent)], percent / 100)

    def comparisons(self, labels: Labels) -> tuple[Comparison, ...]:
        """The dense network, row 0, against every row; under a millisecond for all stops and 10,000 images.

        Raises:
            ValueError: row 0 is pruned, as in a one-row profile, or the labels are of another number of images.
        """
        return tuple(self.comparison(labels, row) for row in range(len(self.k)))

    def comparison(self, labels: Labels, row: int) -> Comparison:
        """The dense network, row 0, against one row; raises as `comparisons` does."""
        if self.k[0]:
            raise ValueError(f"Row 0 has {self.k[0]} weights pruned; compare with row 0 of the profile over the stops.")
        return compare(labels, self.predicted[0], self.predicted[row])

    def merged(self, point: "Profile") -> "Profile":
        """These rows and another profile's of the same ranking, in order of sparsity.

        Raises:
            StoreError: the two do not belong together, or share a sparsity.
        """
        if (self.pruning, self.names) != (point.pruning, point.names) or (self.sizes != point.sizes).any():
            raise damaged("its rows are of another ranking")
        order = np.argsort(np.concatenate([self.sparsity, point.sparsity]))
        mine, theirs = self.to_arrays(), point.to_arrays()
        rows = {
            name: np.concatenate([mine[name], theirs[name]])[order]
            for name, (_, axes) in LAYOUT.items()
            if axes[0] == "S"
        }
        return Profile.from_arrays(mine | rows, self.pruning, self.names)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Every array by its field's name; `pruning` and `names` are kept by the caller."""
        return {name: getattr(self, name) for name in LAYOUT}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], pruning: PruningConfig, names: Sequence[str]) -> "Profile":
        """The inverse of `to_arrays`.

        Raises:
            StoreError: an array is missing, unknown or does not fit the others.
        """
        if set(arrays) != set(LAYOUT):
            raise damaged(f"these arrays are missing or unknown: {', '.join(sorted(set(arrays) ^ set(LAYOUT)))}")
        return cls(pruning, tuple(names), **arrays)


KEPT = "{job.run_id}/profiles/{job.variant}.safetensors"
"""Where a profile is stored; where the store keeps it elsewhere, the name is still no other result's."""


@dataclass(frozen=True, kw_only=True)
class Profiling(OfRun[Profile]):
    """A run evaluated over the stops."""

    kind = "profile"
    noun = "profile"
    unit = "stop"
    kept = KEPT


@dataclass(frozen=True, kw_only=True)
class Evaluating(AtSparsity[Profile]):
    """A run evaluated once, between two stops: a profile of one row."""

    kind = "point"
    noun = "evaluation"
    unit = "sparsity"
    kept = KEPT


@dataclass(frozen=True)
class Marks:
    """The rows of a profile that matter, None where there is no such row.

    Attributes:
        first_change: the first at which any answer changed.
        last_within: the last whose difference in accuracy has its whole interval within `MARGIN`.
        collapse: the first at which more than half of the dense accuracy above guessing is gone; None also if the
            dense network is not shown to be better than guessing.
    """

    first_change: int | None
    last_within: int | None
    collapse: int | None


def marks(comparisons: Sequence[Comparison], classes: int) -> Marks:
    """Find the rows that matter among a profile's `comparisons`, of a network that answers one of so many classes."""
    rows = list(enumerate(comparisons))
    dense, guessing = comparisons[0].dense, 1 / classes
    halfway = (dense.value + guessing) / 2
    return Marks(
        first_change=next((i for i, c in rows if c.changed), None),
        last_within=next((i for i, c in reversed(rows) if c.within()), None),
        collapse=next((i for i, c in rows if dense.low > guessing and c.pruned.value < halfway), None),
    )


def stops(ranking: Ranking) -> tuple[float, ...]:
    """`FRACTIONS`, and before them exactly one weight where the finest of them is more."""
    one = 1 / ranking.total
    missing = ranking.count(FRACTIONS[1]) > 1 == ranking.count(one)
    return (0.0, one, *FRACTIONS[1:]) if missing else FRACTIONS


def damaged(what: str) -> StoreError:
    """The error for arrays that are not a profile's."""
    return StoreError(f"This profile is damaged: {what}. Delete it and compute it again.")
