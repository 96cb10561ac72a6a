"""What criteria need besides weights: gradients say what a step does to the loss, the others read no label."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.config import Design
from core.data import Split
from core.engine.inference import Classifier
from core.engine.models import build, get_weights, normalise
from core.engine.statistics import COMPUTED, Values, gradients, inputs, removals
from core.errors import JobCancelled
from core.evaluation.parts import log_softmax
from core.pruning import PruningConfig, Weights, kernels, rank
from tests.tiny import stripes

IMAGES = stripes(300, 5)
NETWORKS = ("lenet", "convnet-small")


def loss(network: str, weights: Weights) -> float:
    log_p = log_softmax(Classifier(Design(network), IMAGES.images).infer(weights))
    return float(-log_p[np.arange(len(IMAGES)), IMAGES.labels].mean())


@pytest.mark.parametrize(
    "network", [pytest.param(name, marks=() if name == "lenet" else pytest.mark.slow) for name in NETWORKS]
)
def test_a_small_step_along_it_changes_the_loss_by_as_much_as_it_says(network: str) -> None:
    weights = get_weights(build(Design(network), 1))
    slopes = gradients(Design(network), weights, IMAGES)
    assert {name: g.shape for name, g in slopes.items()} == {n: w.shape for n, w in kernels(weights).items()}
    for name, slope in slopes.items():
        step = slope * np.float32(1e-3 / np.abs(slope).max())
        before, after = (loss(network, {**weights, name: weights[name] + sign * step}) for sign in (-1, 1))
        expected = 2 * float((slope.astype(np.float64) * step).sum())
        assert after - before == pytest.approx(expected, rel=0.05, abs=1e-6)


def test_it_is_the_mean_over_the_images_however_they_are_batched() -> None:
    weights = get_weights(build(Design("lenet"), 1))
    whole = gradients(Design("lenet"), weights, IMAGES)
    parts = [
        gradients(Design("lenet"), weights, Split(IMAGES.images[part], IMAGES.labels[part]))
        for part in (slice(0, 100), slice(100, None))
    ]
    for name, slope in whole.items():
        np.testing.assert_allclose(slope, parts[0][name] / 3 + 2 * parts[1][name] / 3, atol=1e-6)


def test_it_can_be_stopped_between_two_batches() -> None:
    def stop() -> None:
        raise JobCancelled("asked to")

    with pytest.raises(JobCancelled):
        gradients(Design("lenet"), get_weights(build(Design("lenet"), 1)), IMAGES, check=stop)


def test_the_size_of_the_inputs_is_their_root_mean_square_over_images_and_places() -> None:
    weights = get_weights(build(Design("lenet"), 1))
    found = inputs(Design("lenet", mirrored=False), weights, IMAGES)
    assert {name: size.shape for name, size in found.items()} == {n: w.shape for n, w in kernels(weights).items()}
    x = normalise(torch.tensor(IMAGES.images))
    read = F.unfold(x, 5).double()  # (n, 25, places)
    expected = read.square().mean((0, 2)).sqrt().reshape(1, 5, 5)
    for filter_ in found["conv1.conv.weight"]:
        np.testing.assert_allclose(filter_, expected, rtol=1e-5)
    model = build(Design("lenet", mirrored=False), 1).eval()
    fc2 = model.get_submodule("fc2")
    seen: list[torch.Tensor] = []
    fc2.register_forward_hook(lambda layer, given, output: seen.append(given[0].detach()))
    model(x)
    expected = torch.cat(seen).double().square().mean(0).sqrt()
    np.testing.assert_allclose(found["fc2.weight"][3], expected, rtol=1e-5)


@pytest.mark.parametrize("statistic", [inputs, removals])
def test_statistics_of_what_layers_read_need_no_label(statistic: Callable[..., Values]) -> None:
    weights = get_weights(build(Design("lenet"), 1))
    other = Split(IMAGES.images, IMAGES.labels[::-1].copy())
    found = [statistic(Design("lenet"), weights, images, threads=1) for images in (IMAGES, other)]
    assert all(np.array_equal(found[0][name], found[1][name]) for name in kernels(weights))


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize("criterion", ["taylor", "wanda", "obs"])
def test_each_statistic_makes_a_ranking_of_every_kind_of_network(criterion: str) -> None:
    for network in ("lenet", "convnet-small"):
        weights = get_weights(build(Design(network), 1))
        pruning = PruningConfig(criterion=criterion)
        assert pruning.ranks_by.needs is not None
        statistic = COMPUTED[pruning.ranks_by.needs](
            Design(network), weights, Split(IMAGES.images[:100], IMAGES.labels[:100])
        )
        ranking = rank(weights, pruning, statistic)
        assert sorted(ranking.order) == [*range(ranking.total)]


def test_obs_takes_the_weights_of_each_layer_in_the_order_of_removal_and_as_many_as_lamp() -> None:
    weights = get_weights(build(Design("lenet"), 1))
    order = removals(Design("lenet"), weights, IMAGES)
    ranking = rank(weights, PruningConfig(criterion="obs"), order)
    lamp = rank(weights, PruningConfig(criterion="lamp"))
    for sparsity in (0.3, 0.9, 0.99):
        assert ranking.layer_counts(sparsity) == lamp.layer_counts(sparsity)
    for name, places in ranking.orders().items():
        moved = np.abs(order[name].ravel()[places] - np.arange(places.size))
        assert moved.max() <= 1 and moved.mean() < 1e-3  # two of LAMP's scores may be equal; then position decides
