"""Whether a network is as confident as it is accurate: the expected calibration error of each stop of a profile.

An image's confidence is the probability of its answer. A profile stores it as float16: it is off by at most 1/4096
(0.024 percentage points), and above 4095/4096 it reads as 1. So an image that close to the edge of a bin may be counted
in the next one, and mean confidences are exact to 0.024 percentage points. No float16 but 0 and 1 is an edge of a bin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError
from core.evaluation.comparison import Labels
from core.evaluation.profile import Profile, Profiling
from core.job import Job, OfRun

BINS = 15
"""Of equal width, over the confidence; each is open at its left end and closed at its right one: (0, 1/15], and so on.
A confidence of 0 is counted in the first."""

_Z = 1.96  # as in the paired interval of accuracies


@dataclass(frozen=True, eq=False)
class Calibration:
    """How confident and how accurate a network is at each of S sparsities, on n images. All values are fractions.

    Attributes:
        n: images.
        sparsity: (S,), as in the profile.
        confidence: (S,) mean largest probability.
        accuracy: (S,) share of right answers.
        error: (S,) expected calibration error: the mean over the images of |accuracy - confidence| of the bin that an
            image's largest probability falls into (Guo et al., "On calibration of modern neural networks", ICML 2017).

    Raises:
        StoreError: the columns differ in length.
    """

    n: int
    sparsity: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: NDArray[np.float64]

    def __post_init__(self) -> None:
        if len({len(column) for column in (self.sparsity, self.confidence, self.accuracy, self.error)}) != 1:
            raise StoreError("This calibration is damaged: its columns differ in length.")


@dataclass(frozen=True, kw_only=True)
class Calibrating(OfRun[Calibration]):
    """The calibration of a run at each stop of its profile."""

    kind = "calibration"
    noun = "calibration"
    unit = "stop"

    @property
    def needs(self) -> tuple[Job[Any], ...]:
        """The profile."""
        return (Profiling(run_id=self.run_id, pruning=self.pruning),)


def calibration(profile: Profile, labels: Labels) -> Calibration:
    """The calibration at every stop.

    Args:
        profile: of S stops and n images.
        labels: (n,) the true classes.

    Raises:
        ValueError: the labels are of another number of images.
    """
    found = reliability(profile, labels)
    return Calibration(found.n, profile.sparsity, found.mean_confidence, found.mean_accuracy, found.error)


@dataclass(frozen=True)
class Confidence:
    """How confident and how accurate one network is on n images, as fractions: means and expected calibration error."""

    n: int
    mean: float
    accuracy: float
    error: float


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often the answers of a confidence are right, at each of S stops, on n images.

    Attributes:
        n: images.
        count: (S, BINS) int64, images in each bin.
        right: (S, BINS) int64, those of them that are answered correctly.
        total: (S, BINS) float64, the sum of their confidences.
    """

    n: int
    count: NDArray[np.int64]
    right: NDArray[np.int64]
    total: NDArray[np.float64]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """(S, BINS) the share of right answers; NaN where a bin is empty."""
        return _share(self.right, self.count)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """(S, BINS) the mean confidence; NaN where a bin is empty."""
        return _share(self.total, self.count)

    @property
    def mean_accuracy(self) -> NDArray[np.float64]:
        """(S,) over all images."""
        return np.asarray(self.right.sum(axis=1) / self.n)

    @property
    def mean_confidence(self) -> NDArray[np.float64]:
        """(S,) over all images."""
        return np.asarray(self.total.sum(axis=1) / self.n)

    @property
    def error(self) -> NDArray[np.float64]:
        """(S,) the expected calibration error; an empty bin adds nothing."""
        return np.asarray(np.abs(self.right - self.total).sum(axis=1) / self.n)

    @property
    def stops(self) -> tuple[Confidence, ...]:
        """One for each stop."""
        columns = (self.mean_confidence.tolist(), self.mean_accuracy.tolist(), self.error.tolist())
        return tuple(Confidence(self.n, *row) for row in zip(*columns, strict=True))


def _share(part: NDArray[Any], of: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, of, out=np.full(of.shape, np.nan), where=of > 0))


def reliability(profile: Profile, labels: Labels) -> Reliability:
    """The images of each bin at every stop; some 10 ms for 43 stops and 10,000 images.

    Raises:
        ValueError: the labels are of another number of images.
    """
    right, confidence = _answered(profile, labels)
    stops, n = confidence.shape
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    cells = (bins + BINS * np.arange(stops)[:, np.newaxis]).ravel()

    def summed(cells: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> NDArray[Any]:
        return np.bincount(cells, weights, minlength=stops * BINS).reshape(stops, BINS)

    return Reliability(n, summed(cells), summed(cells[right.ravel()]), summed(cells, confidence.ravel()))


def _answered(profile: Profile, labels: Labels) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(S, n) whether an answer is right, and its confidence."""
    if profile.predicted.shape[1] != len(labels):
        raise ValueError(f"{len(labels)} labels do not belong to a profile of {profile.predicted.shape[1]} images.")
    return profile.predicted == labels, profile.probability.astype(np.float64)


# --- confidence minus accuracy ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gap:
    """A mean over images, as a fraction, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero."""
        return not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Overconfidence:
    """Mean confidence minus accuracy at each stop, and its paired change from the dense network's (row 0)."""

    gaps: tuple[Gap, ...]
    changes: tuple[Gap, ...]


def overconfidence(profile: Profile, labels: Labels) -> Overconfidence:
    """How much confidence exceeds accuracy at every stop.

    Of each image it is the confidence minus 1 if the answer is right, minus 0 if not. Both networks answer the same
    images, so the change is paired: the mean of the differences of each image.

    Raises:
        ValueError: the labels are of another number of images.
    """
    excess = _excess(profile, labels)
    return Overconfidence(_means(excess, 1), _means(excess - excess[0], 2))


def change(profile: Profile, other: Profile, rows: Sequence[int | None], labels: Labels) -> list[Gap | None]:
    """Confidence minus accuracy at every stop, relative to another network's on the same images, paired.

    Args:
        profile: of S stops.
        other: the other network's, on the same images.
        rows: for each stop the row of `other` to compare with; None where it has none, and then nor has the result.
        labels: (n,) the true classes.

    Raises:
        ValueError: the labels are of another number of images.
    """
    mine, theirs = (_excess(each, labels) for each in (profile, other))
    known = {stop: row for stop, row in enumerate(rows) if row is not None}
    gaps = dict(zip(known, _means(mine[[*known]] - theirs[[*known.values()]], 2), strict=True))
    return [gaps.get(stop) for stop in range(len(rows))]


def _excess(profile: Profile, labels: Labels) -> NDArray[np.float64]:
    """(S, n) confidence minus 1 if an answer is right, minus 0 if not."""
    right, confidence = _answered(profile, labels)
    return np.asarray(confidence - right)


def _means(values: NDArray[np.float64], reach: int) -> tuple[Gap, ...]:
    """The mean of each row of values within -reach and reach, with an adjusted Wald 95 % interval.

    One image is added at each end, as in Bonett and Price's interval, which this is if all values are -1, 0 or 1. So
    rare large values, which a sample may lack, do not make the interval too narrow.
    """
    n = values.shape[1]
    total, squares = values.sum(axis=1), np.einsum("ij,ij->i", values, values)
    centre = total / (n + 2)
    half = _Z * np.sqrt(((squares + 2 * reach**2) / (n + 2) - centre**2) / (n + 2))
    ends = (np.clip(end, -reach, reach).tolist() for end in (centre - half, centre + half))
    return tuple(Gap(*row) for row in zip((total / n).tolist(), *ends, strict=True))
