"""Filters find what the confusion matrices count, and the orders say whose answer moved most and changed first."""

from itertools import pairwise

import numpy as np
import pytest

from core.evaluation import answers, compare, confusion_matrix
from core.evaluation.answers import CHANGED, OUTCOMES, REPAIRED, SAME, Filter
from tests import small

PROFILE, LABELS = small.profile(), small.LABELS
ROWS = [0, 5, 20, 30, len(PROFILE.k) - 1]
CLASSES = range(10)
at_some_rows = pytest.mark.parametrize("row", ROWS)


def found(row: int, **wanted: object) -> int:
    images = Filter(**wanted).select(LABELS, PROFILE.predicted[0], PROFILE.predicted[row])  # type: ignore[arg-type]
    assert (np.diff(images) > 0).all()
    return len(images)


@at_some_rows
def test_each_cell_of_the_confusion_matrices_is_found(row: int) -> None:
    dense, pruned = (confusion_matrix(LABELS, PROFILE.predicted[r], 10) for r in (0, row))
    for true in CLASSES:
        for answer in CLASSES:
            assert found(row, true=true, dense=answer) == dense[true, answer]
            assert found(row, true=true, pruned=answer) == pruned[true, answer]


@at_some_rows
def test_each_outcome_is_found_as_often_as_it_is_counted(row: int) -> None:
    c = compare(LABELS, PROFILE.predicted[0], PROFILE.predicted[row])
    assert [found(row, outcome=o) for o in OUTCOMES] == [c.both_right, c.lost, c.gained, c.both_wrong]
    assert found(row, outcome=CHANGED) == c.changed and found(row, outcome=SAME) == c.n - c.changed


@at_some_rows
def test_the_images_behind_a_difference_moved_to_or_from_the_class(row: int) -> None:
    dense, pruned = (confusion_matrix(LABELS, PROFILE.predicted[r], 10) for r in (0, row))
    for true in CLASSES:
        for answer in CLASSES:
            moved = found(row, true=true, moved=answer)
            assert moved >= abs(pruned[true, answer] - dense[true, answer])
            assert (moved - pruned[true, answer] + dense[true, answer]) % 2 == 0  # so many went, so many came


def test_without_a_filter_all_images_are_found() -> None:
    assert found(20) == len(LABELS)


@at_some_rows
def test_changed_answers_come_first_and_the_most_certain_of_them_on_top(row: int) -> None:
    order = answers.by_movement(PROFILE, row)
    assert sorted(order) == list(range(len(LABELS)))
    changed = (PROFILE.predicted[0] != PROFILE.predicted[row])[order]
    assert not (np.diff(changed.astype(int)) > 0).any()
    before, after = (PROFILE.probability[r][order].astype(float) for r in (0, row))
    n = changed.sum()
    assert (np.diff((before + after)[:n]) <= 1e-6).all() and (np.diff(np.abs(after - before)[n:]) <= 1e-6).all()


def test_an_answer_changes_first_where_it_is_for_the_first_time_another() -> None:
    for image, row in enumerate(answers.first_change(PROFILE)):
        seen = PROFILE.predicted[:, image]
        assert (seen[:row] == seen[0]).all()
        assert row == len(seen) or seen[row] != seen[0]


def test_fragile_images_come_in_the_order_of_their_change() -> None:
    order = answers.by_fragility(PROFILE)
    when, sure = answers.first_change(PROFILE)[order], PROFILE.probability[0][order]
    assert sorted(order) == list(range(len(LABELS)))
    for (w1, p1), (w2, p2) in pairwise(zip(when, sure, strict=True)):
        assert (w1, p1) <= (w2, p2)


def test_first_changes_are_counted_by_class_and_each_image_once() -> None:
    counts, when = answers.first_changes(PROFILE, LABELS, 10), answers.first_change(PROFILE)
    assert counts.shape == (10, len(PROFILE.k) + 1)
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(LABELS, minlength=10))
    assert counts[3, 30] == ((LABELS == 3) & (when == 30)).sum()
    assert counts[:, -1].sum() == (when == len(PROFILE.k)).sum()


# --- after a repair ---------------------------------------------------------------------------------------------


def repaired(row: int) -> np.ndarray:
    """The answers after a repair that gives most images their dense answer back, and a few a wrong one."""
    images = np.arange(len(LABELS))
    after: np.ndarray = PROFILE.predicted[row].copy()
    after[images % 3 > 0] = PROFILE.predicted[0][images % 3 > 0]
    after[images % 17 == 0] = (LABELS[images % 17 == 0] + 1) % 10
    return after


def by_hand(row: int) -> list[str | None]:
    """The outcome of each image, one by one."""
    found: list[str | None] = []
    for true, dense, as_is, after in zip(
        LABELS, PROFILE.predicted[0], PROFILE.predicted[row], repaired(row), strict=True
    ):
        if dense != true:
            found.append(None)
        elif as_is != true:
            found.append("brought back" if after == true else "still lost")
        else:
            found.append(None if after == true else "newly lost")
    return found


@at_some_rows
def test_what_a_repair_did_to_each_image(row: int) -> None:
    dense, as_is, after = PROFILE.predicted[0], PROFILE.predicted[row], repaired(row)
    outcomes = by_hand(row)
    assert answers.after_repair(LABELS, dense, as_is, after) == outcomes
    counts = answers.by_repair(LABELS, dense, as_is, after, 10)
    for column, outcome in enumerate(REPAIRED):
        images = Filter(outcome=outcome).select(LABELS, dense, after, as_is)
        assert images.tolist() == [i for i, o in enumerate(outcomes) if o == outcome]
        assert counts[:, column].tolist() == np.bincount(LABELS[images], minlength=10).tolist()
        seven = Filter(outcome=outcome, true=7).select(LABELS, dense, after, as_is)
        assert len(seven) == counts[7, column] and (LABELS[seven] == 7).all()


@at_some_rows
def test_still_and_newly_lost_are_what_the_repaired_network_lost(row: int) -> None:
    dense, as_is, after = PROFILE.predicted[0], PROFILE.predicted[row], repaired(row)
    back, still, newly = answers.by_repair(LABELS, dense, as_is, after, 10).sum(axis=0)
    assert back + still == compare(LABELS, dense, as_is).lost and still + newly == compare(LABELS, dense, after).lost
    assert row != 20 or min(newly, back, still) > 0


@pytest.mark.parametrize("outcome", REPAIRED)
def test_without_a_repair_there_is_no_such_outcome(outcome: str) -> None:
    with pytest.raises(ValueError, match=f"No answer is {outcome} without a repair"):
        found(20, outcome=outcome)


def test_a_row_is_found_by_its_weights() -> None:
    for row, k in enumerate(PROFILE.k):
        found_at = answers.row_with(PROFILE, int(k))
        assert found_at is not None and PROFILE.k[found_at] == k and found_at <= row
    assert answers.row_with(PROFILE, 1_777) is None
