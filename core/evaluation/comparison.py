"""The quality of predictions: accuracy, confusion matrix, and the paired comparison of two prediction vectors.

Predictions are class numbers, (n,) integers, on the same images in the same order.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.intervals import bonett_price, holm, mcnemar, wilson

Labels = NDArray[np.integer[Any]]

ALPHA = 0.05
"""A difference with a smaller p-value of the exact McNemar test is significant."""

MARGIN = 0.005
"""A difference whose whole interval is within this fraction of zero counts as small: 0.5 percentage points."""


@dataclass(frozen=True)
class Proportion:
    """`right` of `n`, with Wilson's 95 % interval. All values are fractions."""

    right: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.right <= self.n or self.n < 1:
            raise ValueError(f"{self.right} of {self.n} is not a proportion; it needs at least one image.")

    @property
    def value(self) -> float:
        return self.right / self.n

    @property
    def low(self) -> float:
        return wilson(self.right, self.n)[0]

    @property
    def high(self) -> float:
        return wilson(self.right, self.n)[1]


@dataclass(frozen=True)
class Comparison:
    """Dense against pruned on the same `n` images. Counts are images; differences are fractions of n, pruned - dense.

    Attributes:
        n: images.
        both_right: right before and after.
        lost: dense right, pruned wrong.
        gained: dense wrong, pruned right.
        both_wrong: wrong before and after, with the same or another answer.
        changed: images with another answer, right or wrong.
    """

    n: int
    both_right: int
    lost: int
    gained: int
    both_wrong: int
    changed: int

    @property
    def dense(self) -> Proportion:
        return Proportion(self.both_right + self.lost, self.n)

    @property
    def pruned(self) -> Proportion:
        return Proportion(self.both_right + self.gained, self.n)

    @property
    def difference(self) -> float:
        return (self.gained - self.lost) / self.n

    @property
    def low(self) -> float:
        """Lower end of the difference's 95 % interval (Bonett and Price)."""
        return bonett_price(self.lost, self.gained, self.n)[0]

    @property
    def high(self) -> float:
        """Upper end of the difference's 95 % interval (Bonett and Price)."""
        return bonett_price(self.lost, self.gained, self.n)[1]

    @property
    def p_value(self) -> float:
        """Exact McNemar test of lost against gained, two-sided."""
        return mcnemar(self.lost, self.gained)

    @property
    def significant(self) -> bool:
        """Whether chance does not explain the difference: the exact test and the paired interval agree on that."""
        return self.p_value < ALPHA and not self.low <= 0 <= self.high

    def within(self, margin: float = MARGIN) -> bool:
        """Whether the difference's whole interval is at most this fraction from zero, on both sides."""
        return -margin <= self.low and self.high <= margin

    @property
    def churn(self) -> float:
        return self.changed / self.n


def accuracy(labels: Labels, predictions: Labels) -> Proportion:
    """The share of images whose predicted class is the true one.

    Raises:
        ValueError: the vectors differ in length or are empty.
    """
    _check_paired(labels, predictions)
    return Proportion(int(np.count_nonzero(labels == predictions)), labels.size)


def confusion_matrix(labels: Labels, predictions: Labels, classes: int) -> NDArray[np.int64]:
    """Counts, (classes, classes) int64: rows are the true class, columns the predicted one.

    Raises:
        ValueError: the vectors differ in length or are empty, or hold a class out of range.
    """
    _check_paired(labels, predictions)
    if min(labels.min(), predictions.min()) < 0 or max(labels.max(), predictions.max()) >= classes:
        raise ValueError(f"Classes must be from 0 to {classes - 1}.")
    cells = labels.astype(np.int64) * classes + predictions
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def compare(labels: Labels, dense: Labels, pruned: Labels) -> Comparison:
    """Pair the answers of two networks on the same images.

    Raises:
        ValueError: the vectors differ in length or are empty.
    """
    _check_paired(labels, dense)
    _check_paired(labels, pruned)
    before, after = dense == labels, pruned == labels
    both = int(np.count_nonzero(before & after))
    lost, gained = int(np.count_nonzero(before)) - both, int(np.count_nonzero(after)) - both
    return Comparison(
        n=labels.size,
        both_right=both,
        lost=lost,
        gained=gained,
        both_wrong=labels.size - both - lost - gained,
        changed=int(np.count_nonzero(dense != pruned)),
    )


@dataclass(frozen=True)
class ClassComparison:
    """One class, dense against pruned.

    Attributes:
        recall: of the images that are of this class, paired; None if none is.
        dense_precision, pruned_precision: of the images that were taken for this class; None if none was. They are of
            different images, so their difference has no paired interval.
        p_value: exact McNemar test of the recall, corrected by `holm` for the number of classes; 1 without images.
    """

    recall: Comparison | None
    dense_precision: Proportion | None
    pruned_precision: Proportion | None
    p_value: float


def by_class(labels: Labels, dense: Labels, pruned: Labels, classes: int) -> tuple[ClassComparison, ...]:
    """Recall and precision of each class.

    Raises:
        ValueError: the vectors differ in length or are empty.
    """
    _check_paired(labels, dense)
    _check_paired(labels, pruned)
    members = [labels == c for c in range(classes)]
    recalls = [compare(labels[own], dense[own], pruned[own]) if own.any() else None for own in members]
    tested = iter(holm([recall.p_value for recall in recalls if recall]))
    adjusted = [next(tested) if recall else 1.0 for recall in recalls]
    return tuple(
        ClassComparison(recall, _precision(labels, dense, c), _precision(labels, pruned, c), p)
        for c, (recall, p) in enumerate(zip(recalls, adjusted, strict=True))
    )


def _precision(labels: Labels, predictions: Labels, c: int) -> Proportion | None:
    taken = predictions == c
    n = int(np.count_nonzero(taken))
    return Proportion(int(np.count_nonzero(labels[taken] == c)), n) if n else None


def most_confused(matrix: NDArray[np.int64], size: int = 4) -> tuple[int, ...]:
    """The `size` classes most often taken for one another: those with the most errors among themselves.

    `matrix` is (classes, classes) counts; of equal groups the first in lexicographic order. All groups are tried.
    """
    errors = matrix - np.diag(np.diag(matrix))
    groups = np.array([*combinations(range(len(errors)), min(size, len(errors)))])
    pairs = combinations(range(groups.shape[1]), 2)
    among = sum((errors + errors.T)[groups[:, i], groups[:, j]] for i, j in pairs)
    return tuple(int(c) for c in groups[np.argmax(among)])


def _check_paired(labels: Labels, predictions: Labels) -> None:
    if labels.ndim != 1 or labels.shape != predictions.shape or not labels.size:
        raise ValueError(f"Labels {labels.shape} and predictions {predictions.shape} are not of the same images.")
