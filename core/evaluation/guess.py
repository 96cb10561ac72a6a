"""A guess of the accuracy at a few sparsities, before the truth is shown: its error, and the guesses of many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ASKED: tuple[int, ...] = (30, 50, 70, 80, 90)
"""The sparsities at which a guess is asked for, in percent: stops of every profile, most where accuracy falls."""

Five = tuple[float, ...]
"""One value for each sparsity of `ASKED`."""


@dataclass(frozen=True)
class Guess:
    """The accuracy expected at each sparsity of `ASKED`, in whole percent.

    Raises:
        ValueError: there are more or fewer numbers, or one is not a whole number from 0 to 100.
    """

    percents: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.percents) != len(ASKED):
            raise ValueError(f"A guess has {len(ASKED)} numbers, not {len(self.percents)}.")
        for percent in self.percents:
            if type(percent) is not int or not 0 <= percent <= 100:
                raise ValueError(f"{percent!r} is not a whole percentage from 0 to 100.")


@dataclass(frozen=True)
class Miss:
    """How far a guess is off, guess minus truth, in percentage points at each sparsity of `ASKED`."""

    points: Five

    @property
    def mean(self) -> float:
        """The mean of the distances, which have no sign."""
        return float(np.mean(np.abs(self.points)))

    @property
    def drift(self) -> float:
        """The mean with signs: above zero the guess was too hopeful, below zero too gloomy."""
        return float(np.mean(self.points))

    @property
    def worst(self) -> int:
        """The index of the sparsity where the guess is furthest off, the lowest of several."""
        return int(np.argmax(np.abs(self.points)))


def miss(guess: Sequence[float], truth: Sequence[float]) -> Miss:
    """How far a guess is from the true accuracies, both in percent."""
    return Miss(tuple(g - t for g, t in zip(guess, truth, strict=True)))


@dataclass(frozen=True)
class Bands:
    """The guesses of n visitors at each sparsity of `ASKED`, in percent: range, quartiles and median."""

    n: int
    low: Five
    lower: Five
    middle: Five
    upper: Five
    high: Five


def bands(guesses: Sequence[Guess]) -> Bands | None:
    """The bands of many guesses, with quartiles interpolated linearly; None without any."""
    if not guesses:
        return None
    rows = np.percentile([guess.percents for guess in guesses], (0, 25, 50, 75, 100), axis=0)
    return Bands(len(guesses), *(tuple(map(float, row)) for row in rows))
