"""Calibration is what its definition says, at every stop, and a job like any other."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codec import from_json, to_json
from core.errors import StoreError
from core.evaluation import bonett_price
from core.evaluation.calibration import (
    BINS,
    Calibrating,
    Calibration,
    Gap,
    Overconfidence,
    Reliability,
    calibration,
    change,
    overconfidence,
    reliability,
)
from core.evaluation.profile import Profile
from core.store.results import Results
from core.store.runs import RunStore
from tests import small, tiny


def defined(right: np.ndarray, confidence: np.ndarray) -> float:
    """Guo et al. (2017), equation 3, bin by bin."""
    total = 0.0
    for m in range(1, BINS + 1):
        inside = ((m - 1) / BINS < confidence) & (confidence <= m / BINS)
        if inside.any():
            total += inside.sum() / len(right) * abs(right[inside].mean() - confidence[inside].mean())
    return total


def answered(right: np.ndarray, confidence: np.ndarray) -> tuple[Profile, np.ndarray]:
    """A profile of S stops, (S, n) right or wrong with these confidences, and its labels."""
    k = np.arange(len(right))
    rows = k / len(k)
    answers, sure = np.where(right, 0, 1).astype(np.uint8), confidence.astype(np.float16)
    arrays = (np.array([len(k)]), rows, k, rows.astype("f4"), k[:, np.newaxis], answers, sure)
    profile = Profile(small.profile().pruning, ("a",), *arrays, rows, rows.astype("f4"), rows)
    return profile, np.zeros(right.shape[1], np.uint8)


def one(right: list[bool], confidence: list[float]) -> float:
    """The calibration error of one network."""
    return float(reliability(*answered(np.array([right]), np.array([confidence]))).error[0])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1024)), min_size=1, max_size=200))
def test_the_error_is_that_of_the_definition(answers: list[tuple[bool, int]]) -> None:
    right, confidence = [r for r, _ in answers], [(c or 1) / 1024 for _, c in answers]  # float16 holds each exactly
    assert one(right, confidence) == pytest.approx(defined(np.array(right), np.array(confidence)), abs=1e-12)


def test_who_is_always_right_and_sure_has_no_error_and_who_is_sure_and_wrong_has_all_of_it() -> None:
    assert one([True] * 7, [1.0] * 7) == 0 and one([False] * 7, [1.0] * 7) == 1
    assert one([True, False], [0.5, 0.5]) == 0
    assert one([True, False], [0.875, 0.875]) == 0.375
    assert one([True, False], [0.875, 0.125]) == pytest.approx((0.125 + 0.125) / 2)  # no bin makes up for another


def test_each_float16_falls_into_the_bin_that_is_open_at_its_left_end() -> None:
    every = np.arange(np.float16(1).view(np.uint16) + 1, dtype=np.uint16).view(np.float16)
    assert every[0] == 0 and every[-1] == 1
    profile, labels = answered(np.ones((1, every.size), bool), every[np.newaxis])
    found = reliability(profile, labels)
    exact = [max(math.ceil(BINS * Fraction(float(p))) - 1, 0) for p in every]
    assert found.count[0].tolist() == np.bincount(exact, minlength=BINS).tolist()
    inner = [p for p in every if (BINS * Fraction(float(p))).denominator == 1]
    assert inner == [0, 1]  # no other is an edge


def test_every_stop_of_a_profile_has_its_own() -> None:
    profile = small.profile()
    found = calibration(profile, small.LABELS)
    assert found.n == len(small.LABELS) and found.sparsity.tolist() == profile.sparsity.tolist()
    for i, row in enumerate(profile.predicted):
        right, sure = row == small.LABELS, profile.probability[i].astype(np.float64)
        assert found.error[i] == pytest.approx(defined(right, sure), abs=1e-12)
        assert (found.accuracy[i], found.confidence[i]) == (right.mean(), pytest.approx(sure.mean()))


def by_hand(right: np.ndarray, confidence: np.ndarray) -> list[tuple[int, int, float]]:
    """Images, right answers and summed confidence of each bin, image by image."""
    bins = [(0, 0, 0.0)] * BINS
    for r, p in zip(right.tolist(), confidence.tolist(), strict=True):
        m = next(m for m in range(BINS) if Fraction(p) <= Fraction(m + 1, BINS))
        count, correct, total = bins[m]
        bins[m] = (count + 1, correct + r, total + p)
    return bins


def test_bins_hold_what_is_counted_image_by_image() -> None:
    profile = small.profile()
    found = reliability(profile, small.LABELS)
    for stop in (0, 12, 20, 30, len(profile.k) - 1):
        right, sure = profile.predicted[stop] == small.LABELS, profile.probability[stop].astype(np.float64)
        count, correct, total = zip(*by_hand(right, sure), strict=True)
        assert found.count[stop].tolist() == [*count] and found.right[stop].tolist() == [*correct]
        np.testing.assert_allclose(found.total[stop], total)
        for m in range(BINS):
            accuracy, confidence = found.accuracy[stop, m], found.confidence[stop, m]
            if count[m]:
                assert (accuracy, confidence) == (correct[m] / count[m], pytest.approx(total[m] / count[m]))
            else:
                assert math.isnan(accuracy) and math.isnan(confidence)
        error = sum(abs(r - t) for r, t in zip(correct, total, strict=True)) / len(right)
        stops = found.stops[stop]
        assert stops.n == 200
        for value, expected in ((stops.error, error), (stops.mean, sure.mean()), (stops.accuracy, right.mean())):
            assert value == pytest.approx(expected)
    assert (found.count == 0).any() and isinstance(found, Reliability)


def test_labels_of_other_images_are_refused() -> None:
    for compute in (calibration, reliability, overconfidence):
        with pytest.raises(ValueError, match="199 labels do not belong to a profile of 200 images"):
            compute(small.profile(), small.LABELS[1:])


# --- confidence minus accuracy ----------------------------------------------------------------------------------


def gaps(right: np.ndarray, confidence: np.ndarray) -> Overconfidence:
    return overconfidence(*answered(right, confidence))


def test_the_gap_is_mean_confidence_minus_accuracy_and_its_change_is_paired() -> None:
    profile = small.profile()
    found, binned = overconfidence(profile, small.LABELS), reliability(profile, small.LABELS)
    for stop, (gap, moved) in enumerate(zip(found.gaps, found.changes, strict=True)):
        assert gap.value == pytest.approx(binned.mean_confidence[stop] - binned.mean_accuracy[stop])
        assert moved.value == pytest.approx(gap.value - found.gaps[0].value)
        assert gap.low < gap.value < gap.high or abs(gap.value) > 0.9
    assert found.changes[0].value == 0
    # what both answers have in common does not widen the interval of the change
    assert found.changes[1].high - found.changes[1].low < found.gaps[1].high - found.gaps[1].low


def test_a_change_between_two_networks_is_paired_stop_by_stop() -> None:
    profile, other = small.profile(), small.profile("lamp")
    over = overconfidence(profile, small.LABELS)
    stops = len(profile.k)
    assert change(profile, profile, [0] * stops, small.LABELS) == [*over.changes]  # from the dense network
    rows = [None if stop == 3 else stop for stop in range(stops)]
    theirs = overconfidence(other, small.LABELS)
    for stop, gap in enumerate(change(profile, other, rows, small.LABELS)):
        assert (gap is None) == (stop == 3)
        if gap is not None:
            assert gap.value == pytest.approx(over.gaps[stop].value - theirs.gaps[stop].value)
            images = (profile.probability[stop].astype(float) - (profile.predicted[stop] == small.LABELS)) - (
                other.probability[stop].astype(float) - (other.predicted[stop] == small.LABELS)
            )
            assert gap.value == pytest.approx(images.mean()) and gap.low <= gap.value <= gap.high


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (3, 1), (0, 40), (120, 80)])
def test_of_certain_answers_the_interval_is_that_of_bonett_and_price(lost: int, gained: int) -> None:
    right = np.array([[True] * lost + [False] * gained + [True] * (200 - lost - gained)])
    gap = gaps(right, np.array([[0.0] * lost + [1.0] * (200 - lost)])).gaps[0]  # -1, then 1, then 0
    assert gap.value == (gained - lost) / 200
    assert (gap.low, gap.high) == pytest.approx(bonett_price(lost, gained, 200))


@pytest.mark.parametrize("accuracy", [0.9995, 0.99, 0.9, 0.5])
def test_the_interval_covers_the_true_gap_as_often_as_it_says(accuracy: float) -> None:
    rng, n, trials = np.random.default_rng(1), 2_000, 400
    confidence = np.clip(rng.beta(200 * accuracy, 200 * (1 - accuracy), (trials, n)), 0, 1).astype(np.float16)
    truth = 0.003
    right = rng.random((trials, n)) < confidence.astype(float) - truth
    covered = sum(gap.low <= truth <= gap.high for gap in gaps(right, confidence).gaps)
    assert covered / trials > 0.92


def test_a_gap_is_significant_if_its_interval_excludes_zero() -> None:
    assert Gap(0.02, 0.01, 0.03).significant and Gap(-0.02, -0.03, -0.01).significant
    assert not Gap(0.01, -0.01, 0.03).significant and not Gap(0.0, 0.0, 0.0).significant


# --- the job ----------------------------------------------------------------------------------------------------


def test_it_is_computed_by_a_worker_from_the_stored_profile_and_kept(tmp_path: Path) -> None:
    tiny.train(tiny.config(), root=tmp_path)
    job, store = Calibrating(run_id=tiny.config().run_id), RunStore(tmp_path)
    assert Results(store).get(job) is None
    tiny.perform(job, tmp_path)
    found, profile = Results(store).get(job), store.profile(job.run_id, job.pruning)
    assert found is not None and profile is not None
    assert found.error.tolist() == calibration(profile, store.labels(job.run_id)).error.tolist()
    assert (tmp_path / "ledgers" / f"calibration-{job.run_id}-magnitude-global.json").is_file()
    store.delete(job.run_id, None)
    assert not [*(tmp_path / "ledgers").iterdir()]


def test_a_damaged_one_is_refused() -> None:
    values = to_json(calibration(small.profile(), small.LABELS))
    assert to_json(from_json(Calibration, values)) == values
    for damage in ({"error": [0.1]}, {"n": "many"}, {"more": 1}, {"error": None}):
        with pytest.raises(StoreError, match=r"Calibration|calibration"):
            from_json(Calibration, {**values, **damage})
