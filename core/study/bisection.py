"""Exact limits of a run, found by bisection: how few weights change anything, how many change little.

Bisection ends at a k where something holds while it does not at the neighbouring k; both were evaluated. Where the
answers change back and forth over k, there may be other such places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from core.errors import ConfigError
from core.evaluation import MARGIN, Comparison
from core.job import OfRun
from core.words import wording

Goal = Literal["change", "loss", "margin"]
"""The smallest k that changes any answer or loses accuracy significantly; the largest k within a margin."""


@dataclass(frozen=True, kw_only=True)
class Search(OfRun["Bisection"]):
    """The search for a limit of a run.

    Attributes:
        run_id, pruning: whose weights are ranked, and how.
        goal: which limit.
        margin: within which the whole paired interval must be, a fraction; only for the goal "margin".

    Raises:
        ConfigError: the margin is not from 0.1 to 50 percentage points, or the scope is not global: only there
            can every number of weights from 0 to N be pruned.
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
            raise ConfigError("A search needs all weights to compete; choose the scope global.")

    @property
    def key(self) -> str:
        """Such as `0123456789ab-magnitude-global-margin-0.5`."""
        margin = f"-{100 * self.margin:.6g}" if self.goal == "margin" else ""
        return f"{super().key}-{self.goal}{margin}"


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """The result of a search: the limit, and the comparisons on both sides of it.

    Attributes:
        k: the limit, a number of weights; None if there is none.
        total: N.
        at: the dense against the pruned network at k, on the images of the search; None without k.
        beyond: the same at the neighbour across the limit, k - 1 (for the goal "margin" k + 1); None at an end.
        test: at k on the test images; the same as `at`, except for the goal "margin", which uses validation images.
        evaluations: how often the network answered all images.
    """

    k: int | None
    total: int
    at: Comparison | None
    beyond: Comparison | None
    test: Comparison | None
    evaluations: int


Search.result = Bisection


def loses(c: Comparison) -> bool:
    """Whether accuracy falls significantly."""
    return c.significant and c.difference < 0


def bracket(holds: Callable[[int], bool], ks: Sequence[int]) -> tuple[int, int] | None:
    """The first two neighbours among ascending ks of which the second holds; None if it holds at none after the first.

    The first one is taken not to hold.
    """
    return next(((low, high) for low, high in pairwise(ks) if holds(high)), None)


def bisect(holds: Callable[[int], bool], low: int, high: int) -> int:
    """A k with low < k <= high that holds while k - 1 does not, given that `low` does not hold and `high` does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def in_words(search: Search, result: Bisection) -> str:
    """The limit in words."""
    if result.k is None or result.at is None:
        return _NONE[search.goal]
    k = f"{wording.removed(result.k, result.total)} ({wording.sparsity(result.k / result.total)})"
    c = result.at
    if search.goal == "change":
        changed = f"{wording.count(c.changed)} of {wording.count(c.n)} answers changed"
        return f"{k}: {changed}; with one weight fewer, none did."
    if search.goal == "loss":
        p = f"McNemar p {wording.relation(c.p_value)}"
        return f"{k}: {wording.difference(c)}, {p}; with one weight fewer, the difference may still be chance."
    test = result.test
    assert test is not None
    position = "also inside" if test.within(search.margin) else "outside"
    return (
        f"{k}, chosen on {wording.count(c.n)} validation images: {wording.difference(c)}. Reported once on the "
        f"{wording.count(test.n)} test images: {wording.difference(test)}, {position} the margin."
    )


_NONE: dict[Goal, str] = {
    "change": "No number of weights changes any answer.",
    "loss": "No number of weights loses accuracy by more than chance would explain.",
    "margin": "Not even one weight: on so few validation images, the interval is wider than the margin.",
}
