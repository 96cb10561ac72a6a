"""What is timed answers what it should, and no more is said of the times than they show."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from core.codec import from_json, to_json
from core.config import Design
from core.cost.times import BATCHES, Times, Timing, Variant, in_words
from core.engine import timing
from core.engine.inference import Classifier
from core.engine.models import build, get_weights, normalise, set_weights
from core.errors import JobCancelled, PruningError, StoreError
from core.progress import Progress
from core.pruning import PruningConfig, prune, rank
from core.store.results import Results
from core.store.runs import RunStore
from tests import tiny

IMAGES = tiny.stripes(256, 3).images


def times(masked: float, csr: float, spread: float = 0.0, gone: int = 0) -> Times:
    """A dense pass takes a second; the others so many times less, more or less."""
    rounds = 1 + spread * np.linspace(-1, 1, 9)
    speeds: dict[Variant, float] = {
        "dense": 1.0, "masked": masked, "removed": 1.5 * masked, "csr": csr, "onnx-dense": 2.0, "onnx": 2.0
    }  # fmt: skip
    rows: dict[Variant, list[float]] = {
        v: [1.0] * 9 if v == "dense" else (rounds / speed).tolist() for v, speed in speeds.items()
    }
    return Times(dict.fromkeys(BATCHES, rows), gone, 30, 2, {"cpu": "one"})


@pytest.mark.parametrize("network", ["lenet", "convnet-small", "resnet"])
def test_sparse_matrices_answer_what_the_pruned_network_answers(network: str) -> None:
    design = Design(network)
    weights = get_weights(build(design, 0))
    pruned = prune(weights, rank(weights, PruningConfig()), 0.7)
    model = build(design, 0).eval()
    set_weights(model, pruned)
    timing.sparsify(model)
    with torch.inference_mode():
        found = model(normalise(torch.tensor(IMAGES[:8]))).numpy()
    np.testing.assert_allclose(found, Classifier(design, IMAGES[:8]).infer(pruned), atol=1e-4)


def test_a_sparse_network_that_answers_otherwise_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = get_weights(build(Design("lenet"), 0))
    monkeypatch.setattr(timing, "_csr", lambda matrix: 2 * matrix.detach())
    with pytest.raises(PruningError, match="csr gives other answers"):
        timing.measure(Design("lenet"), weights, weights, IMAGES, rounds=1)


@pytest.mark.slow
def test_every_variant_is_timed_in_every_round_and_the_times_are_stored(tmp_path: Path) -> None:
    tiny.train(tiny.config(), root=tmp_path)
    run_id, pruning, store = tiny.config().run_id, PruningConfig(), Results(RunStore(tmp_path))
    told: list[Progress] = []
    tiny.timing(run_id, pruning, 0.9, root=tmp_path, on_progress=told.append)
    seen = [progress.done for progress in told if progress.phase == "evaluating"]
    found = store.get(Timing(run_id=run_id, pruning=pruning, sparsity=0.9))
    assert found is not None and len(seen) >= 5 and seen == [*range(1, len(seen) + 1)]
    for batch in BATCHES:
        for variant in get_args(Variant):
            assert len(found.seconds[batch][variant]) == len(seen) and min(found.seconds[batch][variant]) > 0
    assert store.get(Timing(run_id=run_id, pruning=pruning, sparsity=0.5)) is None
    with pytest.raises(JobCancelled):
        tiny.timing(run_id, pruning, 0.5, root=tmp_path, should_stop=lambda: True)


def test_times_survive_json_and_damaged_ones_are_refused() -> None:
    values = json.loads(json.dumps(to_json(times(1, 2))))
    assert to_json(from_json(Times, values)) == to_json(times(1, 2))
    uneven = {**values["seconds"], "1": {"dense": [0]}}
    for broken in ({}, {**values, "seconds": {}}, {**values, "seconds": uneven}, {**values, "gone": float("inf")}):
        with pytest.raises(StoreError):
            from_json(Times, broken)


def test_median_quartiles_and_ratio_are_those_of_the_rounds() -> None:
    found = times(1.0, 2.0, spread=0.1)
    assert found.median(1, "csr") == pytest.approx(0.5)
    assert found.quartiles(1, "csr") == pytest.approx((0.475, 0.525))
    assert found.ratio(1, "csr")[0] == pytest.approx(2.0) and found.ratio(256, "dense") == (1, 1, 1)


def test_faster_and_slower_are_said_only_where_the_rounds_agree() -> None:
    text = in_words(times(1.0, 0.2), 0.5)
    assert (
        "like any number, about as fast as the unpruned one" in text
        and "matrices, slower than the unpruned one" in text
    )
    assert "matrices, faster" in in_words(times(1.0, 3.0), 0.99)
    assert "matrices, about as fast" in in_words(times(1.0, 1.1, spread=0.5), 0.99)
    assert "ONNX Runtime, about as fast as the unpruned one" in text  # although both are faster than torch


def test_filters_are_spoken_of_only_where_some_can_go() -> None:
    assert "idle filters" not in in_words(times(1.0, 1.0), 0.5)
    assert "without its idle filters, faster" in in_words(times(1.0, 1.0, gone=3), 0.5)
