"""A wall of test images, each of which turns at the stops at which its answer is another than the dense network's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation import Labels
from core.evaluation.profile import Profile
from core.words import repair, wording

SAME, LOST, GAINED, OTHER = ".-+~"
"""What pruning did to an image's answer: nothing, lost, gained, or wrong both times in another way."""

COLUMNS = 24
"""Pictures in a row of the sheet that the browser cuts them from."""


@dataclass(frozen=True)
class Wall:
    """What the browser draws; m images in rows, one for each class.

    Attributes:
        images: (m,) their indices among the test images, in the order of the sheet.
        rows: for each class its name and how many of the images it has.
        captions: (m,) each image with its class and the dense network's answer.
        network: what the other network is called.
        classes: the names of the answers.
        answers: (S, m) the other network's answers at each stop.
        states: (S,) a character of `SAME`, `LOST`, `GAINED` and `OTHER` for each image.
        counts: (S, 3) how many are lost, gained, and wrong in another way, as texts.
        summaries: (S,) the same in a sentence.
    """

    name: str
    title: str
    images: list[int]
    rows: list[tuple[str, int]]
    captions: list[str]
    network: str
    classes: tuple[str, ...]
    answers: list[list[int]]
    states: tuple[str, ...]
    counts: list[tuple[str, str, str]]
    summaries: tuple[str, ...]
    columns: int = COLUMNS

    def to_json(self) -> dict[str, Any]:
        """With nothing to choose a stop by; not copied."""
        return {
            "name": self.name,
            "title": self.title,
            "stops_of": (),
            "picks": (0,),
            "options": {},
            "wall": vars(self),
        }


def wall(profile: Profile, labels: Labels, images: NDArray[np.int64], classes: Sequence[str]) -> Wall:
    """The wall of these test images.

    Args:
        profile: the S stops; row 0 is the dense network.
        labels: (n,) true classes of the test images.
        images: (m,) indices, class after class.
        classes: their names.
    """
    true, answers = labels[images], profile.predicted[:, images]
    states = [_states(true, answers[0], row) for row in answers]
    counts = [tuple(int((state == kind).sum()) for kind in (LOST, GAINED, OTHER)) for state in states]
    network, of = repair.network(profile.pruning.repair), np.unique(true, return_counts=True)
    here, every = len(of[0]), len(np.unique(labels))
    which = "each class" if here == every else f"{wording.count(here)} of {wording.count(len(classes))} classes"
    return Wall(
        name="wall",
        title=f"{wording.count(len(images))} of {wording.count(len(labels))} test images, some of {which} at random",
        images=images.tolist(),
        rows=[(classes[c], int(n)) for c, n in zip(*of, strict=True)],
        captions=[
            f"Test image {wording.count(i)}, {wording.isolated(classes[c])}. Dense: {wording.isolated(classes[dense])}"
            for i, c, dense in zip(images, true, answers[0], strict=True)
        ],
        network=network,
        classes=tuple(map(wording.isolated, classes)),
        answers=answers.tolist(),
        states=tuple("".join(state) for state in states),
        counts=[
            (f"{lost} lost", f"{gained} gained", f"{other} wrong in another way") for lost, gained, other in counts
        ],
        summaries=tuple(_summary(row, len(images)) for row in counts),
    )


def _states(true: Labels, dense: Labels, pruned: Labels) -> NDArray[np.str_]:
    changed = [dense == pruned, dense == true, pruned == true]
    return np.select(changed, [SAME, LOST, GAINED], OTHER)


def _summary(counts: Sequence[int], of: int) -> str:
    lost, gained, other = counts
    if not lost + gained + other:
        return f"Wall of {of} test images: no answer is another than the dense network's."
    return f"Wall of {of} test images: {lost} correct answers lost, {gained} gained, {other} wrong in another way."
