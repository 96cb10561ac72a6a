"""The runs that ship are whole, small, and what their weights really answer."""

import base64
from pathlib import Path

import numpy as np
import pytest

from core import data, study
from core.config import Design, RunConfig
from core.cost import compact
from core.cost.files import Exporting
from core.cost.ledger import COMPACT, Weighing
from core.cost.tradeoff import Comparing
from core.data import fashion
from core.engine.inference import Classifier
from core.engine.tasks import ledger, perform, tradeoff
from core.engine.work import Source, official
from core.errors import DataError
from core.evaluation.profile import Evaluating
from core.evaluation.repaired import Spreading
from core.pruning import PruningConfig, prune, rank
from core.reference import runs as reference
from core.store.derived import REPAIRED
from core.store.results import Results
from core.store.runs import LEDGERS, SHIPPED, RunStore
from core.study import audit
from core.study.audit import Auditing
from tests import tiny

STOPS = (0, 0.01, 20, 50, 80)  # percent


@pytest.fixture(scope="module")
def real() -> Source:
    try:
        return official(data.FASHION.id)
    except DataError:
        pytest.skip(f"Fashion-MNIST is not here: {fashion.HOW_TO_GET}.")


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """Nothing but what ships."""
    return RunStore(tmp_path)


def test_exactly_the_wanted_runs_ship_whole_and_below_the_limit(store: RunStore) -> None:
    assert {run.id for run in store.runs()} == {config.run_id for config in reference.configs()}
    assert store.damaged() == []
    for run in store.runs():
        assert run.reference and store.weights(run.id) and len(store.labels(run.id)) == 10_000
        assert all(store.profile(run.id, pruning) is not None for pruning in reference.prunings(run.trained))
        weighed = reference.weighed(run.trained)
        ledgers = [Results(store).get(Weighing(run_id=run.id, pruning=pruning)) for pruning in weighed]
        assert all(ledger and {*map(ledger.smallest, range(len(ledger.k)))} == {COMPACT} for ledger in ledgers)
        assert run.data_md5 == fashion.FILES
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < reference.LIMIT


def test_what_was_made_small_ships_with_its_files_which_are_of_its_weights(store: RunStore) -> None:
    small = [config for config in reference.configs() if not reference.is_dense(config)]
    assert small
    for config in small:
        job = Exporting(run_id=config.run_id, pruning=PruningConfig(), sparsity=0.0)
        shipped, weights = Results(store).get(job), store.weights(config.run_id)
        assert shipped is not None and shipped.checked and Results(store).checked(job) == shipped.checked
        assert {"network.plab", "compact.py", "network.onnx", "network.html"} < set(shipped.files)
        file = shipped.files["network.plab"]
        found, _ = compact.unpack(file)
        assert {name: w.tobytes() for name, w in found.items()} == {name: w.tobytes() for name, w in weights.items()}
        assert len(shipped.files["network.html"]) - len(file) * 4 / 3 < 60_000
        assert base64.b64encode(file)[:1_000] in shipped.files["network.html"]
    dense = Exporting(run_id=reference.configs()[0].run_id, pruning=PruningConfig(), sparsity=0.0)
    assert Results(store).checked(dense) is None


@pytest.mark.parametrize(("network", "most", "least"), [("convnet-tiny", 8_000, 0.92), ("convnet-mini", 2_000, 0.89)])
def test_the_smallest_files_that_ship_are_as_small_and_as_good_as_they_say(
    store: RunStore, network: str, most: int, least: float
) -> None:
    run = next(run for run in store.runs() if run.network == network)
    weights = store.weights(run.id)
    content = compact.pack(weights, {})
    read, _ = compact.unpack(content)
    assert len(content) <= most and all(np.array_equal(read[name], w) for name, w in weights.items())
    assert run.accuracy.value > least and run.accuracy.n == 10_000
    found = Results(store).get(Weighing(run_id=run.id))
    assert found is not None and found.file[0] == len(content)


def test_the_reports_regime_gives_the_reports_accuracy_and_the_best_recipe_a_good_one(store: RunStore) -> None:
    best, report, large, *_ = (store.get(config.run_id) for config in reference.configs())
    assert 0.70 < report.accuracy.value < 0.76
    assert best.accuracy.value > 0.94
    assert large.accuracy.value > 0.95 and 900_000 < large.weights < 1_100_000


@pytest.mark.slow
@pytest.mark.parametrize("config", reference.configs(), ids=lambda config: config.network)
def test_the_shipped_weights_give_the_shipped_predictions_on_the_real_test_images(
    store: RunStore, real: Source, config: RunConfig
) -> None:
    run_id = config.run_id
    assert np.array_equal(store.labels(run_id), real.data.test.labels)
    weights, classifier = store.weights(run_id), Classifier(Design(config.network), real.data.test.images)
    dense = classifier.infer(weights).argmax(1)
    for pruning in (pruning for pruning in reference.prunings(config) if not pruning.repaired):
        profile, ranking = store.profile(run_id, pruning), rank(weights, pruning)
        assert profile is not None
        for percent in STOPS[::3] if config.network == "resnet" else STOPS:  # which takes eight seconds for each
            pruned = prune(weights, ranking, percent / 100)
            unpruned = all(np.array_equal(pruned[name], value) for name, value in weights.items())
            assert unpruned == (percent == 0 or percent / 100 < store.get(run_id).sparse)  # those zeros go first
            predicted = dense if unpruned else classifier.infer(pruned).argmax(1)
            shipped = profile.predicted[profile.stop_index(percent)]
            assert (predicted != shipped).sum() <= 3  # of 10,000: another processor may round a tie the other way


@pytest.mark.slow
@pytest.mark.parametrize("config", reference.configs(), ids=lambda config: config.network)
def test_the_shipped_profiles_of_repairs_are_found_again(store: RunStore, real: Source, config: RunConfig) -> None:
    for pruning in (pruning for pruning in reference.prunings(config) if pruning.repaired):
        profile = store.profile(config.run_id, pruning)
        assert profile is not None
        for percent in (90,) if config.network == reference.LARGEST else (50, 90):  # of which a refit takes a minute
            sparsity = float(profile.sparsity[profile.stop_index(percent)])
            perform(
                Evaluating(run_id=config.run_id, pruning=pruning, sparsity=sparsity),
                store.root,
                source=lambda name: real,
            )
            point = store.point(config.run_id, pruning, sparsity)
            assert point is not None
            # sums in another order, on another processor, give slightly other weights
            assert (point.predicted[0] != profile.predicted[profile.stop_index(percent)]).mean() < 0.005


def test_repairs_ship_for_what_is_seen_first_and_undo_most_of_the_loss(store: RunStore) -> None:
    best, report, large, *_ = reference.configs()
    for config, percent, least in ((best, 50, 0.94), (report, 90, 0.72), (large, 60, 0.94)):
        for pruning in reference.prunings(config):
            if pruning.followed_by.refits:
                profile, labels = store.profile(config.run_id, pruning), store.labels(config.run_id)
                assert profile is not None and Results(store).has(Spreading(run_id=config.run_id, pruning=pruning))
                assert profile.comparison(labels, profile.stop_index(percent)).pruned.value > least
                assert profile.comparison(labels, 0).changed == 0
    assert {p.repair for p in reference.prunings(best)} == {"none", "batch-norm", "refit"}
    assert {p.repair for p in reference.prunings(report)} == {"none", "refit"}  # LeNet has no batch norm


@pytest.mark.slow
def test_making_them_makes_what_is_missing_and_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "stops", lambda ranking: (0.0, 0.9))  # of the byte ledgers, which take a while
    monkeypatch.setattr(tradeoff, "_ROUNDS", 1)
    wanted, said = [tiny.config(seed=1), tiny.config(seed=2)], list[str]()
    size = reference.make(wanted, tmp_path, say=said.append, source=tiny.source)
    assert 0 < size < reference.LIMIT
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    prunings = len(reference.prunings(wanted[0]))
    assert len(before) == 2 * (2 + prunings) and not (tmp_path / REPAIRED).exists()
    assert len(list((tmp_path / LEDGERS).iterdir())) == 2 * (prunings + 2)  # a tradeoff, and the refitted weights

    reference.make(wanted[:1], tmp_path, say=said.append, source=tiny.source)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert after == {path: when for path, when in before.items() if wanted[0].run_id in path.parts}
    assert any("Removing lenet" in line for line in said)
    assert all(wanted[0].run_id in path.name for path in (tmp_path / LEDGERS).iterdir())


# --- the study --------------------------------------------------------------------------------------------------

STUDY_LIMIT = 4_000_000
"""Bytes that the study that ships may take."""


def test_the_default_study_ships_whole_and_below_its_limit(store: RunStore) -> None:
    curves = Results(store)
    assert all(curves.get(cell) is not None for cell in study.default())
    assert all(curves.get(Auditing(config=config)) is not None for config in audit.networks())
    assert (SHIPPED / "study.json").stat().st_size < STUDY_LIMIT


@pytest.mark.slow
def test_the_audit_of_the_shipped_network_is_found_again(store: RunStore, real: Source) -> None:
    config = audit.networks()[0]
    shipped = Results(store).get(Auditing(config=config))
    perform(Auditing(config=config), store.root, source=lambda name: real)
    again = Results(store).own(Auditing(config=config))
    assert shipped is not None and again is not None
    for name, finding in shipped.findings.items():
        assert again.findings[name].k == finding.k
        # of 10,000: another processor may round a tie the other way
        assert abs(again.findings[name].difference - finding.difference) <= 3e-4


@pytest.mark.slow
def test_one_cell_of_the_study_is_found_again(store: RunStore, real: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """From nothing: its network is trained anew. On the processor that it was made on, to the last count."""
    cell = study.default()[0]
    shipped = Results(store).get(cell)
    nothing = store.root / "nothing ships"
    again = Results(RunStore(store.root, nothing))
    perform(cell, store.root, source=lambda name: real)  # what ships is not computed again
    assert again.get(cell) is None
    monkeypatch.setattr("core.store.runs.SHIPPED", nothing)
    perform(cell, store.root, source=lambda name: real)
    found = again.get(cell)
    assert shipped is not None and found is not None and found.k == shipped.k
    if found.machine == shipped.machine and found.versions == shipped.versions:
        assert found.test == shipped.test
    for one, other in zip(found.test[:6], shipped.test[:6], strict=True):
        assert abs(one.pruned.value - other.pruned.value) < 0.02


def test_the_tradeoffs_that_ship_belong_to_the_profiles_that_ship(store: RunStore) -> None:
    ledgers = Results(store)
    for config in filter(reference.is_dense, reference.configs()):
        found, profile = (
            ledgers.get(Comparing(run_id=config.run_id)),
            store.profile(config.run_id, PruningConfig()),
        )
        assert found is not None and profile is not None and found.total == profile.total
        comparisons = profile.comparisons(store.labels(config.run_id))
        for point in found.line("weights", retrained=False):
            if profile.is_stop(100 * point.share):
                stop = profile.stop_index(100 * point.share)
                assert abs(point.comparison.lost - comparisons[stop].lost) <= 3
                assert point.left == profile.total - profile.k[stop]
