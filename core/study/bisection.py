"""Questions with one number for an answer: how few weights matter, how many do not.

Each is answered by bisection, which finds a border: at k it is so, at its neighbour it is not. Where an answer could
change back and forth there may be other borders; this one is real, and both of its sides were evaluated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from core.errors import ConfigError
from core.evaluation import Comparison
from core.job import OfRun
from core.words import wording

Goal = Literal["change", "loss", "margin"]
"""The smallest k that changes any answer; that loses accuracy by more than chance; the largest k within a margin."""

MARGIN = 0.005
"""The margin that is asked for first, a fraction: half a percentage point."""


@dataclass(frozen=True, kw_only=True)
class Search(OfRun["Found"]):
    """A question about a run.

    Attributes:
        run_id, pruning: whose weights are ranked, and how.
        goal: what is asked.
        margin: within which the whole paired interval must be, a fraction; of the goal "margin" alone.

    Raises:
        ConfigError: the margin is not from 0.1 to 50 percentage points, or the scope is not global: only there is every
            number of weights from 0 to N a cut of its own.
    """

    kind = "search"
    noun = "search"
    unit = "evaluation"
    kept = ".study/{id}.json"

    goal: Goal = "change"
    margin: float = MARGIN

    def __post_init__(self) -> None:
        if not 0.001 <= self.margin <= 0.5:
            raise ConfigError(f"The margin is {100 * self.margin:.10g} pp; choose one from 0.1 to 50.")
        if not self.pruning.is_global:
            raise ConfigError("Numbers of weights can be searched where all weights compete; choose the scope global.")

    @property
    def key(self) -> str:
        """Such as `0123456789ab-magnitude-global-margin-0.5`."""
        margin = f"-{100 * self.margin:.6g}" if self.goal == "margin" else ""
        return f"{super().key}-{self.goal}{margin}"


@dataclass(frozen=True, kw_only=True)
class Found:
    """The answer: a border between two numbers of weights.

    Attributes:
        k: the answer; None if there is no such number.
        total: N.
        at: the dense against the pruned network at k, on the images that were searched; None without k.
        beyond: the neighbour on the other side of the border, k - 1 (of the goal "margin": k + 1), or None at an end.
        test: at k on the test images; the same as `at` but for the goal "margin", which is chosen on validation images.
        evaluations: how often the network answered all images.
    """

    k: int | None
    total: int
    at: Comparison | None
    beyond: Comparison | None
    test: Comparison | None
    evaluations: int


Search.result = Found


def significant(c: Comparison) -> bool:
    """Whether accuracy is lost by more than chance: the exact test and the paired interval agree that it is."""
    return c.p_value < wording.ALPHA and c.high < 0


def within(c: Comparison, margin: float) -> bool:
    """Whether the whole paired interval of the difference lies within the margin on both sides of zero."""
    return c.low >= -margin and c.high <= margin


def border(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The k of low < k <= high at which it holds and at k - 1 not, given that it does not at low and does at high."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def between(holds: Callable[[int], bool], ks: Sequence[int]) -> tuple[int, int] | None:
    """The first two neighbours of ascending ks between which it begins to hold, the first of which does not.

    None if it holds at none of them.
    """
    for low, high in pairwise(ks):
        if holds(high):
            return low, high
    return None


def said(search: Search, found: Found) -> str:
    """The answer in words."""
    if found.k is None or found.at is None:
        return _NONE[search.goal]
    k = f"{wording.removed(found.k, found.total)} ({wording.sparsity(found.k / found.total)})"
    c = found.at
    if search.goal == "change":
        changed = f"{wording.count(c.changed)} of {wording.count(c.n)} answers changed"
        return f"{k}: {changed}; with one weight fewer none did."
    if search.goal == "loss":
        p = f"McNemar p {wording.relation(c.p_value)}"
        return f"{k}: {wording.difference(c)}, {p}; at one weight fewer the difference may still be chance."
    test = found.test
    assert test is not None
    kept = "also inside" if within(test, search.margin) else "outside"
    return (
        f"{k}, chosen on {wording.count(c.n)} validation images: {wording.difference(c)}. Reported once on the "
        f"{wording.count(test.n)} test images: {wording.difference(test)}, {kept} the margin."
    )


_NONE: dict[Goal, str] = {
    "change": "No number of weights changes any answer.",
    "loss": "No number of weights loses accuracy by more than chance.",
    "margin": "Not even one weight: the interval is wider than the margin on so few validation images.",
}
