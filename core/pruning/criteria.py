"""What ranks the weights: each criterion once, with its score, its words and what it needs.

To add a criterion, add an entry to `CRITERIA`: menus, study and tests follow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.pruning.sorting import order, sortable

Flat = NDArray[np.float32]
Score = Callable[[Flat, np.random.Generator, Flat], Flat]
"""A layer's weights, a random generator and the layer's values of `Criterion.needs` (empty if None) -> new scores."""

GRADIENTS, INPUTS, REMOVAL = "gradients", "inputs", "removal"

STATISTICS: dict[str, str] = {
    GRADIENTS: "the gradient of the loss",
    INPUTS: "the size of the inputs",
    REMOVAL: "the order of removal",
}
"""What criteria may need besides the weights: one value for each weight. By name (its file's as well), in words."""


def magnitude(w: Flat, rng: np.random.Generator, _: Flat) -> Flat:
    """|w|: the smallest go first."""
    return np.abs(w)


def largest(w: Flat, rng: np.random.Generator, _: Flat) -> Flat:
    """-|w|: the largest go first, the worst case for comparison."""
    return -np.abs(w)


def signed(w: Flat, rng: np.random.Generator, _: Flat) -> Flat:
    """w itself: the most negative go first."""
    return w.copy()


def random(w: Flat, rng: np.random.Generator, _: Flat) -> Flat:
    """Random numbers, uniform in their bits rather than their values, which gives about 2**31 different ones."""
    return rng.integers(0x7F800000, size=w.size, dtype=np.uint32).view(np.float32)


def lamp(w: Flat, rng: np.random.Generator, _: Flat) -> Flat:
    """Layer-adaptive magnitude (Lee et al., ICLR 2021), w² / the sum of w² over it and all that go later in its layer.

    The square root of that, which gives the same order and does not underflow in float32. 0 in an all-zero layer.
    """
    places = _ascending(np.abs(w))
    shares = _shares(np.abs(w[places]))
    return _placed(shares, places)


def _ascending(values: Flat) -> NDArray[np.uint32]:
    """The places of the values, the smallest first, ties by position. Overwrites the values."""
    return order(sortable(values).astype(np.uint64), ((0, values.size),))


def _shares(ascending: Flat) -> Flat:
    """Each magnitude over the root of the sum of its square and those of all that follow. Overwrites them."""
    if ascending.any():
        rest = np.square(ascending, dtype=np.float64)[::-1]
        np.sqrt(np.cumsum(rest, out=rest), out=rest)
        ascending /= rest[::-1]
    return ascending


def _placed(values: Flat, places: NDArray[np.uint32]) -> Flat:
    score = np.empty_like(values)
    score[places] = values
    return score


def times(w: Flat, rng: np.random.Generator, statistic: Flat) -> Flat:
    """|w x|, where x is what the criterion needs.

    The gradient: to first order, the change of the loss without the weight (Taylor: Molchanov et al., CVPR 2019). The
    root mean square of its input: Wanda (Sun et al., ICLR 2024, there within each filter).
    """
    score = w * statistic
    np.abs(score, out=score)
    return score


def surgeon(w: Flat, rng: np.random.Generator, removal: Flat) -> Flat:
    """The scores of LAMP, handed out in the order of removal: each layer's share is LAMP's, not which weights go.

    What a removal costs is a layer's own error, and those of two layers do not compare.
    """
    places = _ascending(removal.copy())
    magnitudes = np.abs(w)
    magnitudes.sort()
    return _placed(_shares(magnitudes), places)


@dataclass(frozen=True)
class Criterion:
    """A way to rank weights.

    Attributes:
        name: in links and in stored profiles.
        title: in a menu.
        short: in a figure or a table.
        help: what goes first, for the menu.
        score: float32 scores of one layer's flat weights; the lowest go first.
        needs: the name in `STATISTICS` of what the score reads besides the weights; None if nothing.
        is_random: whether the score depends on the seed.
        by_magnitude: whether the smallest magnitudes of a layer go first, so that one threshold on |w| shows what goes.
    """

    name: str
    title: str
    short: str
    help: str
    score: Score
    needs: str | None = None
    is_random: bool = False
    by_magnitude: bool = False


_ALL = (
    Criterion(
        "magnitude",
        "Magnitude (smallest |w| first)",
        "Magnitude",
        "the weights closest to zero",
        magnitude,
        by_magnitude=True,
    ),
    Criterion("random", "Random", "Random", "weights chosen at random", random, is_random=True),
    Criterion("largest", "Largest |w| first", "Largest first", "the weights farthest from zero", largest),
    Criterion("signed", "Signed value (most negative first)", "Signed value", "the most negative weights", signed),
    Criterion(
        "lamp",
        "LAMP (layer-adaptive magnitude)",
        "LAMP",
        "weights that are small relative to what is left of their layer",
        lamp,
    ),
    Criterion(
        "taylor",
        "Taylor (|w × gradient of the loss|)",
        "Taylor",
        "weights whose removal changes the loss least, to first order",
        times,
        needs=GRADIENTS,
    ),
    Criterion(
        "wanda",
        "Wanda (|w| × size of its input)",
        "Wanda",
        "weights that are small, or whose inputs are",
        times,
        needs=INPUTS,
    ),
    Criterion(
        "obs",
        "OBS (Optimal Brain Surgeon)",
        "OBS",
        "weights that the others of their filter can best make up for; each layer's share is LAMP's",
        surgeon,
        needs=REMOVAL,
    ),
)

CRITERIA: dict[str, Criterion] = {criterion.name: criterion for criterion in _ALL}
"""Every criterion by name, the default first."""
