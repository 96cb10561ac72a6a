"""Weights and filters are compared on the same network, and what is said of them is what was found."""

import json
from pathlib import Path

import numpy as np
import pytest

from core import figures
from core.codec import from_json, to_json
from core.cost.times import BATCHES
from core.cost.tradeoff import EPOCHS, RETRAINED, SHARES, SPARSITIES, Comparing, Tradeoff, in_words
from core.engine.inference import Classifier
from core.engine.tasks import tradeoff as engine
from core.errors import JobCancelled, StoreError
from core.evaluation import compare
from core.networks import NETWORKS
from core.progress import Progress
from core.pruning import PruningConfig, kernels, prune, rank
from core.pruning.filters import by_norm, take
from core.store.results import Results
from core.store.runs import RunStore
from tests import tiny

JOINTS = NETWORKS["lenet"].joints


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run and its comparison."""
    root, told = tmp_path_factory.mktemp("runs"), list[Progress]()
    tiny.train(tiny.config(), root=root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_ROUNDS", 2)
        tiny.tradeoff(tiny.config().run_id, PruningConfig(), root=root, on_progress=told.append)
    seen = [(p.done, p.of) for p in told if p.phase == "evaluating"]
    assert seen == [(i, seen[0][1]) for i in range(1, seen[0][1] + 1)]
    return root


@pytest.fixture(scope="module")
def found(root: Path) -> Tradeoff:
    found = Results(RunStore(root)).get(Comparing(run_id=tiny.config().run_id))
    assert found is not None
    return found


def test_one_shot_points_are_those_of_the_networks(root: Path, found: Tradeoff) -> None:
    weights, data = RunStore(root).weights(tiny.config().run_id), tiny.source().data
    run = RunStore(root).get(tiny.config().run_id)
    classifier, ranking = Classifier(run.design, data.test.images), rank(weights, PruningConfig())
    before = classifier.infer(weights).argmax(axis=1)
    lines = found.line("filters", retrained=False), found.line("weights", retrained=False)
    assert [p.share for p in lines[0]] == [*SHARES] and {p.share for p in lines[1]} >= {*SPARSITIES}
    for point in (lines[0][7], lines[0][15], lines[1][5], lines[1][9]):
        if point.method == "filters":
            left = take(weights, JOINTS, by_norm(weights, JOINTS, point.share))
            assert point.dense < 4 * found.total
        else:
            left = prune(weights, ranking, point.share)
            assert point.dense == 4 * found.total
        assert point.comparison == compare(data.test.labels, before, classifier.infer(left).argmax(axis=1))
        assert point.left == sum(np.count_nonzero(kernel) for kernel in kernels(left).values())
        assert 0 < point.compact < point.dense
    assert lines[0][0].comparison.changed == lines[1][0].comparison.changed == 0


def test_both_are_retrained_and_timed_with_as_many_weights_left(found: Tradeoff) -> None:
    filters, weights = found.line("filters", retrained=True), found.line("weights", retrained=True)
    assert [p.share for p in filters] == [*RETRAINED]
    assert [p.left for p in filters] == pytest.approx([p.left for p in weights], abs=60)  # training may zero a weight
    assert all(p.epochs == EPOCHS for p in (*filters, *weights))
    for point in (*filters, *weights):
        assert {*point.times} == {*BATCHES}
        assert all(0 < low <= middle <= high for low, middle, high in point.times.values())
        one_shot = next(p for p in found.line(point.method, retrained=False) if p.share == point.share)
        assert one_shot.times == point.times and one_shot.compact != point.compact


def test_it_survives_json_is_of_its_weights_and_damage_is_refused(root: Path, found: Tradeoff) -> None:
    values = json.loads(json.dumps(to_json(found)))
    assert from_json(Tradeoff, values) == found
    lost = [p for p in values["points"] if p["method"] == "weights"]
    nameless = [{**values["points"][0], "method": "layers"}]
    wrong: list[object] = [lost, nameless, [{}], None]
    for points in wrong:
        with pytest.raises(StoreError):
            from_json(Tradeoff, {**values, "points": points})
    with pytest.raises(StoreError):
        from_json(Tradeoff, {**values, "total": float("inf")})
    path = next((root / "ledgers").glob("tradeoff-*"))
    content = path.read_text()
    path.write_text(content.replace('"weights":"', '"weights":"0', 1))
    assert Results(RunStore(root)).get(Comparing(run_id=tiny.config().run_id)) is None
    path.write_text(content)


def test_the_sentence_and_the_figures_say_what_was_found(found: Tradeoff) -> None:
    filters, weights = found.line("filters", retrained=True)[1], found.line("weights", retrained=True)[1]
    text = in_words(found)
    assert f"{100 * filters.left / found.total:.0f} %" in text.replace("\u00a0", " ")
    assert f"{100 * filters.comparison.pruned.value:.2f}" in text and f"{filters.times[256][1]:.2f} times" in text
    assert f"{100 * weights.comparison.pruned.value:.2f}" in text
    over_bytes, over_time = figures.accuracy_over_bytes(found), figures.accuracy_over_time(found, 256)
    assert len(over_bytes.data) == len(over_time.data) == 4
    assert [*over_bytes.data[2].x] == [p.compact for p in found.line("filters", retrained=False)]
    assert [*over_time.data[3].x] == [p.times[256][1] for p in found.line("filters", retrained=True)]


def test_it_stops_when_asked(root: Path) -> None:
    with pytest.raises(JobCancelled):
        tiny.tradeoff(tiny.config().run_id, PruningConfig(scope="layerwise"), root=root, should_stop=lambda: True)
    assert (
        Results(RunStore(root)).get(Comparing(run_id=tiny.config().run_id, pruning=PruningConfig(scope="layerwise")))
        is None
    )
