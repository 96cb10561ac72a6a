"""Which answers changed? Right and wrong, one for another, and class by class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core import figures
from core.evaluation import ClassComparison, Labels, Proportion, by_class, confusion_matrix, most_confused
from core.evaluation.answers import by_repair, row_with
from core.evaluation.profile import Profile
from core.figures.labels import largest, titled
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
from core.panels.confusions import confusions
from core.words import repair, wording


def answers(profile: Profile, labels: Labels, classes: Sequence[str], others: Sequence[Profile] = ()) -> Panel:
    """Images by dense right or wrong and pruned right or wrong, and the confusion matrices; `others` as `pruning`."""
    tables = [np.array([[c.both_right, c.lost], [c.gained, c.both_wrong]]) for c in profile.comparisons(labels)]
    right_and_wrong = Placed(figures.outcomes(tables, profile.pruning.repair), 6)
    return _panel(profile, labels, others, classes, [right_and_wrong, *confusions(profile, labels, classes, span=6)])


def classwise(profile: Profile, labels: Labels, classes: Sequence[str], others: Sequence[Profile] = ()) -> Panel:
    """Recall and precision of each class, and the classes most often taken for one another; `others` as `pruning`.

    Of more than `WHOLE` classes, those are shown whose recall changes most, in the mean over the stops.
    """
    paid = _paid(profile, labels, others, len(classes))
    images = np.bincount(labels.astype(np.int64), minlength=len(classes)).tolist()
    payers = [Placed(figures.brought_back(paid, classes, images), 12)] if paid else []
    alike = most_confused(confusion_matrix(labels, profile.predicted[0], len(classes)))
    matrices = confusions(profile, labels, classes, "Most often confused", alike)
    return _panel(profile, labels, others, classes, [*_rates(profile, labels, classes), *payers, *matrices])


def _rates(profile: Profile, labels: Labels, classes: Sequence[str]) -> tuple[Placed, Placed]:
    """Recall and precision of the same classes."""
    every = [by_class(labels, profile.predicted[0], row, len(classes)) for row in profile.predicted]
    shown, name = largest(_moved(every)), profile.pruning.repair
    stops, names = [[stop[c] for c in shown] for stop in every], [classes[c] for c in shown]
    which = (len(classes), "those whose recall changes most")
    recall = figures.rates(
        "recall",
        titled("Recall: of the images of a class, how many are recognised", *which),
        [_value(c.recall.dense if c.recall else None) for c in stops[0]],
        [[_value(c.recall.pruned if c.recall else None) for c in stop] for stop in stops],
        [[wording.points(c.recall.difference) if c.recall else "no images" for c in stop] for stop in stops],
        names,
        name,
    )
    precision = figures.rates(
        "precision",
        titled("Precision: of the answers of a class, how many are right", *which),
        [_value(c.dense_precision) for c in stops[0]],
        [[_value(c.pruned_precision) for c in stop] for stop in stops],
        [[_precision_change(c) for c in stop] for stop in stops],
        names,
        name,
    )
    return Placed(recall, 6), Placed(precision, 6)


def _moved(stops: Sequence[Sequence[ClassComparison]]) -> NDArray[np.float64]:
    """How far the recall of each class changes, in the mean over the stops; 0 without images."""
    changes = [[abs(c.recall.difference) if c.recall else 0.0 for c in stop] for stop in stops]
    return np.asarray(np.mean(changes, axis=0))


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


def _value(share: Proportion | None) -> float | None:
    return share.value if share else None


def _precision_change(c: ClassComparison) -> str:
    if c.dense_precision is None or c.pruned_precision is None:
        return "no such answer"
    return wording.points(c.pruned_precision.value - c.dense_precision.value)
