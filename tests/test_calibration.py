"""Calibration is what its definition says, at every stop, and a job like any other."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codec import from_json, to_json
from core.errors import StoreError
from core.evaluation.calibration import BINS, Calibrating, Calibration, calibration, calibration_error
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


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 997)), min_size=1, max_size=200))
def test_the_error_is_that_of_the_definition(answers: list[tuple[bool, int]]) -> None:
    right, confidence = (np.array(column) for column in zip(*answers, strict=True))
    confidence = confidence / 997  # no edge of a bin but the last one is hit: floats may fall on either side of it
    assert calibration_error(right, confidence) == pytest.approx(defined(right, confidence))


def test_who_is_always_right_and_sure_has_no_error_and_who_is_sure_and_wrong_has_all_of_it() -> None:
    sure = np.ones(7)
    assert calibration_error(np.ones(7, bool), sure) == 0 and calibration_error(np.zeros(7, bool), sure) == 1
    half = np.array([True, False])
    assert calibration_error(half, np.array([0.5, 0.5])) == 0
    assert calibration_error(half, np.array([0.9, 0.9])) == pytest.approx(0.4)


def test_every_stop_of_a_profile_has_its_own() -> None:
    profile = small.profile()
    found = calibration(profile, small.LABELS)
    assert found.n == len(small.LABELS) and found.sparsity.tolist() == profile.sparsity.tolist()
    for i, row in enumerate(profile.predicted):
        right, sure = row == small.LABELS, profile.probability[i].astype(np.float64)
        assert found.error[i] == pytest.approx(defined(right, sure), abs=1e-12)
        assert (found.accuracy[i], found.confidence[i]) == (right.mean(), pytest.approx(sure.mean()))
    with pytest.raises(ValueError, match="do not belong"):
        calibration(profile, small.LABELS[1:])


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
