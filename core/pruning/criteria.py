"""What ranks the weights: each criterion once, with its score, its words and what it needs.

A further one is an entry of `CRITERIA`: menus, study and tests follow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.pruning.sorting import order, sortable

Flat = NDArray[np.float32]
Score = Callable[[Flat, np.random.Generator, Flat], Flat]
"""A layer's weights, a source of chance and, of the criteria that need it, the loss's gradient -> new scores."""


def magnitude(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """|w|: the smallest go first."""
    return np.abs(w)


def largest(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """-|w|: the largest go first, the worst case for comparison."""
    return -np.abs(w)


def signed(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """w itself: the most negative go first."""
    return w.copy()


def random(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """Random numbers. Uniform in their bits, not in their values, so that 2**31 of them differ."""
    return rng.integers(0x7F800000, size=w.size, dtype=np.uint32).view(np.float32)


def lamp(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """Layer-adaptive magnitude (Lee et al., ICLR 2021), w² / sum of the w² that go later in its layer, itself included.

    Its square root, which orders the same and does not underflow in float32. 0 throughout an all-zero layer.
    """
    places = order(sortable(np.abs(w)).astype(np.uint64), ((0, w.size),))
    ascending = np.abs(w[places])
    if w.any():
        rest = np.square(ascending, dtype=np.float64)[::-1]
        np.sqrt(np.cumsum(rest, out=rest), out=rest)
        ascending /= rest[::-1]
        del rest  # before the next array, to save memory
    score = np.empty_like(w)
    score[places] = ascending
    return score


def taylor(w: Flat, rng: np.random.Generator, gradient: Flat) -> Flat:
    """|w dL/dw|, to first order what the loss changes by without the weight (Molchanov et al., CVPR 2019)."""
    score = w * gradient
    np.abs(score, out=score)
    return score


@dataclass(frozen=True)
class Criterion:
    """A way to rank weights.

    Attributes:
        title: in a menu.
        short: in a figure or a table.
        help: what goes first, for the menu.
        score: float32 scores of one layer's flat weights; the lowest go first.
        needs_gradient: whether the score reads the gradient of the loss.
        is_random: whether the score depends on the seed.
        by_magnitude: whether it takes the smallest magnitudes of a layer first, so that a cut in |w| shows what goes.
    """

    title: str
    short: str
    help: str
    score: Score
    needs_gradient: bool = False
    is_random: bool = False
    by_magnitude: bool = False


CRITERIA: dict[str, Criterion] = {
    "magnitude": Criterion(
        "Magnitude (smallest |w| first)", "Magnitude", "the weights closest to zero", magnitude, by_magnitude=True
    ),
    "random": Criterion("Random", "Random", "any weights, by chance", random, is_random=True),
    "largest": Criterion("Largest |w| first", "Largest first", "the weights farthest from zero", largest),
    "signed": Criterion("Signed value (most negative first)", "Signed value", "the most negative weights", signed),
    "lamp": Criterion(
        "LAMP (layer-adaptive magnitude)", "LAMP", "weights that are small for what is left of their layer", lamp
    ),
    "taylor": Criterion(
        "Taylor (|w × gradient of the loss|)",
        "Taylor",
        "weights without which the loss changes least, to first order",
        taylor,
        needs_gradient=True,
    ),
}
"""Every criterion by name, the default first. The names are part of links and of stored profiles."""
