"""Whether a network is as confident as it is accurate: the expected calibration error of each stop of a profile."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError
from core.evaluation.comparison import Labels
from core.evaluation.profile import Profile, Profiling
from core.job import Job, OfRun

BINS = 15
"""Of equal width, over the largest probability."""


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
    if profile.predicted.shape[1] != len(labels):
        raise ValueError(f"{len(labels)} labels do not belong to a profile of {profile.predicted.shape[1]} images.")
    right, confidence = profile.predicted == labels, profile.probability.astype(np.float64)
    rows = zip(right, confidence, strict=True)
    return Calibration(
        n=len(labels),
        sparsity=profile.sparsity,
        confidence=confidence.mean(axis=1),
        accuracy=right.mean(axis=1),
        error=np.array([calibration_error(r, p) for r, p in rows]),
    )


def calibration_error(right: NDArray[np.bool_], confidence: NDArray[np.float64]) -> float:
    """The expected calibration error over `BINS` equal bins, each open at its left end.

    Args:
        right: (n,) whether each answer is right.
        confidence: (n,) the probability of each answer, from 0 to 1.
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))
