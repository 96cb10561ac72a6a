"""A guess in words: how far it was off, and what a class guessed."""

from collections.abc import Sequence

from core.evaluation.guess import ASKED, Bands, Miss
from core.words import wording

_EVEN = 1.0
"""Percentage points below which the mean with signs counts as neither too hopeful nor too gloomy."""


def error(miss: Miss, truth: Sequence[float], n: int, whose: str = "Your guess") -> str:
    """How far a guess was off, where most, and in which direction.

    Args:
        miss: guess minus truth.
        truth: the true accuracies at `ASKED`, in percent.
        n: test images that they were counted on.
        whose: the subject of the sentence.
    """
    at = miss.worst
    off = distance(miss, n, whose)
    if not miss.mean:
        return off
    true = truth[at] / 100
    guessed = wording.percent(true + miss.points[at] / 100, 1)
    furthest = f"It was furthest off at {_sparsity(at)}: {guessed} guessed, {wording.percent(true)} in truth."
    return f"{off} {furthest} {_direction(miss.drift)}"


def distance(miss: Miss, n: int, whose: str = "Your guess") -> str:
    """How far a guess was off on average; `whose` is the subject of the sentence, n the number of test images."""
    return f"{whose} was off by {_points(miss.mean)} on average ({len(ASKED)} sparsities, n = {wording.count(n)})."


def _direction(drift: float) -> str:
    if abs(drift) < _EVEN:
        return "As a whole it was neither too hopeful nor too gloomy."
    return f"As a whole it was too {'hopeful' if drift > 0 else 'gloomy'}, by {_points(abs(drift))}."


def spread(bands: Bands) -> str:
    """Where the middle half of the guesses lies at each sparsity."""
    if bands.n == 1:
        return "One guess so far."
    halves = (
        f"{wording.decimal(low, 0)} to {wording.percent(high / 100, 0)} at {_sparsity(i)}"
        for i, (low, high) in enumerate(zip(bands.lower, bands.upper, strict=True))
    )
    expected = wording.listed([*halves])
    return f"{wording.count(bands.n)} guesses. The middle half of them expects an accuracy of {expected}."


def _sparsity(index: int) -> str:
    return wording.sparsity(ASKED[index] / 100)


def _points(distance: float) -> str:
    return wording.unbroken(f"{wording.decimal(distance, 1)} pp")
