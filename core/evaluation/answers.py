"""Which images: filter and order them by what pruning did to their answers, and where each first changes.

Classes are numbers; images are indices into the test images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation import Labels
from core.evaluation.profile import Profile

OUTCOMES = ("both right", "lost", "gained", "both wrong")
"""What pruning did to an answer, in the order of `outcomes`' numbers: dense right and pruned right, and so on."""

CHANGED, SAME = "changed", "unchanged"
"""Whether the answer changed, right or wrong."""


BROUGHT_BACK, STILL_LOST, NEWLY_LOST = "brought back", "still lost", "newly lost"
REPAIRED = (BROUGHT_BACK, STILL_LOST, NEWLY_LOST)
"""What a repair did to a correct answer of the dense network, in the order of `by_repair`'s columns.

Brought back: the pruned network is wrong, the repaired one right. Still lost: both are wrong. Newly lost: the pruned
network is right, the repaired one wrong. What the repaired network has lost is still lost or newly lost.
"""


@dataclass(frozen=True)
class Filter:
    """Which images are wanted; None means any.

    Attributes:
        outcome: one of `OUTCOMES`, `CHANGED` or `SAME`; of a repaired network also one of `REPAIRED`.
        true, dense, pruned: the true class and the two answers.
        moved: the class that an answer moved to or away from.
    """

    outcome: str | None = None
    true: int | None = None
    dense: int | None = None
    pruned: int | None = None
    moved: int | None = None

    def select(self, labels: Labels, dense: Labels, pruned: Labels, as_is: Labels | None = None) -> NDArray[np.int64]:
        """The wanted images, in order.

        Args:
            labels: (n,) true classes.
            dense, pruned: (n,) the two answers; `pruned` is after the repair, if there is one.
            as_is: (n,) the pruned network's answers without the repair.

        Raises:
            ValueError: the outcome is that of a repair, and there is none.
        """
        keep = np.ones(len(labels), np.bool_)
        for wanted, classes in ((self.true, labels), (self.dense, dense), (self.pruned, pruned)):
            if wanted is not None:
                keep &= classes == wanted
        if self.moved is not None:
            keep &= (dense == self.moved) != (pruned == self.moved)
        if self.outcome in REPAIRED:
            if as_is is None:
                raise ValueError(f"No answer is {self.outcome} without a repair.")
            keep &= _repaired(labels, dense, as_is, pruned)[REPAIRED.index(self.outcome)]
        elif self.outcome in OUTCOMES:
            keep &= outcomes(labels, dense, pruned) == OUTCOMES.index(self.outcome)
        elif self.outcome is not None:
            keep &= (dense != pruned) == (self.outcome == CHANGED)
        return np.flatnonzero(keep)


def outcomes(labels: Labels, dense: Labels, pruned: Labels) -> NDArray[np.uint8]:
    """(n,) uint8, indices into `OUTCOMES`."""
    return np.asarray(2 * (dense != labels) + (pruned != labels), np.uint8)


def _repaired(labels: Labels, dense: Labels, as_is: Labels, repaired: Labels) -> NDArray[np.bool_]:
    """(3, n) which images have each outcome of `REPAIRED`."""
    right, before, after = (answers == labels for answers in (dense, as_is, repaired))
    return np.stack([right & ~before & after, right & ~before & ~after, right & before & ~after])


def after_repair(labels: Labels, dense: Labels, as_is: Labels, repaired: Labels) -> list[str | None]:
    """The outcome of each of n images in `REPAIRED`; None if it has none of them."""
    found = _repaired(labels, dense, as_is, repaired)
    return [REPAIRED[image.argmax()] if image.any() else None for image in found.T]


def by_repair(labels: Labels, dense: Labels, as_is: Labels, repaired: Labels, classes: int) -> NDArray[np.int64]:
    """(classes, 3) how many images of each class are brought back, still lost and newly lost."""
    found, true = _repaired(labels, dense, as_is, repaired), labels.astype(np.int64)
    return np.stack([np.bincount(true[images], minlength=classes) for images in found], axis=1)


def by_movement(profile: Profile, row: int) -> NDArray[np.int64]:
    """All images, those first whose answer moved most from row 0 to `row`.

    Changed answers come before unchanged ones. Among the changed, the more certain the two networks are of their two
    answers together, the earlier; among the unchanged, the more the probability changed.
    """
    before, after = (profile.probability[r].astype(np.float32) for r in (0, row))
    changed = profile.predicted[0] != profile.predicted[row]
    return np.lexsort((-np.where(changed, before + after, np.abs(after - before)), ~changed))


def first_change(profile: Profile) -> NDArray[np.int64]:
    """(n,) the first row at which each image has another answer than in row 0; S, the number of rows, if none."""
    changed = profile.predicted != profile.predicted[0]
    return np.where(changed.any(axis=0), changed.argmax(axis=0), len(changed))


def by_fragility(profile: Profile) -> NDArray[np.int64]:
    """All images, those first whose answer changes at the smallest sparsity; among equals the least certain first."""
    return np.lexsort((profile.probability[0].astype(np.float32), first_change(profile)))


def first_changes(profile: Profile, labels: Labels, classes: int) -> NDArray[np.int64]:
    """(classes, S + 1) how many images of each class change first at each row; the last column: never."""
    counts = np.zeros((classes, len(profile.k) + 1), np.int64)
    np.add.at(counts, (labels, first_change(profile)), 1)
    return counts


MOST_ROWS, SOME_ROWS = 50, 20
"""Of more classes than the first, `of_each_class` draws images of only so many as the second."""


def of_each_class(labels: Labels, most: int, seed: int = 0) -> NDArray[np.int64]:
    """At most so many images, drawn at random: equally many of each class as far as it has them, class after class.

    Of more classes than images, one of each is drawn until there are enough. Of more than `MOST_ROWS` classes,
    `SOME_ROWS` are drawn at random first, so that there are several images of each.
    """
    chance = np.random.Generator(np.random.PCG64(seed))
    order, classes = chance.permutation(len(labels)), np.unique(labels)
    if len(classes) > MOST_ROWS:
        classes = np.sort(chance.permutation(classes)[:SOME_ROWS])
    present = classes[:most]
    each = most // max(len(present), 1)
    drawn = [np.sort(order[labels[order] == c][:each]) for c in present]
    return np.concatenate(drawn) if drawn else order[:0]


def row_with(profile: Profile, k: int) -> int | None:
    """A row with so many weights pruned; None if there is none."""
    rows = np.flatnonzero(profile.k == k)
    return int(rows[0]) if rows.size else None
