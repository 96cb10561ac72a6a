"""A network is pruned and rounded while it is trained: masks hold, schedules are followed, what is stored is exact."""

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from core.config import Compression, DataConfig, Design, Problem, RunConfig, TrainingConfig
from core.data import Dataset, split
from core.engine.compressing import Compressor, Held, on_grid, settled
from core.engine.inference import Classifier
from core.engine.models import build, get_weights
from core.engine.training import learning_rate, train
from core.errors import ConfigError
from core.networks import NETWORKS
from core.pruning import kernels
from core.run import Network, Training, teacher_of
from tests import tiny
from tests.tiny import stripes

DATA = Dataset(stripes(500, 0), stripes(100, 1), tuple("abcdefghij"))
QUICK = TrainingConfig(epochs=4, batch_size=50, learning_rate=0.05)


def config(network: str = "lenet", **how: Any) -> RunConfig:
    training = dataclasses.replace(QUICK, compression=Compression(**how))
    return RunConfig(network=network, training=training, data=DataConfig(validation=100))


def zeros(weights: dict[str, np.ndarray]) -> int:
    return sum(int(np.count_nonzero(w == 0)) for w in kernels(weights).values())


def total(weights: dict[str, np.ndarray]) -> int:
    return sum(w.size for w in kernels(weights).values())


@pytest.mark.parametrize(
    "how",
    [
        {"begin": 0.0, "end": 0.5},
        {"criterion": "lamp"},
        {"scope": "layerwise"},
        {"pruning": "iterative", "rounds": 3},
    ],
)
def test_a_training_ends_with_just_the_share_pruned_that_was_asked_for(how: dict[str, Any]) -> None:
    weights = train(config(sparsity=0.9, **how), DATA).weights
    expected = [round(0.9 * w.size) for w in kernels(weights).values()] if "scope" in how else [round(0.9 * 44190)]
    assert zeros(weights) == sum(expected)
    assert not any(np.signbit(w[w == 0]).any() for w in kernels(weights).values())


def test_masks_only_grow_and_hold_through_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[dict[str, np.ndarray]]()
    after = Held.weights

    def noted(held: Held) -> None:
        after(held)
        seen.append({name: (p.detach().numpy() == 0).copy() for name, p in held._parameters.items() if p.ndim > 1})

    monkeypatch.setattr(Held, "weights", noted)
    weights = train(config(sparsity=0.9, begin=0.1, end=0.8), DATA).weights
    assert len(seen) >= 32
    for before, now in pairwise(seen):
        assert all((now[name] >= before[name]).all() for name in now)
    counts = [sum(int(mask.sum()) for mask in masks.values()) for masks in seen]
    assert len(set(counts)) > 10 and counts[-1] == zeros(weights)


def test_the_learning_rate_goes_through_its_schedule_in_each_round() -> None:
    training = config(sparsity=0.9, pruning="iterative", rounds=1).training
    first = [learning_rate(training, done) for done in (0.0, 0.1, 0.3, 0.49)]
    second = [learning_rate(training, 0.5 + done) for done in (0.0, 0.1, 0.3, 0.49)]
    assert first == pytest.approx(second) and len(set(first)) == 4


@pytest.mark.parametrize(("bits", "most"), [(8, 127), (4, 7), (2, 1)])
@pytest.mark.parametrize("shape", [(6, 3, 3, 3), (10, 40)])
def test_rounded_weights_are_whole_numbers_times_one_short_number_for_each_filter(
    bits: int, most: int, shape: tuple[int, ...]
) -> None:
    weights = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    weights[1] = 0.0
    weights[2].view(-1)[:4] = 0.0
    rounded = on_grid(weights, bits)
    assert rounded.shape == weights.shape and not torch.signbit(rounded[rounded == 0]).any()
    for row, was in zip(rounded.flatten(1).double().numpy(), weights.flatten(1).double().numpy(), strict=True):
        values = np.unique(np.abs(row[row != 0]))
        if not values.size:
            assert not was.any()
            continue
        scale = max(values[0] / k for k in range(1, most + 1) if np.allclose(values / (values[0] / k) % 1, 0))
        assert np.array_equal(row, scale * np.round(row / scale)) and np.abs(row / scale).max() <= most
        assert np.frexp(scale)[0] * 2**8 % 1 == 0
        assert (row[was == 0] == 0).all()


def test_of_the_scales_the_one_with_the_smallest_error_counts() -> None:
    weights = torch.randn((4, 500), generator=torch.Generator().manual_seed(1))
    error = ((on_grid(weights, 4) - weights) ** 2).sum(1)
    naive = weights.abs().amax(1, keepdim=True) / 7
    assert (error < (((weights / naive).round() * naive - weights) ** 2).sum(1)).all()


def test_outside_of_its_part_of_the_training_weights_are_whole_and_inside_rounded() -> None:
    model = build(Design("lenet"), 0)
    compressor = Compressor(model, Compression(bits=2, rounded=0.25), Held(model))
    before = get_weights(model)
    with compressor.rounded(0.5):
        assert all(np.array_equal(w, before[name]) for name, w in get_weights(model).items())
    with compressor.rounded(0.8):
        assert all(len(np.unique(w[0])) <= 3 for w in kernels(get_weights(model)).values())
    assert all(np.array_equal(w, before[name]) for name, w in get_weights(model).items())


@pytest.mark.parametrize("network", ["convnet-mini", "lenet"])
def test_the_stored_network_is_on_its_grid_and_gives_the_answers_of_the_trained_one(network: str) -> None:
    trained = train(config(network, sparsity=0.5, bits=4, rounded=0.5), DATA)
    for row in (row for w in kernels(trained.weights).values() for row in w.reshape(len(w), -1)):
        assert len(np.unique(np.abs(row))) <= 8
    held_out = split(DATA.train, DataConfig(validation=100))[1]
    design = config(network).design(Problem())
    answers = Classifier(design, held_out.images).infer(trained.weights).argmax(1)
    right = float((answers == held_out.labels).mean())
    assert right == pytest.approx(trained.history[-1].validation_accuracy, abs=0.02)


def test_folding_changes_the_answers_by_rounding_only() -> None:
    model = build(Design("convnet-mini"), 0)
    with torch.no_grad():
        for name, p in (*model.named_parameters(), *model.named_buffers()):
            if "norm" in name and "weight" not in name and p.ndim:
                p.copy_(torch.rand(p.shape, generator=torch.Generator().manual_seed(len(name))) + 0.5)
    weights = get_weights(model)
    on = {name: on_grid(torch.tensor(w), 8).numpy() if w.ndim > 1 else w for name, w in weights.items()}
    images = DATA.test.images
    expected = Classifier(Design("convnet-mini"), images).infer(on)
    stored = settled(model, weights, 8)
    found = Classifier(Design("convnet-mini"), images).infer(stored)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
    assert all(not w.any() for name, w in stored.items() if name.endswith("running_mean"))
    assert all((w == 1).all() for name, w in stored.items() if name.endswith("running_var"))


def test_a_teacher_is_the_same_network_dense_or_resnet_on_the_same_images() -> None:
    assert teacher_of(config()) is None and Training(config=config()).needs == ()
    dense, resnet = teacher_of(config(teacher="dense")), teacher_of(config(teacher="resnet"))
    assert dense is not None and resnet is not None
    assert (dense.network, resnet.network) == ("lenet", "resnet")
    assert dense.training.compression == Compression() and dense.data == config().data
    assert Training(config=config(teacher="dense")).needs == (Network(config=dense),)


def test_a_network_learns_from_its_teacher_alone() -> None:
    wanted = config("convnet-mini", teacher="dense", taught=1.0)
    wanted = dataclasses.replace(wanted, training=dataclasses.replace(wanted.training, epochs=12))
    training = split(DATA.train, wanted.data)[0]
    turned = (training.labels.astype(int) + 1) % 10  # the teacher is wrong about every image
    teacher = np.where(np.arange(10) == turned[:, None], 10.0, 0.0).astype(np.float32)
    weights = train(wanted, DATA, teacher=teacher).weights
    answers = Classifier(wanted.design(Problem()), training.images).infer(weights).argmax(1)
    assert (answers == turned).mean() > 0.6 and (answers == training.labels).mean() < 0.2


def test_a_training_that_needs_another_network_does_not_go_on_without() -> None:
    with pytest.raises(ConfigError, match="is missing"):
        train(config(teacher="dense"), DATA)
    with pytest.raises(ConfigError, match="is missing"):
        train(config(start="dense"), DATA)


def test_a_training_starts_from_the_dense_network_of_its_seed() -> None:
    before = train(config(), DATA).weights
    wanted = config(start="dense", sparsity=0.5)
    slow = dataclasses.replace(wanted, training=dataclasses.replace(wanted.training, epochs=1, learning_rate=1e-5))
    after = train(slow, DATA, start=before).weights
    kept = {name: w != 0 for name, w in kernels(after).items()}
    assert all(np.allclose(after[name][mask], before[name][mask], atol=1e-3) for name, mask in kept.items())
    need = Network(config=dataclasses.replace(config(), training=NETWORKS["lenet"].dense["quick"]))
    assert Training(config=wanted).needs == (dataclasses.replace(need, config=dataclasses.replace(
        need.config, training=dataclasses.replace(need.config.training, flip=False))),)  # fmt: skip


def test_the_task_asks_the_teacher(tmp_path: Any) -> None:
    wanted = dataclasses.replace(tiny.config(), training=dataclasses.replace(
        tiny.config().training, compression=Compression(teacher="dense", taught=1.0)))  # fmt: skip
    job = Training(config=wanted)
    for need in job.needs:
        tiny.perform(need, tmp_path)
    run = tiny.perform(job, tmp_path)
    alone = tiny.perform(Training(config=tiny.config()), tmp_path)
    assert run.id != alone.id and run.accuracy.value > 0.15
