"""Accuracies, matrices and paired comparisons against scikit-learn, statsmodels and SciPy."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, precision_score, recall_score
from sklearn.metrics import confusion_matrix as sklearn_matrix
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from core.evaluation import (
    Comparison,
    Proportion,
    accuracy,
    bonett_price,
    by_class,
    compare,
    confusion_matrix,
    holm,
    mcnemar,
    most_confused,
    wilson,
)

Classes = NDArray[np.uint8]
answers = st.integers(1, 60).flatmap(lambda n: st.tuples(*[arrays(np.uint8, n, elements=st.integers(0, 9))] * 3))
counts = st.integers(0, 400)


@given(answers)
def test_accuracy_and_matrix_are_those_of_scikit_learn(vectors: tuple[Classes, Classes, Classes]) -> None:
    labels, predictions, _ = vectors
    matrix = confusion_matrix(labels, predictions, 10)
    np.testing.assert_array_equal(matrix, sklearn_matrix(labels, predictions, labels=range(10)))
    assert accuracy(labels, predictions).value == pytest.approx(accuracy_score(labels, predictions))
    assert accuracy(labels, predictions) == Proportion(int(np.trace(matrix)), labels.size)


def test_matrix_rows_are_the_true_class() -> None:
    matrix = confusion_matrix(np.array([3], np.uint8), np.array([7], np.uint8), 10)
    assert matrix[3, 7] == matrix.sum() == 1


@given(answers)
def test_comparison_counts_each_image_once(vectors: tuple[Classes, Classes, Classes]) -> None:
    labels, dense, pruned = vectors
    c = compare(labels, dense, pruned)
    pairs = [(d == y, p == y) for y, d, p in zip(labels, dense, pruned, strict=True)]
    assert c.lost == pairs.count((True, False)) and c.gained == pairs.count((False, True))
    assert c.both_right == pairs.count((True, True)) and c.both_wrong == pairs.count((False, False))
    assert c.n == labels.size and c.changed == sum(dense != pruned) >= c.lost + c.gained
    assert c.churn == c.changed / c.n


@given(answers)
def test_difference_is_that_of_the_two_accuracies(vectors: tuple[Classes, Classes, Classes]) -> None:
    labels, dense, pruned = vectors
    c = compare(labels, dense, pruned)
    assert (c.dense, c.pruned) == (accuracy(labels, dense), accuracy(labels, pruned))
    assert c.difference == pytest.approx(c.pruned.value - c.dense.value)


@given(answers)
def test_swapping_the_networks_mirrors_the_comparison(vectors: tuple[Classes, Classes, Classes]) -> None:
    labels, dense, pruned = vectors
    one, other = compare(labels, dense, pruned), compare(labels, pruned, dense)
    assert (one.lost, one.gained, one.changed) == (other.gained, other.lost, other.changed)
    assert one.low == pytest.approx(-other.high) and one.p_value == other.p_value


def test_a_network_compared_with_itself_changes_nothing() -> None:
    labels = np.arange(10, dtype=np.uint8)
    assert compare(labels, labels[::-1], labels[::-1]) == Comparison(10, 0, 0, 0, 10, 0)


@pytest.mark.parametrize(
    ("right", "n"), [(0, 1), (1, 1), (0, 10_000), (10_000, 10_000), (9_250, 10_000), (7, 12), (1, 3)]
)
def test_wilson_is_that_of_statsmodels(right: int, n: int) -> None:
    expected = proportion_confint(right, n, method="wilson")
    assert wilson(right, n) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert (Proportion(right, n).low, Proportion(right, n).high) == wilson(right, n)


@given(counts, counts)
def test_mcnemar_is_the_exact_test_of_statsmodels_and_scipy(lost: int, gained: int) -> None:
    assert mcnemar(lost, gained) == pytest.approx(binomtest(lost, max(lost + gained, 1)).pvalue, rel=1e-9)
    table = [[50, lost], [gained, 50]]
    assert mcnemar(lost, gained) == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, rel=1e-9)


@pytest.mark.parametrize(("lost", "gained"), [(8_000, 200), (4_000, 3_900), (9_999, 1)])
def test_mcnemar_holds_for_a_collapsed_network(lost: int, gained: int) -> None:
    assert mcnemar(lost, gained) == pytest.approx(binomtest(lost, lost + gained).pvalue, rel=1e-9)


@pytest.mark.parametrize(("lost", "gained", "n"), [(30, 0, 30), (0, 30, 30), (1, 0, 1), (0, 1, 1), (999, 1, 1000)])
def test_a_paired_interval_stays_within_all_and_nothing(lost: int, gained: int, n: int) -> None:
    low, high = bonett_price(lost, gained, n)
    assert -1 <= low <= (gained - lost) / n <= high <= 1


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_no_interval_leaves_its_range(lost: int, gained: int, others: int) -> None:
    n = max(lost + gained + others, 1)
    assert -1 <= bonett_price(lost, gained, n)[0] <= bonett_price(lost, gained, n)[1] <= 1
    low, high = wilson(min(lost, n), n)
    assert 0 <= low <= min(lost, n) / n <= high <= 1
    assert (low == 0, high == 1) == (lost == 0, lost == n)


def test_mcnemar_without_a_discordant_image_is_one() -> None:
    assert mcnemar(0, 0) == 1.0


def test_paired_interval_at_nothing_changed_is_three_hundredths_of_a_point() -> None:
    # By hand: p = q = 1/10002, so 1.96 sqrt((2/10002) / 10002) = 1.96 sqrt(2) / 10002 = 0.000277130...
    low, high = bonett_price(0, 0, 10_000)
    assert high == -low == pytest.approx(0.00027713043, abs=1e-11)
    assert f"{100 * high:.2f}" == "0.03"


def test_paired_interval_by_hand() -> None:
    # lost 17, gained 5 of 98: p = 18/100, q = 6/100, q - p = -0.12, 1.96 sqrt((0.24 - 0.0144)/100) = 0.0930949...
    low, high = bonett_price(17, 5, 98)
    assert (low, high) == pytest.approx((-0.2130949, -0.0269051), abs=1e-7)
    comparison = Comparison(n=98, both_right=60, lost=17, gained=5, both_wrong=16, changed=25)
    assert (comparison.low, comparison.high) == (low, high)


def test_paired_interval_covers_what_it_promises() -> None:
    rng, n, lose, gain = np.random.default_rng(0), 200, 0.05, 0.02
    draws = rng.multinomial(n, [lose, gain, 1 - lose - gain], size=4_000)
    ends = np.array([bonett_price(lost, gained, n) for lost, gained, _ in draws.tolist()])
    covered = np.mean((ends[:, 0] <= gain - lose) & (gain - lose <= ends[:, 1]))
    assert 0.94 <= covered <= 0.97


@pytest.mark.parametrize(("right", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_an_impossible_proportion_is_refused(right: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a proportion"):
        Proportion(right, n)


@pytest.mark.parametrize("other", [np.zeros(2, np.uint8), np.zeros((3, 1), np.uint8), np.zeros(1, np.uint8)])
def test_vectors_of_other_images_are_refused(other: Classes) -> None:
    labels = np.zeros(3, np.uint8)
    for use in (accuracy, lambda y, p: confusion_matrix(y, p, 10), lambda y, p: compare(y, y, p)):
        with pytest.raises(ValueError, match="not of the same images"):
            use(labels, other)


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="not of the same images"):
        accuracy(np.zeros(0, np.uint8), np.zeros(0, np.uint8))


def test_a_class_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 9"):
        confusion_matrix(np.array([0, 1]), np.array([0, 10]), 10)


@patch("gc.collect")  # statsmodels collects at each call, which takes all the time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(collect: object, p_values: list[float]) -> None:
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-15)


def three_vectors(n: int = 600) -> tuple[Classes, Classes, Classes]:
    """Labels of ten classes, mostly right answers, and answers of which nine is never one."""
    rng = np.random.default_rng(4)
    labels = (np.arange(n) % 10).astype(np.uint8)
    dense, pruned = (
        np.where(rng.random(n) < share, labels, rng.integers(0, 10, n)).astype(np.uint8) for share in (0.9, 0.6)
    )
    pruned[pruned == 9] = 0
    return labels, dense, pruned


def test_recall_and_precision_of_each_class_are_those_of_scikit_learn() -> None:
    labels, dense, pruned = three_vectors()
    found = by_class(labels, dense, pruned, 10)
    for given_, recall, precision in (
        (dense, [c.recall and c.recall.dense for c in found], [c.dense_precision for c in found]),
        (pruned, [c.recall and c.recall.pruned for c in found], [c.pruned_precision for c in found]),
    ):
        np.testing.assert_allclose([r.value for r in recall if r], recall_score(labels, given_, average=None))
        expected = precision_score(labels, given_, average=None, zero_division=np.nan)
        np.testing.assert_allclose([p.value if p else np.nan for p in precision], expected)
    assert found[9].pruned_precision is None and found[9].recall and found[9].recall.gained == 0


def test_recalls_are_paired_on_the_images_of_their_class_and_corrected_together() -> None:
    labels, dense, pruned = three_vectors()
    found = by_class(labels, dense, pruned, 10)
    whole, recalls = compare(labels, dense, pruned), [c.recall for c in found if c.recall]
    assert sum(r.lost for r in recalls) == whole.lost and sum(r.n for r in recalls) == whole.n
    raw = [mcnemar(r.lost, r.gained) for r in recalls]
    assert [c.p_value for c in found] == list(holm(raw)) and any(c.p_value > p for c, p in zip(found, raw, strict=True))


def test_a_class_without_images_has_no_recall_and_does_not_count_as_tested() -> None:
    labels, dense, pruned = three_vectors()
    few = labels < 7
    found = by_class(labels[few], dense[few], pruned[few], 10)
    assert [c.recall is None for c in found] == [False] * 7 + [True] * 3
    raw = [mcnemar(c.recall.lost, c.recall.gained) for c in found if c.recall]
    assert [c.p_value for c in found] == [*holm(raw), 1, 1, 1]
    with pytest.raises(ValueError, match="not of the same images"):
        by_class(labels, dense[:5], pruned, 10)


def test_the_most_confused_classes_are_those_with_most_errors_among_themselves() -> None:
    matrix = np.diag([1000] * 6)
    matrix[1, 4], matrix[4, 5], matrix[0, 2], matrix[2, 3] = 30, 30, 40, 5
    assert most_confused(matrix, 3) == (1, 4, 5)
    assert most_confused(matrix, 2) == (0, 2)
    assert most_confused(matrix[:2, :2]) == (0, 1)
