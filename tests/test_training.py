"""Training repeats itself to the bit, reports as it goes, stops when asked to, and never sees the test images."""

import dataclasses
import itertools
import math
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from core.config import DataConfig, Design, Optimizer, RunConfig, TrainingConfig
from core.data import Dataset, Split, split
from core.engine import machine
from core.engine.batches import augment, draw, draw_changes, steps_per_epoch
from core.engine.inference import Classifier
from core.engine.models import build
from core.engine.training import learning_rate, train
from core.errors import ConfigError, JobCancelled, TrainingError
from core.progress import Progress
from tests.tiny import stripes

QUICK = TrainingConfig(epochs=2, batch_size=64, learning_rate=0.05, flip=True, shift=1, label_smoothing=0.1)


DATA = Dataset(stripes(500, 0), stripes(20, 1), tuple("abcdefghij"))


def config(network: str = "lenet", training: TrainingConfig = QUICK, seed: int = 3) -> RunConfig:
    return RunConfig(network=network, training=training, data=DataConfig(validation=100), seed=seed)


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return list(first) == list(second) and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["lenet", "convnet", "convnet-small"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_the_same_configuration_gives_the_same_bits_whatever_ran_before(network: str, optimizer: Optimizer) -> None:
    asked = config(network, dataclasses.replace(QUICK, optimizer=optimizer, learning_rate=0.01))
    first = train(asked, DATA)
    torch.manual_seed(12345)
    torch.rand(7)
    np.random.default_rng(5).normal()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    second = train(asked, DATA)
    torch.set_num_threads(threads)
    assert same(first.weights, second.weights)
    assert [dataclasses.replace(e, seconds=0) for e in first.history] == [
        dataclasses.replace(e, seconds=0) for e in second.history
    ]


def test_another_seed_gives_another_network() -> None:
    assert not same(train(config(seed=1), DATA).weights, train(config(seed=2), DATA).weights)


def test_training_leaves_the_global_state_of_torch_alone() -> None:
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    train(config(), DATA)
    after = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    assert torch.equal(before[0], after[0]) and before[1:] == after[1:]


def test_the_test_images_are_not_touched() -> None:
    nothing = Split(np.empty((0, 28, 28), np.uint8), np.empty(0, np.uint8))
    assert same(train(config(), DATA).weights, train(config(), Dataset(DATA.train, nothing, DATA.classes)).weights)


def test_weights_are_float32_in_state_dict_order_and_not_folded() -> None:
    trained = train(config("convnet", dataclasses.replace(QUICK, epochs=1)), DATA)
    names = [name for name in build(Design("convnet"), 0).state_dict() if not name.endswith("num_batches_tracked")]
    assert list(trained.weights) == names
    assert {array.dtype for array in trained.weights.values()} == {np.dtype(np.float32)}


@pytest.mark.slow
def test_a_network_learns_and_its_last_validation_figures_are_those_of_the_kept_weights() -> None:
    trained = train(config("convnet", dataclasses.replace(QUICK, epochs=6)), DATA)
    validation = split(DATA.train, DataConfig(validation=100))[1]
    arithmetic = torch.bfloat16 if machine.has_bfloat16(machine.device()) else torch.float32
    logits = Classifier(Design("convnet"), validation.images, arithmetic).infer(trained.weights)
    right = (logits.argmax(1) == validation.labels).mean()
    assert trained.history[-1].validation_accuracy == right
    assert right > 0.9
    assert [epoch.number for epoch in trained.history] == [1, 2, 3, 4, 5, 6]
    assert trained.history[-1].loss < trained.history[0].loss


def test_a_diverging_training_says_so_and_what_to_do() -> None:
    wild = TrainingConfig(epochs=20, batch_size=16, schedule="constant", learning_rate=2.0, weight_decay=1.0)
    with pytest.raises(TrainingError, match=r"diverged.*lower the learning rate"):
        train(config(training=wild), DATA)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ConfigError, match="no network"):
        train(config("perceptron"), DATA)


@pytest.mark.parametrize("polls", [0, 1, 5, 10, 15])
def test_it_stops_at_the_next_poll_wherever_it_is(polls: int) -> None:
    asked = []

    def should_stop() -> bool:
        asked.append(time.perf_counter())
        return len(asked) > polls

    with pytest.raises(JobCancelled):
        train(config(), DATA, should_stop=should_stop)
    assert len(asked) == polls + 1


def test_progress_counts_the_steps_names_the_speed_and_comes_at_most_four_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks) / 100)  # a machine of any speed, never interrupted
    seen: list[tuple[float, Progress]] = []
    training = dataclasses.replace(QUICK, epochs=8)
    train(config("lenet", training), DATA, on_progress=lambda p: seen.append((time.perf_counter(), p)))
    times, reports = zip(*seen, strict=True)
    steps = 8 * math.ceil(400 / 64)
    assert reports[0].phase == "loading" and reports[0].done == 0
    assert {report.of for report in reports} == {steps}
    assert [r.done for r in reports] == sorted(r.done for r in reports) and reports[-1].done <= steps
    assert len(times) <= (times[-1] - times[0]) / 0.25 + 1.01
    for report in reports[1:]:
        assert report.loss is not None
        assert (report.images_per_second > 0) == (report.seconds_left is not None) == (report.done > 1)


def test_one_cycle_is_torchs_linear_one_up_to_its_ends() -> None:
    steps, settings = 200, TrainingConfig(learning_rate=0.4)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.4)
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        0.4,
        total_steps=steps + 1,
        pct_start=50.5 / 201,
        anneal_strategy="linear",
        cycle_momentum=False,
        div_factor=1e9,
        final_div_factor=1.0,
    )
    ours, theirs = [], []
    for step in range(steps):
        ours.append(learning_rate(settings, step / steps))
        theirs.append(float(oracle.get_last_lr()[0]))
        optimizer.step()
        oracle.step()
    np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=0.4 * 0.03)


def test_skipping_leaves_out_easy_images_and_the_others_of_them_count_more_in_their_place() -> None:
    losses = torch.rand(1000, generator=torch.Generator().manual_seed(1))
    order, shares = draw(losses, 0.5, torch.Generator().manual_seed(0))
    assert len(order) == len(set(order.tolist())) == 500
    assert set(order.tolist()) == set(torch.nonzero(shares).flatten().tolist())
    easy = losses.argsort()[:750]
    hard = losses.argsort()[750:]
    assert (shares[hard] == 1).all() and int((shares[easy] == 0).sum()) == 500
    assert shares.sum() == pytest.approx(1000)
    assert len(set(shares.tolist())) == 3


def test_the_weighted_loss_of_the_images_that_are_drawn_is_on_average_that_of_all() -> None:
    losses, generator = torch.rand(400, generator=torch.Generator().manual_seed(1)), torch.Generator().manual_seed(0)
    other = torch.rand(400, generator=torch.Generator().manual_seed(2))  # what the gradient sees need not be the loss
    estimates = []
    for _ in range(2000):
        order, shares = draw(losses, 0.5, generator)
        estimates.append(float((other[order] * shares[order]).sum() / 400))
    assert np.mean(estimates) == pytest.approx(float(other.mean()), abs=4 * np.std(estimates) / 2000**0.5)


def test_without_skipping_every_image_is_drawn_once_and_no_other_chance_is_used() -> None:
    generator, alone = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    order, shares = draw(torch.rand(100), 0.0, generator)
    assert torch.equal(order, torch.randperm(100, generator=alone)) and (shares == 1).all()
    assert torch.equal(generator.get_state(), alone.get_state())


def test_a_training_takes_the_steps_that_it_says_and_skips_none_in_its_first_epoch() -> None:
    settings = dataclasses.replace(QUICK, epochs=3, skip=0.5)
    assert steps_per_epoch(settings, 400) == [math.ceil(400 / 64), math.ceil(200 / 64), math.ceil(200 / 64)]
    seen: list[Progress] = []
    trained = train(config(training=settings), DATA, on_progress=seen.append)
    assert {report.of for report in seen} == {sum(steps_per_epoch(settings, 400))} and len(trained.history) == 3
    assert same(trained.weights, train(config(training=settings), DATA).weights)


def pixels(n: int) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(0).integers(1, 256, (n, 28, 28), np.uint8))


def augmented(images: torch.Tensor, settings: TrainingConfig) -> torch.Tensor:
    changes = draw_changes(len(images), 28, settings, torch.Generator().manual_seed(0))
    return augment(images, settings, changes)


def test_no_augmentation_is_identity_and_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    state, images = generator.get_state(), pixels(4)
    changes = draw_changes(4, 28, TrainingConfig(), generator)
    assert torch.equal(augment(images, TrainingConfig(), changes), images)
    assert torch.equal(state, generator.get_state())


def test_a_flip_mirrors_about_half_of_the_images_and_leaves_the_others() -> None:
    images = pixels(400)
    flipped = augmented(images, TrainingConfig(flip=True))
    mirrored = (flipped == images.flip(2)).all((1, 2))
    assert (mirrored | (flipped == images).all((1, 2))).all()
    assert 150 < int(mirrored.sum()) < 250


def test_a_shift_moves_each_image_as_a_whole_and_reaches_every_offset() -> None:
    images = pixels(300)
    shifted = augmented(images, TrainingConfig(shift=1))
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    windows = [(dy, dx, padded[:, dy : dy + 28, dx : dx + 28]) for dy in range(3) for dx in range(3)]
    found = [{(dy, dx) for dy, dx, window in windows if np.array_equal(window[i], shifted[i])} for i in range(300)]
    assert all(len(offsets) == 1 for offsets in found)
    assert len(set.union(*found)) == 9


@pytest.mark.parametrize("side", [1, 4, 5])
def test_cutout_blanks_one_square_of_that_side_and_nothing_else(side: int) -> None:
    images = pixels(300)
    cut = augmented(images, TrainingConfig(cutout=side))
    blank = (cut == 0).numpy()
    assert torch.equal(cut[~blank], images[~blank])
    rows, columns = blank.any(2).sum(1), blank.any(1).sum(1)
    assert np.array_equal(blank.sum((1, 2)), rows * columns)
    assert rows.max() == columns.max() == side


class Waits(TorchDispatchMode):
    """Counts how often a number is asked of a tensor: an accelerator must then have done all that was asked of it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_no_step_of_a_training_waits_for_the_one_before(optimizer: Optimizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)  # nothing is due to be reported
    waits = []
    for batch in (200, 16):
        settings = dataclasses.replace(
            QUICK, batch_size=batch, optimizer=optimizer, learning_rate=1e-3, skip=0.25, cutout=4
        )
        with Waits() as mode:
            train(config("convnet", settings), DATA)
        waits.append(mode.count)
    few, many = waits
    assert few == many
