"""The per-stop table that makes the slider a look-up.

Only what needs an inference is stored; accuracies, matrices and comparisons are derived from it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import PruningError, StoreError
from core.evaluation import Comparison, Labels, compare
from core.job import AtSparsity, OfRun
from core.pruning import At, PruningConfig, Ranking, Weights, prune

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

Infer = Callable[[Weights], NDArray[np.float32]]

_LAYOUT: dict[str, tuple[type[np.generic], str]] = {
    "sizes": (np.int64, "L"),
    "sparsity": (np.float64, "S"),
    "k": (np.int64, "S"),
    "threshold": (np.float32, "S"),
    "layer_k": (np.int64, "SL"),
    "predicted": (np.uint8, "Sn"),
    "probability": (np.float16, "Sn"),
    "loss": (np.float64, "S"),
    "logit_change": (np.float32, "S"),
    "kl": (np.float64, "S"),
}


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
        predicted: (S, n) uint8, class of the largest logit.
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
    predicted: NDArray[np.uint8]
    probability: NDArray[np.float16]
    loss: NDArray[np.float64]
    logit_change: NDArray[np.float32]
    kl: NDArray[np.float64]

    def __post_init__(self) -> None:
        rows, layers = self.sparsity.size, len(self.names)
        lengths = {"S": rows, "L": layers, "n": self.predicted.size // max(rows, 1)}
        for name, (dtype, axes) in _LAYOUT.items():
            value, shape = getattr(self, name), tuple(lengths[axis] for axis in axes)
            if value.shape != shape or value.dtype != dtype:
                raise _damaged(f"{name} is {value.dtype} {value.shape}, not {np.dtype(dtype)} {shape}")
        if not (rows and layers and lengths["n"]):
            raise _damaged("it is empty")
        if not (self.sparsity[0] >= 0 and self.sparsity[-1] <= 1 and (np.diff(self.sparsity) > 0).all()):
            raise _damaged("its sparsities do not increase from 0 to 1")
        if (self.layer_k < 0).any() or (self.layer_k > self.sizes).any() or (self.layer_k.sum(axis=1) != self.k).any():
            raise _damaged("its counts of weights do not add up")

    @property
    def total(self) -> int:
        """N, the number of weights that can be pruned."""
        return int(self.sizes.sum())

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
            raise _damaged("its rows are of another ranking")
        order = np.argsort(np.concatenate([self.sparsity, point.sparsity]))
        mine, theirs = self.to_arrays(), point.to_arrays()
        rows = {
            name: np.concatenate([mine[name], theirs[name]])[order]
            for name, (_, axes) in _LAYOUT.items()
            if axes[0] == "S"
        }
        return Profile.from_arrays(mine | rows, self.pruning, self.names)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Every array by its field's name; `pruning` and `names` are kept by the caller."""
        return {name: getattr(self, name) for name in _LAYOUT}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], pruning: PruningConfig, names: Sequence[str]) -> "Profile":
        """The inverse of `to_arrays`.

        Raises:
            StoreError: an array is missing, unknown or does not fit the others.
        """
        if set(arrays) != set(_LAYOUT):
            raise _damaged(f"these arrays are missing or unknown: {', '.join(sorted(set(arrays) ^ set(_LAYOUT)))}")
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
        collapse: the first at which more than half of the dense accuracy above guessing is gone.
    """

    first_change: int | None
    last_within: int | None
    collapse: int | None


def marks(comparisons: Sequence[Comparison], classes: int) -> Marks:
    """Find the rows that matter among a profile's `comparisons`, of a network that answers one of so many classes."""
    rows = list(enumerate(comparisons))
    halfway = (comparisons[0].dense.value + 1 / classes) / 2
    return Marks(
        first_change=next((i for i, c in rows if c.changed), None),
        last_within=next((i for i, c in reversed(rows) if c.within()), None),
        collapse=next((i for i, c in rows if c.pruned.value < halfway), None),
    )


def stops(ranking: Ranking) -> tuple[float, ...]:
    """`FRACTIONS`, and before them exactly one weight where the finest of them is more."""
    one = 1 / ranking.total
    missing = ranking.count(FRACTIONS[1]) > 1 == ranking.count(one)
    return (0.0, one, *FRACTIONS[1:]) if missing else FRACTIONS


def compute(
    weights: Weights,
    ranking: Ranking,
    infer: Infer,
    labels: Labels,
    *,
    sparsities: Sequence[float] | None = None,
    dense_logits: NDArray[np.float32] | None = None,
    at: At | None = None,
    on_stop: Callable[[int, int], None] = lambda done, of: None,
) -> Profile:
    """Prune to each sparsity in turn and reduce the network's outputs to one row.

    Args:
        weights: the unpruned weights; not modified.
        ranking: of these weights.
        infer: weights -> logits, (n, C) float32. Called once for each sparsity that prunes more than the previous one.
        labels: (n,) true classes.
        sparsities: fractions, strictly increasing; `stops` of the ranking if not given.
        dense_logits: `infer(weights)` if it is known already.
        at: the weights at a sparsity; `prune` if not given.
        on_stop: called with (rows done, rows in all) before the first row and after each.

    Raises:
        PruningError: a sparsity is out of range, the ranking is of other layers, or an output is not finite.
        ValueError: the labels are of another number of images.
    """
    dense = infer(weights) if dense_logits is None else dense_logits
    if len(labels) != len(dense):
        raise ValueError(f"{len(labels)} labels do not belong to outputs of {len(dense)} images.")

    sparsities, at = sparsities or stops(ranking), at or partial(prune, weights, ranking)
    on_stop(0, len(sparsities))
    logits, k, rows = dense, 0, []
    for done, sparsity in enumerate(sparsities, start=1):
        if ranking.count(sparsity) != k:
            k = ranking.count(sparsity)
            logits = infer(at(sparsity))
        if not np.isfinite(logits).all():
            raise PruningError(f"At {100 * sparsity:.10g} % the outputs are not finite; train this network again.")
        measured = _measure(logits, dense, labels)
        layer_k = list(ranking.layer_counts(sparsity).values())
        rows.append({"k": k, "threshold": ranking.threshold(weights, sparsity), "layer_k": layer_k, **measured})
        on_stop(done, len(sparsities))

    columns = {name: np.array([row[name] for row in rows], _LAYOUT[name][0]) for name in rows[0]}
    return Profile(
        pruning=ranking.pruning,
        names=ranking.names,
        sizes=np.array(ranking.sizes, np.int64),
        sparsity=np.array(sparsities, np.float64),
        **columns,
    )


def _measure(logits: NDArray[np.float32], dense: NDArray[np.float32], labels: Labels) -> dict[str, Any]:
    """The fields of one row that come from outputs. Sums are float64 and divided once."""
    log_p, log_dense = log_softmax(logits), log_softmax(dense)
    predicted, images = logits.argmax(axis=1), np.arange(len(labels))
    return {
        "predicted": predicted,
        "probability": np.exp(log_p[images, predicted]),
        "loss": -log_p[images, labels].sum() / len(labels),
        "logit_change": np.abs(logits - dense).max(),
        "kl": (np.exp(log_dense) * (log_dense - log_p)).sum() / len(labels),
    }


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logarithms of the softmax over each row, (n, C) to the same, without overflow."""
    shifted: NDArray[np.float64] = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _damaged(what: str) -> StoreError:
    return StoreError(f"This profile is damaged: {what}. Delete it and compute it again.")
