"""Cells of a study on real networks: masks hold, strategies differ, the same bits on any worker."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import Design, TrainingConfig
from core.data import split
from core.engine import tasks
from core.engine.inference import Classifier
from core.engine.models import build, get_weights
from core.engine.repair import Repairer, sample
from core.engine.training import Sparse, train
from core.engine.work import Source
from core.errors import DataError, JobCancelled
from core.evaluation import compare
from core.pruning import AS_IS, PruningConfig, kernels, prune, rank
from core.run import Network
from core.store.results import Results
from core.store.runs import RunStore
from core.study.cells import Cell
from tests import tiny

CELL = Cell(config=tiny.config(), sparsities=(0.2, 0.8))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def curves(root: Path) -> Results:
    return Results(RunStore(root))


@pytest.mark.parametrize("criterion", ["magnitude", "taylor"])
def test_a_cell_is_what_the_pruned_network_answers(root: Path, curves: Results, criterion: str) -> None:
    rule = PruningConfig(criterion=criterion, scope="erk")
    cell = replace(CELL, pruning=rule)
    tiny.cell(cell, root=root)
    curve, weights = curves.get(cell), curves.get(Network(config=cell.config))
    assert curve is not None and weights is not None
    if criterion == "magnitude":
        test, ranking = tiny.source().data.test, rank(weights, rule)
        classifier = Classifier(Design("lenet"), test.images)
        dense = classifier.infer(weights, threads=1).argmax(1)
        for i, sparsity in enumerate(cell.sparsities):
            pruned = classifier.infer(prune(weights, ranking, sparsity), threads=1).argmax(1)
            assert curve.test[i] == compare(test.labels, dense, pruned)
            assert curve.k[i] == ranking.count(sparsity)
    assert curve.total == 44_190


@pytest.mark.usefixtures("few_rows")
def test_a_cell_with_a_repair_is_what_the_repaired_network_answers(root: Path, curves: Results) -> None:
    rule = PruningConfig(criterion="lamp", repair="refit", sample=100)
    cell = Cell(config=tiny.config(), pruning=rule, sparsities=(0.9,))
    tiny.cell(cell, root=root)
    tiny.cell(replace(cell, pruning=rule.then(AS_IS)), root=root)
    curve, as_is = curves.get(cell), curves.get(replace(cell, pruning=rule.then(AS_IS)))
    weights = curves.get(Network(config=cell.config))
    assert curve is not None and as_is is not None and weights is not None
    data = tiny.source().data
    images = sample(split(data.train, cell.config.data)[0].images, rule)
    ranking, design = rank(weights, rule), cell.config.design(data.problem)
    masks = ranking.masks(0.9)
    repaired = Repairer(design, weights, images, rule, threads=1).repaired(prune(weights, ranking, 0.9), masks)
    answers = Classifier(design, data.test.images).infer(repaired, threads=1).argmax(1)
    assert curve.test[0].pruned.right == int((answers == data.test.labels).sum())
    assert curve.k == as_is.k == (ranking.count(0.9),) and curve.test[0].dense == as_is.test[0].dense


def test_a_run_that_is_in_the_store_is_the_network(tmp_path: Path) -> None:
    tiny.train(CELL.config, root=tmp_path)
    tiny.cell(CELL, root=tmp_path)
    store = Results(RunStore(tmp_path))
    curve = store.get(CELL)
    assert curve is not None and curve.test[0].dense.right == RunStore(tmp_path).get(CELL.config.run_id).right
    assert not list((tmp_path / ".study").glob("*.safetensors"))


def test_a_layer_alone_is_pruned_to_its_own_share(root: Path, curves: Results) -> None:
    cell = replace(CELL, layer="fc1.weight", sparsities=(0.5, 1.0))
    tiny.cell(cell, root=root)
    curve = curves.get(cell)
    assert curve is not None and curve.total == 120 * 256
    assert curve.k == (curve.total // 2, curve.total)
    assert curve.test[1].pruned.value < curve.test[0].pruned.value


STRATEGIES = {
    "fine-tune": replace(CELL, retraining="fine-tune", epochs=2, sparsities=(0.97,)),
    "iterative": replace(CELL, retraining="iterative", epochs=2, rounds=2, sparsities=(0.97,)),
    "rewind": replace(CELL, retraining="rewind", epochs=2, rounds=2, sparsities=(0.97,)),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_retraining_keeps_exactly_the_pruned_weights_at_zero_and_repairs_the_network(
    root: Path, curves: Results, name: str
) -> None:
    cell = STRATEGIES[name]
    one_shot = Cell(config=cell.config, sparsities=cell.sparsities)
    for asked in (cell, one_shot):
        tiny.cell(asked, root=root)
    curve, without = curves.get(cell), curves.get(one_shot)
    assert curve is not None and without is not None
    assert curve.k == without.k == (round(0.97 * 44_190),)
    assert curve.test[0].dense == without.test[0].dense
    assert curve.accuracy[0] > without.accuracy[0]


def test_masks_hold_through_every_step_of_every_optimizer() -> None:
    dense = get_weights(build(Design("lenet"), 1))
    pruned = prune(dense, rank(dense, PruningConfig()), 0.9)
    masks = {name: w != 0 for name, w in kernels(pruned).items()}
    for optimizer in ("sgd", "adamw", "muon"):
        training = TrainingConfig(
            epochs=2, batch_size=64, optimizer=optimizer, learning_rate=0.01, momentum=0.9, weight_decay=0.1
        )
        config = replace(tiny.config(), training=training)
        trained = train(config, tiny.source().data, sparse=Sparse(dense, masks)).weights
        moved = 0
        for name, mask in masks.items():
            assert not trained[name][~mask].view(np.uint32).any()  # +0.0, bit for bit
            moved += int((trained[name][mask] != dense[name][mask]).sum())
        assert moved > 0.99 * sum(int(mask.sum()) for mask in masks.values())


def test_the_same_cell_gives_the_same_bits_whatever_ran_before(root: Path, curves: Results, tmp_path: Path) -> None:
    cell = STRATEGIES["iterative"]
    tiny.cell(cell, root=root)
    torch.manual_seed(5)
    torch.set_num_threads(2)
    tiny.cell(replace(CELL, config=tiny.config(seed=2)), root=tmp_path)
    tiny.cell(cell, root=tmp_path)
    one, two = curves.get(cell), Results(RunStore(tmp_path)).get(cell)
    assert one is not None and two is not None and (one.k, one.test) == (two.k, two.test)


def test_what_is_stored_is_not_computed_again_and_a_damaged_curve_is(root: Path, curves: Results) -> None:
    tiny.cell(CELL, root=root)

    def nothing(name: str) -> Source:
        raise DataError("the data set was read")

    tasks.perform(CELL, root, source=nothing)
    file = root / ".study" / f"{CELL.key}.json"
    file.write_text(file.read_text()[:100])
    assert curves.get(CELL) is None
    tiny.cell(CELL, root=root)
    assert curves.get(CELL) is not None


def test_a_cell_that_is_stopped_leaves_nothing_of_itself(root: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    with pytest.raises(JobCancelled):
        tiny.cell(
            CELL,
            root=tmp_path,
            on_progress=lambda progress: seen.append(progress.phase),
            should_stop=lambda: "evaluating" in seen,
        )
    assert [path.suffix for path in (tmp_path / ".study").iterdir()] == [".safetensors"]  # the network alone
