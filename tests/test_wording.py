"""Numbers have one format each, and a sentence claims no more than its numbers."""

import math
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import PruningError
from core.evaluation import Comparison, Proportion
from core.words import wording
from core.words.wording import MINUS, NBSP, read_sparsity

N = 421_642


def compared(lost: int, gained: int, *, n: int = 10_000, changed: int | None = None) -> Comparison:
    both = (n - lost - gained) * 9 // 10
    return Comparison(n, both, lost, gained, n - both - lost - gained, lost + gained if changed is None else changed)


# --- numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (wording.count(421_642), "421,642"),
        (wording.count(0), "0"),
        (wording.signed(3), "+3"),
        (wording.signed(-1_200), "−1,200"),
        (wording.percent(0.925), "92.50 %"),
        (wording.percent(1.0), "100.00 %"),
        (wording.sparsity(0.0001), "0.01 %"),
        (wording.sparsity(0.125), "12.5 %"),
        (wording.sparsity(0.0), "0 %"),
        (wording.sparsity(1.0), "100 %"),
        (wording.sparsity(0.2), "20 %"),
        (wording.sparsity(0.999), "99.9 %"),
        (wording.sparsity(42 / N), "0.009961 %"),
        (wording.sparsity(1 / 3), "33.3333 %"),
        (wording.points(-0.0012), "−0.12 pp"),
        (wording.points(0.0012), "+0.12 pp"),
        (wording.points(0.0), "0.00 pp"),
        (wording.points(-1e-9), "0.00 pp"),
        (wording.interval(-0.0021, -0.0003), "[−0.21, −0.03]"),
        (wording.interval(-0.0003, 0.0003), "[−0.03, +0.03]"),
        (wording.magnitude(3.1e-05), "3.1e-05"),
        (wording.magnitude(0.0123), "0.012"),
        (wording.magnitude(0.0), "0"),
        (wording.relation(0.031), "= 0.031"),
        (wording.relation(0.0009), "< 0.001"),
        (wording.relation(1.0), "= 1"),
        (wording.accuracy(Proportion(9_250, 10_000)), "92.50 % (9,250 of 10,000)"),
        (wording.removed(42, N), "42 of 421,642 weights"),
        (wording.duration(45.2), "45 s"),
        (wording.duration(200), "3 min 20 s"),
        (wording.duration(3_900), "1 h 5 min"),
        (wording.listed([]), ""),
        (wording.listed(["a"]), "a"),
        (wording.listed(["a", "b"]), "a and b"),
        (wording.listed(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_have_the_formats_of_the_design(text: str, expected: str) -> None:
    assert text.replace(NBSP, " ") == expected


@pytest.mark.parametrize("unit", ["%", "pp"])
def test_a_number_and_its_unit_are_not_torn_apart(unit: str) -> None:
    for text in (wording.percent(0.5), wording.sparsity(0.5), wording.points(0.5), wording.points(-0.5)):
        assert f" {unit}" not in text


@given(st.integers(0, 100), st.integers(0, 100))
def test_minus_signs_are_true_ones(lost: int, gained: int) -> None:
    text = wording.answer(42, N, compared(lost, gained)) + wording.signed(gained - lost)
    assert "-" not in text and (MINUS in wording.points((gained - lost) / 10_000)) == (lost > gained)


@given(st.integers(0, 10**7))
@example(10**7 - 1)
@example(1)
def test_only_none_is_0_percent_and_only_all_is_100_percent(k: int) -> None:
    text = wording.sparsity(k / 10**7).removesuffix(f"{NBSP}%")
    assert (text == "0", text == "100") == (k == 0, k == 10**7)
    assert float(text) == pytest.approx(k / 10**5, abs=6e-5)


def value_of(text: str) -> float:
    """The number that a text begins with."""
    return float(text.replace(MINUS, "-").replace(",", "").split(NBSP)[0])


def reads(text: str, *borders: float) -> list[float]:
    """Those of the borders, and 0, that a text reads as."""
    return [border for border in (0.0, *borders) if value_of(text) == border]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (wording.percent(29_999 / 30_000), "99.997 %"),
        (wording.percent(1 / 30_000), "0.003 %"),
        (wording.percent(9_999 / 10_000), "99.99 %"),
        (wording.percent(0.99996, 1), "99.996 %"),
        (wording.percent(1.0004, 1), "100.04 %"),
        (wording.percent(-0.003, 1), "−0.3 %"),
        (wording.percent(-0.0), "0.00 %"),
        (wording.percent(0.004, 0), "0.4 %"),
        (wording.percents(1e-6, 0.99999), "[0.0001, 99.999] %"),
        (wording.points(-1 / 100_000), "−0.001 pp"),
        (wording.points(1 / 30_000), "+0.003 pp"),
        (wording.points(-29_999 / 30_000), "−99.997 pp"),
        (wording.points(-0.0), "0.00 pp"),
        (wording.points(0.0, 1), "0.0 pp"),
        (wording.interval(-0.00001, 0.0), "[−0.001, 0.00]"),
        (wording.interval(-1.0, 1.0), "[−100.00, +100.00]"),
        (wording.signed(0), "0"),
        (wording.count(0.3), "0.3"),
        (wording.count(0), "0"),
        (wording.size(0.4), "0.4 bytes"),
        (wording.size(1), "1 byte"),
        (wording.duration(0.2), "0.2 s"),
        (wording.duration(0), "0 s"),
        (wording.relation(0.9999), "> 0.999"),
        (wording.relation(0.999), "= 0.999"),
        (wording.relation(0.001), "= 0.001"),
        (wording.relation(0.0), "< 0.001"),
        (wording.probability(1.0), "> 99.99 %"),
        (wording.probability(0.0, 1), "< 0.1 %"),
        (wording.probability(0.9731), "97.31 %"),
        (wording.deviation(0.0012), " ± 0.12"),
        (wording.deviation(1e-17), " ± 0.00"),
        (wording.decimal(0.0004, 2), "0.0004"),
        (wording.decimal(3e-9, 2), "3e-09"),
        (wording.decimal(-1_204.5, 2), "−1,204.50"),
    ],
)
def test_no_number_reads_as_a_border_that_it_is_not(text: str, expected: str) -> None:
    assert text.replace(NBSP, " ") == expected


counted = st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counted, st.integers(0, 3))
@example((29_999, 30_000), 2)
def test_only_none_of_n_is_0_percent_and_only_all_100(of: tuple[int, int], decimals: int) -> None:
    k, n = of
    text = wording.percent(k / n, decimals)
    assert reads(text, 100.0) == [border for border in (0.0, 100.0) if 100 * k == border * n]
    assert value_of(text) == pytest.approx(100 * k / n, abs=0.51 * 10**-decimals)


@given(counted, st.booleans())
def test_only_no_difference_is_0_and_it_has_no_sign(of: tuple[int, int], down: bool) -> None:
    k, n = of
    text = wording.points((-k if down else k) / n)
    assert (value_of(text) == 0, text[0] in f"+{MINUS}") == (k == 0, k > 0)
    assert (abs(value_of(text)) == 100) == (k == n)


@given(st.floats(0, 1))
def test_a_percentage_that_was_right_has_the_same_digits_as_ever(fraction: float) -> None:
    as_ever = f"{100 * fraction:.2f}"
    if float(as_ever) not in (0.0, 100.0):
        assert wording.percent(fraction) == f"{as_ever}{NBSP}%"


@given(st.floats(0, 1))
def test_a_probability_is_never_0_or_100_percent_nor_a_p_value_0_or_1_unless_it_is(p: float) -> None:
    assert not {"0.00", "100.00"} & set(wording.probability(p).split(NBSP))
    assert (wording.relation(p) == "= 1") == (p == 1) and wording.relation(p) not in ("= 0.000", "= 1.000")


def test_an_interval_of_an_accuracy_is_wilsons() -> None:
    p = Proportion(9_250, 10_000)
    assert wording.spread(p) == "95 % interval [91.97, 93.00] %"
    assert (round(100 * p.low, 2), round(100 * p.high, 2)) == (91.97, 93.00)


# --- sentences --------------------------------------------------------------------------------------------------


def test_an_answer_says_how_many_weights_went_and_that_nothing_changed() -> None:
    text = wording.answer(42, N, compared(0, 0))
    assert text == "42 of 421,642 weights set to zero. None of 10,000 answers changed."


def test_an_answer_counts_what_changed() -> None:
    text = wording.answer(42, N, compared(30, 18, changed=70))
    assert "70 of 10,000 answers changed: 30 correct answers lost, 18 gained." in text


@given(st.integers(0, 1_000), st.integers(0, 1_000))
@example(0, 5)
@example(0, 6)
@example(6, 0)
@example(3, 11)
def test_an_answer_claims_a_change_only_when_interval_and_exact_test_agree(lost: int, gained: int) -> None:
    c = compared(lost, gained, changed=lost + gained + 1)
    text = wording.answer(42, N, c)
    assert ("Accuracy rose" in text) == (c.low > 0 and c.p_value < 0.05)
    assert ("Accuracy fell" in text) == (c.high < 0 and c.p_value < 0.05)
    assert ("may be chance" in text) == (c.low <= 0 <= c.high or c.p_value >= 0.05)
    assert wording.difference(c) in text


def test_answers_that_changed_without_one_lost_or_gained_are_not_called_unchanged() -> None:
    text = wording.answer(42, N, compared(0, 0, changed=2))
    assert "2 of 10,000 answers changed: 0 correct answers lost, 0 gained." in text and "may be chance" in text


# --- what a visitor types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sparsity"),
    [
        ("0.01", 0.0001),
        ("0.01 %", 0.0001),
        (f"0.01{NBSP}%", 0.0001),
        (" 12.5% ", 0.125),
        (".5", 0.005),
        ("5.", 0.05),
        ("0", 0.0),
        ("100", 1.0),
        ("1e-3", 1e-5),
        ("1E-3", 1e-5),
        ("1e-999", 0.0),
        ("42 weights", 42 / N),
        ("42 Weights", 42 / N),
        ("1 weight", 1 / N),
        ("0 weights", 0.0),
        ("421,642 weights", 1.0),
        ("421642weights", 1.0),
    ],
)
def test_a_sparsity_is_a_percentage_or_a_number_of_weights(text: str, sparsity: float) -> None:
    assert read_sparsity(text, N) == pytest.approx(sparsity, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "%", ".", "e5", "abc", "nan", "NaN", "inf", "-1", f"{MINUS}1", "+1", "- 1 weight", "1 2", "0x10"),
        *("0,01", "1,5", "12,5 %", "0,010", "1,23,456 weights", ",5", "1,", "1_000 weights", "٣", "½", "1.5 weights"),
        *("1e", "1e+2", "1e1000", "1 %%", "1 weights %", "weights", "10 pp"),
        *("0." + "0" * 60 + "1", "1" + " " * 40 + "weight", "9" * 100_000),
    ],
)  # fmt: skip
def test_what_is_no_sparsity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(PruningError, match=r"is not a sparsity\. Type a percentage .* such as 0\.01") as caught:
        read_sparsity(text, N)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("100.0001", "from 0 to 100"),
        ("1e999", "from 0 to 100"),
        ("9999999999999999999999999999999999999999", "from 0 to 100"),
        ("421,643 weights", "421,642 weights"),
        ("9999999999999999999999999999 weights", "421,642 weights"),
    ],
)
def test_what_is_out_of_range_is_refused_with_the_range(text: str, message: str) -> None:
    with pytest.raises(PruningError, match=f"{text} is out of range.*{message}"):
        read_sparsity(text, N)


@given(st.floats(0, 1))
@example(5e-324)
@example(1 - 2**-53)
def test_a_sparsity_survives_its_way_through_the_url(sparsity: float) -> None:
    written = f"{100 * sparsity:.10g}"
    read = read_sparsity(written, N)
    assert math.isclose(read, sparsity, rel_tol=1e-9, abs_tol=1e-300) and 0 <= read <= 1
    assert f"{100 * read:.10g}" == written


@given(st.integers(1, 10**8).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_a_number_of_weights_is_pruned_exactly_also_through_the_url(k_of_total: tuple[int, int]) -> None:
    k, total = k_of_total
    sparsity = read_sparsity(f"{k:,} weights", total)
    assert round(sparsity * total) == k
    assert round(read_sparsity(f"{100 * sparsity:.10g}", total) * total) == k


@given(st.text(max_size=60))
def test_any_text_is_a_sparsity_in_range_or_refused(text: str) -> None:
    with suppress(PruningError):
        assert 0 <= read_sparsity(text, N) <= 1
