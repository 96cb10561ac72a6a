"""The quality of predictions: accuracy, confusion matrix, and the paired comparison of two prediction vectors.

Predictions are class numbers, (n,) integers, on the same images in the same order. Labels and predictions may be of
different integer types.
"""

import math
from collections.abc import Sequence
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


def confusion_matrix(
    labels: Labels, predictions: Labels, classes: int, among: Sequence[int] | None = None
) -> NDArray[np.int64]:
    """Counts, int64: rows are the true class, columns the predicted one.

    Args:
        labels, predictions: (n,).
        classes: how many there are.
        among: those that the matrix has, in this order; images of another class, or taken for another one, are not
            counted. All if not given.

    Raises:
        ValueError: the vectors differ in length or are empty, or hold a class out of range.
    """
    _check_paired(labels, predictions)
    if min(labels.min(), predictions.min()) < 0 or max(labels.max(), predictions.max()) >= classes:
        raise ValueError(f"Classes must be from 0 to {classes - 1}.")
    group = np.array(range(classes) if among is None else among, np.int64)
    place = np.full(classes, -1)
    place[group] = np.arange(len(group))
    true, answer = place[labels], place[predictions]
    inside = (true >= 0) & (answer >= 0)
    cells = true[inside] * len(group) + answer[inside]
    return np.bincount(cells, minlength=len(group) ** 2).reshape(len(group), len(group))


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
    """Recall and precision of each class; some 10 ms for 1,000 classes.

    Raises:
        ValueError: the vectors differ in length or are empty.
    """
    _check_paired(labels, dense)
    _check_paired(labels, pruned)
    recalls = _recalls(labels, dense, pruned, classes)
    tested = iter(holm([recall.p_value for recall in recalls if recall]))
    adjusted = [next(tested) if recall else 1.0 for recall in recalls]
    before, after = (_precisions(labels, predictions, classes) for predictions in (dense, pruned))
    return tuple(ClassComparison(*of) for of in zip(recalls, before, after, adjusted, strict=True))


def _recalls(labels: Labels, dense: Labels, pruned: Labels, classes: int) -> list[Comparison | None]:
    """`compare` on the images of each class, all classes at once."""
    before, after = dense == labels, pruned == labels
    kinds = (before & after, before & ~after, ~before & after, ~(before | after), dense != pruned)
    columns = [_counts(labels, classes), *(_counts(labels[images], classes) for images in kinds)]
    return [Comparison(*counts) if counts[0] else None for counts in zip(*columns, strict=True)]


def _precisions(labels: Labels, predictions: Labels, classes: int) -> list[Proportion | None]:
    right, taken = (_counts(answers, classes) for answers in (predictions[predictions == labels], predictions))
    return [Proportion(r, n) if n else None for r, n in zip(right, taken, strict=True)]


def _counts(answers: Labels, classes: int) -> list[int]:
    """How many are of each class."""
    counts: list[int] = np.bincount(answers.astype(np.int64), minlength=classes)[:classes].tolist()
    return counts


_TRIED = 1_500_000
"""Pairs that are looked up to try all groups, at most: a tenth of a second, and any four of 50 classes."""

_STARTS = 100
"""Classes from which a group grows where there are too many groups to try them all."""


def most_confused(matrix: NDArray[np.int64], size: int = 4) -> tuple[int, ...]:
    """The `size` classes most often taken for one another: those with the most errors among themselves, in order.

    `matrix` is (classes, classes) counts. All groups are tried, as of four of up to 50 classes; of equal groups, the
    first in lexicographic order is taken. Where that would take too long, a group grows from each of the classes with
    the most errors, by the class with the most errors with those in it, and the best of these groups is taken.
    """
    errors = matrix - np.diag(np.diag(matrix))
    classes, pairs = len(errors), errors + errors.T
    size = min(size, classes)
    if math.comb(classes, size) * math.comb(size, 2) > _TRIED:
        return _grown(pairs, size)
    groups = np.array([*combinations(range(classes), size)])
    among = sum(pairs[groups[:, i], groups[:, j]] for i, j in combinations(range(size), 2))
    return tuple(int(c) for c in groups[np.argmax(among)])


def _grown(pairs: NDArray[np.int64], size: int) -> tuple[int, ...]:
    """The best group, of those that grow from a class; `pairs` are the errors between each two classes."""
    starts = np.argsort(-pairs.sum(axis=1), kind="stable")[:_STARTS]
    groups = np.arange(len(starts))
    inside = np.zeros((len(starts), len(pairs)), np.bool_)
    inside[groups, starts] = True
    errors, among = pairs[starts], np.zeros(len(starts), np.int64)
    for _ in range(size - 1):
        nearest = np.where(inside, -1, errors).argmax(axis=1)
        among += errors[groups, nearest]
        inside[groups, nearest] = True
        errors = errors + pairs[nearest]
    return tuple(int(c) for c in np.flatnonzero(inside[among.argmax()]))


def _check_paired(labels: Labels, predictions: Labels) -> None:
    if labels.ndim != 1 or labels.shape != predictions.shape or not labels.size:
        raise ValueError(f"Labels {labels.shape} and predictions {predictions.shape} are not of the same images.")
