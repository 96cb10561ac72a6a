"""Which answers changed? Right and wrong, one for another, and class by class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core import figures
from core.evaluation import ClassComparison, Labels, Proportion, by_class, confusion_matrix, most_confused
from core.evaluation.answers import by_repair, row_with
from core.evaluation.profile import Profile
from core.figures import LiveFigure
from core.panels.base import (
    Panel,
    Placed,
    Readout,
    answers_in_words,
    comparison_readouts,
    readout,
    stop_marks,
    stop_texts,
)
from core.words import repair, wording


def answers(profile: Profile, labels: Labels, classes: Sequence[str], others: Sequence[Profile] = ()) -> Panel:
    """Images by dense right or wrong and pruned right or wrong, and the confusion matrices; `others` as `pruning`."""
    tables = [np.array([[c.both_right, c.lost], [c.gained, c.both_wrong]]) for c in profile.comparisons(labels)]
    confusions = _confusions(profile, labels, classes, range(len(classes)), "Confusion")
    shown = [figures.outcomes(tables, profile.pruning.repair), *confusions]
    return _panel(profile, labels, others, classes, [Placed(figure, 6) for figure in shown])


def classwise(profile: Profile, labels: Labels, classes: Sequence[str], others: Sequence[Profile] = ()) -> Panel:
    """Recall and precision of each class, and the classes most often taken for one another; `others` as `pruning`."""
    name = profile.pruning.repair
    stops = [by_class(labels, profile.predicted[0], row, len(classes)) for row in profile.predicted]
    recall = figures.rates(
        "recall",
        "Recall: of the images of a class, how many are recognised",
        [_value(c.recall.dense if c.recall else None) for c in stops[0]],
        [[_value(c.recall.pruned if c.recall else None) for c in stop] for stop in stops],
        [[wording.points(c.recall.difference) if c.recall else "no images" for c in stop] for stop in stops],
        classes,
        name,
    )
    precision = figures.rates(
        "precision",
        "Precision: of the answers of a class, how many are right",
        [_value(c.dense_precision) for c in stops[0]],
        [[_value(c.pruned_precision) for c in stop] for stop in stops],
        [[_precision_change(c) for c in stop] for stop in stops],
        classes,
        name,
    )
    paid = _paid(profile, labels, others, len(classes))
    images = np.bincount(labels, minlength=len(classes)).tolist()
    payers = [Placed(figures.brought_back(paid, classes, images), 12)] if paid else []
    alike = most_confused(confusion_matrix(labels, profile.predicted[0], len(classes)))
    confusions = _confusions(profile, labels, classes, alike, "Most often confused")
    return _panel(
        profile,
        labels,
        others,
        classes,
        [Placed(recall, 6), Placed(precision, 6), *payers, *(Placed(f, 4) for f in confusions)],
    )


def _panel(
    profile: Profile, labels: Labels, others: Sequence[Profile], classes: Sequence[str], placed: Sequence[Placed]
) -> Panel:
    comparisons, paid = profile.comparisons(labels), _paid(profile, labels, others, len(classes))
    back = [_brought_back([counts.sum(axis=0).tolist() for counts in paid])] if paid else []
    return Panel(
        stops=stop_texts(profile),
        marks=stop_marks(profile, comparisons, len(classes)),
        answers=answers_in_words(profile, labels, others),
        warnings=("",) * len(profile.k),
        readouts=(*comparison_readouts(profile, comparisons), *back),
        figures=tuple(placed),
    )


def _paid(profile: Profile, labels: Labels, others: Sequence[Profile], classes: int) -> list[NDArray[np.int64]] | None:
    """(C, 3) `by_repair` at each stop; None without a repair, or without the network as it is at each of its stops."""
    as_is = next((other for other in others if not other.pruning.repaired), None)
    if as_is is None or not profile.pruning.repaired:
        return None
    rows = [row for k in profile.k if (row := row_with(as_is, k)) is not None]
    if len(rows) < len(profile.k):
        return None
    dense = profile.predicted[0]
    return [
        by_repair(labels, dense, as_is.predicted[row], repaired, classes)
        for row, repaired in zip(rows, profile.predicted, strict=True)
    ]


def _brought_back(counts: Sequence[tuple[int, int, int]]) -> Readout:
    texts = [
        (repair.back(back, still), f"lost as is; {wording.count(still)} still lost, {wording.count(newly)} newly lost")
        for back, still, newly in counts
    ]
    return readout("Brought back", "Brought back", texts)


def _confusions(
    profile: Profile, labels: Labels, classes: Sequence[str], group: Sequence[int], what: str
) -> list[LiveFigure]:
    """The dense network's, the pruned one's and their difference, of a group of the classes."""
    matrices = [confusion_matrix(labels, row, len(classes))[np.ix_(group, group)] for row in profile.predicted]
    names = [classes[c] for c in group]
    return [
        figures.confusion("dense", f"{what}, dense", matrices[:1], names),
        figures.confusion("pruned", f"{what}, {repair.network(profile.pruning.repair)}", matrices, names),
        figures.confusion_difference([m - matrices[0] for m in matrices], names, profile.pruning.repair),
    ]


def _value(share: Proportion | None) -> float | None:
    return share.value if share else None


def _precision_change(c: ClassComparison) -> str:
    if c.dense_precision is None or c.pruned_precision is None:
        return "no such answer"
    return wording.points(c.pruned_precision.value - c.dense_precision.value)
