"""A guess against small computations by hand and the standard library: how far off, in words, and the bands of many."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import codec
from core.errors import StoreError
from core.evaluation.guess import ASKED, Guess, Miss, bands, miss
from core.evaluation.profile import STOPS
from core.words import guess as in_words

percents = st.tuples(*[st.integers(0, 100)] * len(ASKED))


def test_each_sparsity_that_is_asked_for_is_a_stop() -> None:
    assert set(ASKED) <= set(STOPS) and list(ASKED) == sorted(ASKED)


@pytest.mark.parametrize(
    "values", [(1, 2, 3, 4), (1,) * 6, (1, 2, 3, 4, 101), (-1, 2, 3, 4, 5), (1.0, 2, 3, 4, 5), (True, 2, 3, 4, 5), ()]
)
def test_what_is_not_five_whole_percentages_is_refused(values: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"guess has|whole percentage"):
        Guess(values)
    with pytest.raises(StoreError, match="not a valid guess"):
        codec.from_json(Guess, {"percents": values})


def test_how_far_a_guess_is_off_by_hand() -> None:
    found = miss((90, 80, 70, 60, 50), (92.0, 82.5, 74.0, 50.0, 10.0))
    assert found == Miss((-2.0, -2.5, -4.0, 10.0, 40.0))
    assert (found.mean, found.drift, found.worst) == (58.5 / 5, 41.5 / 5, 4)
    assert in_words.error(found, (92.0, 82.5, 74.0, 50.0, 10.0), 10_000) == (
        "Your guess was off by 11.7\u00a0pp on average (5 sparsities, n = 10,000). It was furthest off at "
        "90\u00a0%: 50.0\u00a0% guessed, 10.00\u00a0% in truth. As a whole it was too hopeful, by 8.3\u00a0pp."
    )


def test_a_gloomy_an_even_and_a_perfect_guess_are_called_so() -> None:
    truth = (90.0, 80.0, 70.0, 60.0, 50.0)
    assert "too gloomy, by 20.0\u00a0pp" in in_words.error(miss([t - 20 for t in truth], truth), truth, 10)
    even = in_words.error(miss((95, 75, 70, 65, 45), truth), truth, 10)
    assert "4.0\u00a0pp on average" in even and "neither too hopeful nor too gloomy" in even
    perfect = in_words.error(miss(truth, truth), truth, 10, "The middle guess")
    assert perfect == "The middle guess was off by 0.0\u00a0pp on average (5 sparsities, n = 10)."


@given(guess=percents, truth=percents)
def test_the_mean_distance_is_at_least_the_drift_and_at_most_the_worst(
    guess: tuple[int, ...], truth: tuple[int, ...]
) -> None:
    found = miss(guess, truth)
    assert abs(found.drift) <= found.mean + 1e-9 <= abs(found.points[found.worst]) + 2e-9


@given(st.lists(percents, min_size=2, max_size=60))
def test_the_bands_are_the_quartiles_of_the_standard_library(rows: list[tuple[int, ...]]) -> None:
    found = bands([Guess(row) for row in rows])
    assert found is not None and found.n == len(rows)
    for i, column in enumerate(zip(*rows, strict=True)):
        quartiles = statistics.quantiles(column, n=4, method="inclusive")
        assert [found.lower[i], found.middle[i], found.upper[i]] == pytest.approx(quartiles)
        assert (found.low[i], found.high[i]) == (min(column), max(column))


def test_no_guess_has_no_bands_and_one_says_that_it_is_one() -> None:
    assert bands([]) is None
    one = bands([Guess((90, 80, 70, 60, 50))])
    assert one is not None and one.low == one.middle == one.high == (90, 80, 70, 60, 50)
    assert in_words.spread(one) == "One guess so far."


def test_the_middle_half_is_said_for_each_sparsity() -> None:
    found = bands([Guess((90, 80, 70, 60, v)) for v in (0, 10, 20, 30, 40)])
    assert found is not None
    said = in_words.spread(found)
    assert said.startswith("5 guesses. The middle half") and said.endswith("10 to 30\u00a0% at 90\u00a0%.")
