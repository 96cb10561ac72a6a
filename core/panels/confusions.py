"""The confusion matrices that the slider drives: the dense network's, the pruned one's and their difference."""

from collections.abc import Sequence

import numpy as np

from core import figures
from core.evaluation import Labels, confusion_matrix, most_confused
from core.evaluation.profile import Profile, marks
from core.figures.labels import MANY, WHOLE
from core.panels.base import Placed
from core.words import repair, wording


def confusions(
    profile: Profile,
    labels: Labels,
    classes: Sequence[str],
    what: str = "Confusion",
    group: Sequence[int] | None = None,
    *,
    span: int = 4,
) -> tuple[Placed, ...]:
    """The three matrices at each stop, side by side.

    Args:
        profile: the stops; row 0 is the dense network.
        labels: (n,) the true classes.
        classes: their names.
        what: the title of the first two begins with this.
        group: the classes that the matrices have; those of `confused` if not given.
        span: of each figure, in twelfths of the row's width.
    """
    which, name = "", profile.pruning.repair
    if group is None:
        group = confused(profile, labels, len(classes))
        if len(group) < len(classes):
            which = f": the {len(group)} most confused of {wording.count(len(classes))} classes"
    names = [classes[c] for c in group]
    matrices = [confusion_matrix(labels, row, len(classes), group) for row in profile.predicted]
    shown = (
        figures.confusion("dense", f"{what}, dense{which}", matrices[:1], names),
        figures.confusion("pruned", f"{what}, {repair.network(name)}{which}", matrices, names),
        figures.confusion_difference([m - matrices[0] for m in matrices], names, name, which),
    )
    return tuple(Placed(figure, span) for figure in shown)


def confused(profile: Profile, labels: Labels, classes: int) -> tuple[int, ...]:
    """The classes that the matrices have at every stop, in order: all, or of more than `WHOLE` the most confused.

    They are the `MANY` classes with the most errors among themselves (`most_confused`): those of the dense network, and
    those that pruning adds by the last stop at which more than half of the accuracy above guessing is left. Beyond it,
    a network answers the same few classes whatever it is shown.
    """
    if classes <= WHOLE:
        return tuple(range(classes))
    collapse = marks(profile.comparisons(labels), classes).collapse
    last = len(profile.k) - 1 if collapse is None else max(collapse - 1, 0)
    dense, pruned = (confusion_matrix(labels, profile.predicted[row], classes) for row in (0, last))
    return most_confused(np.maximum(dense, pruned), MANY)
