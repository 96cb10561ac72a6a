"""The gradient predicts what a small step does to the loss, and no matter how the images are batched."""

import numpy as np
import pytest

from core.config import Design
from core.data import Split
from core.engine.gradients import gradients
from core.engine.inference import Classifier
from core.engine.models import build, get_weights
from core.errors import JobCancelled
from core.evaluation.profile import log_softmax
from core.pruning import Weights, kernels
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
        gradients(Design("lenet"), get_weights(build(Design("lenet"), 1)), IMAGES, on_batch=stop)
