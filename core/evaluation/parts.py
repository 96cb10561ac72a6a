"""The per-stop table computed: of all images at once, or in parts where that is slow.

A part is some of the images at every stop. It keeps what the table sums up, image by image, so that the table of all
parts is that of all images at once, bit for bit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import PruningError
from core.evaluation import Labels
from core.evaluation.profile import LAYOUT, Profile, damaged, stops
from core.pruning import At, PruningConfig, Ranking, Weights, prune

_SUMMED = ("loss", "logit_change", "kl")

Infer = Callable[[Weights], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Part:
    """Some images at every stop: as a `Profile`, but what that sums up is kept for each image.

    Attributes:
        names: the L kernels' names.
        arrays: those of `Profile.to_arrays`; `loss`, `logit_change` and `kl` are (S, n).
    """

    names: tuple[str, ...]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def images(self) -> int:
        """How many."""
        return int(self.arrays["predicted"].shape[1])

    @classmethod
    def joined(cls, parts: Sequence["Part"]) -> "Part":
        """The images of several parts, in order; raises StoreError if they are of different stops."""
        first = parts[0]
        fixed = {name: value for name, value in first.arrays.items() if not _of_images(name)}
        for part in parts:
            if part.names != first.names or any(not np.array_equal(part.arrays[name], fixed[name]) for name in fixed):
                raise damaged("its parts are of different stops")
        along = {
            name: np.concatenate([part.arrays[name] for part in parts], axis=1)
            for name in first.arrays
            if name not in fixed
        }
        return cls(first.names, fixed | along)

    def profile(self, pruning: PruningConfig) -> Profile:
        """The table of these images. Sums are float64 and divided once."""
        n, whole = self.images, self.arrays
        summed = {
            "loss": np.array([row.sum() / n for row in whole["loss"]], np.float64),
            "logit_change": whole["logit_change"].max(axis=1),
            "kl": np.array([row.sum() / n for row in whole["kl"]], np.float64),
        }
        return Profile.from_arrays({**whole, **summed}, pruning, self.names)


def _of_images(name: str) -> bool:
    """Whether an array of a part has a column for each image."""
    return name in _SUMMED or LAYOUT[name][1] == "Sn"


def compute(weights: Weights, ranking: Ranking, infer: Infer, labels: Labels, **more: Any) -> Profile:
    """The table of all images at once; arguments and errors are those of `measure`."""
    return measure(weights, ranking, infer, labels, **more).profile(ranking.pruning)


def measure(
    weights: Weights,
    ranking: Ranking,
    infer: Infer,
    labels: Labels,
    *,
    sparsities: Sequence[float] | None = None,
    dense_logits: NDArray[np.float32] | None = None,
    at: At | None = None,
    on_stop: Callable[[int, int], object] = lambda done, of: None,
    backwards: bool = False,
) -> Part:
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
        backwards: begin with the last sparsity; the rows are the same.

    Raises:
        PruningError: a sparsity is out of range, the ranking is of other layers, or an output is not finite.
        ValueError: the labels are of another number of images.
    """
    dense = infer(weights) if dense_logits is None else dense_logits
    if len(labels) != len(dense):
        raise ValueError(f"{len(labels)} labels do not belong to outputs of {len(dense)} images.")

    sparsities, at = sparsities or stops(ranking), at or partial(prune, weights, ranking)
    on_stop(0, len(sparsities))
    logits, k, rows = dense, 0, list[dict[str, Any]]()
    for done, sparsity in enumerate(sparsities[::-1] if backwards else sparsities, start=1):
        if ranking.count(sparsity) != k:
            k = ranking.count(sparsity)
            logits = infer(at(sparsity)) if k else dense
        if not np.isfinite(logits).all():
            raise PruningError(f"At {100 * sparsity:.10g} % the outputs are not finite; train this network again.")
        rows.append({**_head(weights, ranking, sparsity), **_measured(logits, dense, labels)})
        on_stop(done, len(sparsities))
    return _part(ranking, sparsities, rows[::-1] if backwards else rows)


def _part(ranking: Ranking, sparsities: Sequence[float], rows: Sequence[Mapping[str, Any]]) -> Part:
    """A part from the rows at each sparsity."""
    columns = {
        name: np.stack([row[name] for row in rows])
        if LAYOUT[name][1] == "Sn"
        else np.array([row[name] for row in rows], LAYOUT[name][0][0])
        for name in rows[0]
    }
    sizes, fractions = np.array(ranking.sizes, np.int64), np.array(sparsities, np.float64)
    return Part(ranking.names, {"sizes": sizes, "sparsity": fractions, **columns})


def _head(weights: Weights, ranking: Ranking, sparsity: float) -> dict[str, Any]:
    """The fields of one row that come from the ranking."""
    return {
        "k": ranking.count(sparsity),
        "threshold": ranking.threshold(weights, sparsity),
        "layer_k": [*ranking.layer_counts(sparsity).values()],
    }


def _measured(logits: NDArray[np.float32], dense: NDArray[np.float32], labels: Labels) -> dict[str, NDArray[Any]]:
    """The fields of one row that come from outputs, for each image."""
    log_p, log_dense = log_softmax(logits), log_softmax(dense)
    predicted, images = logits.argmax(axis=1), np.arange(len(labels))
    return {
        "predicted": predicted.astype(np.uint8 if logits.shape[1] <= 256 else np.uint16),
        "probability": np.exp(log_p[images, predicted]).astype(np.float16),
        "loss": -log_p[images, labels],
        "logit_change": np.abs(logits - dense).max(axis=1).astype(np.float32),
        "kl": (np.exp(log_dense) * (log_dense - log_p)).sum(axis=1),
    }


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logarithms of the softmax over each row, (n, C) to the same, without overflow."""
    shifted: NDArray[np.float64] = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted
