"""Every reading of the claim does what its title says, on a real network, and its summary never says too much."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from core.codec import from_json, to_json
from core.config import Design
from core.engine.inference import Classifier
from core.engine.tasks.audit import find
from core.errors import StoreError
from core.evaluation import Proportion, accuracy
from core.networks import NETWORKS
from core.pruning import prune, rank
from core.run import Network
from core.store.results import Results
from core.store.runs import RunStore
from core.study import audit
from core.study.audit import READINGS, Audit, Auditing, Finding, Reading, explanations, summaries, verdict
from tests import tiny

CONFIG = tiny.config()
TEST = tiny.source().data.test
BY_NAME = {reading.name: reading for reading in READINGS}


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = tmp_path_factory.mktemp("runs")
    tiny.audit(CONFIG, root=root)
    return Results(RunStore(root))


@pytest.fixture
def found(curves: Results) -> Audit:
    audited = curves.get(Auditing(config=CONFIG))
    assert audited is not None
    return audited


def finding(curves: Results, reading: Reading) -> Finding:
    weights = curves.get(Network(config=CONFIG))
    assert weights is not None
    return find(Design("lenet"), CONFIG.seed, weights, TEST, reading, lambda: None)


def test_an_audit_holds_every_reading_and_comes_back_from_json(found: Audit) -> None:
    assert list(found.findings) == [reading.name for reading in READINGS]
    assert from_json(Audit, json.loads(json.dumps(to_json(found)))) == found


def test_each_reading_zeroes_as_many_weights_as_it_says(found: Audit) -> None:
    convolutions = 150 + 2_400
    for name, k in {
        "magnitude": round(1e-4 * 44_190),
        "quantile": round(0.01 * 44_190),
        "signed 0.1": round(1e-3 * 44_190),
        "largest": 4,
        "convolutions": round(1e-4 * convolutions),
    }.items():
        assert found.findings[name].k == k


@pytest.mark.parametrize("name", ["magnitude", "quantile", "signed", "signed 0.1", "largest"])
def test_a_plain_reading_is_what_the_pruned_network_answers(curves: Results, found: Audit, name: str) -> None:
    weights, reading = curves.get(Network(config=CONFIG)), BY_NAME[name]
    assert weights is not None
    pruned = prune(weights, rank(weights, reading.pruning), reading.sparsity)
    classifier = Classifier(Design("lenet"), TEST.images)
    for stands, w in ((found.findings[name].before, weights), (found.findings[name].after, pruned)):
        assert stands == accuracy(TEST.labels, classifier.infer(w, threads=1).argmax(1))


def test_only_convolutions_are_pruned_where_the_reading_says_so(curves: Results) -> None:
    everything = replace(BY_NAME["convolutions"], sparsity=1.0)
    assert finding(curves, everything).k == 150 + 2_400


def test_dropout_drops_anew_for_each_network_and_nothing_without_it(curves: Results, found: Audit) -> None:
    reading = BY_NAME["dropout"]
    dense = found.findings["magnitude"].before
    assert found.findings["dropout"].before.right != dense.right
    assert finding(curves, reading) == found.findings["dropout"]  # the same chance again
    assert finding(curves, replace(reading, dropout=1e-9)).before == dense
    assert finding(curves, replace(reading, dropout=0.99)).before.value < dense.value


def test_each_network_is_tested_on_other_images_where_the_reading_says_so(curves: Results) -> None:
    half = finding(curves, replace(BY_NAME["subset"], subset=100))
    assert half.before.n == half.after.n == 100


def audits(differences: list[float]) -> list[Audit]:
    """One for each: every reading loses so much of 10,000."""
    made = []
    for value in differences:
        after = Finding(4, Proportion(7300, 10_000), Proportion(round(7300 + 10_000 * value), 10_000))
        findings = {reading.name: after for reading in READINGS}
        made.append(Audit(config=CONFIG, findings=findings, created="", versions={}, machine={}))
    return made


def test_the_interval_is_students_for_one_more_network() -> None:
    values = np.array([-0.010, -0.012, -0.020, -0.016, -0.014])
    summary = summaries(audits(values.tolist()))[0]
    half = stats.t.ppf(0.975, 4) * values.std(ddof=1) * np.sqrt(1 + 1 / 5)
    assert (summary.low, summary.high) == pytest.approx((values.mean() - half, values.mean() + half))
    found = summaries(audits(values.tolist()))
    assert summary.explains and "it can explain" in verdict(found)
    assert explanations(found).count("\n- ") == len(READINGS) - 1


def test_a_reading_that_changes_nothing_explains_nothing() -> None:
    found = summaries(audits([0.0] * 5))
    assert not any(summary.explains for summary in found)
    assert "cannot explain" in verdict(found) and "None of the other readings" in explanations(found)


def test_the_networks_are_of_the_reports_regime() -> None:
    assert {config.training for config in audit.networks()} == {NETWORKS["lenet"].recipes["report"]}
    assert len({config.run_id for config in audit.networks()}) == 5


@pytest.mark.parametrize(
    "damage",
    [{"findings": {}}, {"format": 0}, {"findings": None}, {"findings": {"all": {"k": float("inf")}}}, {"config": {}}],
)
def test_a_damaged_audit_is_named_and_the_store_goes_on_without_it(
    found: Audit, damage: dict[str, object], tmp_path: Path
) -> None:
    values = {**json.loads(json.dumps(to_json(found))), **damage}
    with pytest.raises(StoreError, match="audit"):
        from_json(Audit, values)
    store = Results(RunStore(tmp_path, tmp_path / "none"))
    RunStore(tmp_path).keep(f".study/audit-{CONFIG.run_id}.json", json.dumps(values).encode())
    assert store.get(Auditing(config=CONFIG)) is None
