"""The classifier answers as the network itself does, image by image, whatever the batch."""

import threading

import numpy as np
import pytest
import torch

from core.config import Design, Problem
from core.engine import inference, machine
from core.engine.inference import Classifier, Viewer
from core.engine.machine import reproducible
from core.engine.models import build, get_weights, normalise, set_weights
from core.errors import JobCancelled
from core.networks import NETWORKS
from tests.patience import PATIENCE

each_network = pytest.mark.parametrize(
    "network", [pytest.param(name, marks=[pytest.mark.slow] if name == "resnet" else []) for name in NETWORKS]
)
IMAGES = np.random.default_rng(0).integers(256, size=(150, 28, 28), dtype=np.uint8)


def weights_of(network: str) -> dict[str, np.ndarray]:
    """Weights as after some training: the batch-norm statistics are far from their start."""
    rng = np.random.default_rng(1)
    weights = get_weights(build(Design(network), 0))
    for name, value in weights.items():
        if name.endswith(("running_mean", "norm.bias")):
            value += rng.normal(size=value.shape)
        if name.endswith("running_var"):
            value *= rng.uniform(0.2, 3, value.shape)
    return weights


def plain_logits(network: str, weights: dict[str, np.ndarray]) -> np.ndarray:
    model = build(Design(network), 5).eval()
    set_weights(model, weights)
    with torch.no_grad():
        logits: np.ndarray = model(normalise(torch.as_tensor(IMAGES))).numpy()
    return logits


@pytest.fixture(params=[True, False])
def fuses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With oneDNN's one kernel for convolution, bias and ReLU, where it is there, and without."""
    monkeypatch.setattr(inference, "_FUSES", request.param and inference._FUSES)


@each_network
@pytest.mark.usefixtures("fuses")
def test_the_folded_network_answers_as_the_plain_one(network: str) -> None:
    weights = weights_of(network)
    logits = Classifier(Design(network), IMAGES).infer(weights)
    assert logits.shape == (150, 10) and logits.dtype == np.float32
    np.testing.assert_allclose(logits, plain_logits(network, weights), rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor has no bfloat16")
@each_network
@pytest.mark.usefixtures("fuses")
def test_in_bfloat16_it_answers_the_same_up_to_its_rounding(network: str) -> None:
    weights = weights_of(network)
    whole, short = (
        Classifier(Design(network), IMAGES, kind).infer(weights) for kind in (torch.float32, torch.bfloat16)
    )
    assert short.dtype == np.float32 and not np.array_equal(short, whole)
    assert np.abs(short - whole).max() < 0.05 * np.ptp(whole)  # its step is 0.4 to 0.8 % of a number


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no accelerator promises."""
    monkeypatch.setattr(machine, "device", lambda: torch.device("cpu"))


@pytest.mark.usefixtures("cpu")
@each_network
def test_the_logits_of_an_image_do_not_depend_on_its_neighbours(network: str) -> None:
    weights, order = weights_of(network), np.random.default_rng(2).permutation(150)
    logits = Classifier(Design(network), IMAGES).infer(weights)
    assert np.array_equal(Classifier(Design(network), IMAGES[order]).infer(weights), logits[order])
    assert np.array_equal(Classifier(Design(network), IMAGES[:3]).infer(weights), logits[:3])


@pytest.mark.usefixtures("cpu")
@each_network
def test_the_logits_do_not_depend_on_the_number_of_threads(network: str) -> None:
    weights, order = weights_of(network), np.random.default_rng(3).permutation(150)
    logits = Classifier(Design(network), IMAGES).infer(weights, threads=1)
    for threads in (2, 3, 16):
        assert np.array_equal(Classifier(Design(network), IMAGES).infer(weights, threads=threads), logits)
        assert np.array_equal(Classifier(Design(network), IMAGES[order]).infer(weights, threads=threads), logits[order])


def test_a_batch_holds_as_many_images_as_a_cache_has_room_for() -> None:
    """The fewer, the larger the feature maps; on 10,000 images no batch is padded."""
    images = {network: inference._batch_size(Design(network), torch.float32) for network in NETWORKS}
    assert images["resnet"] <= images["convnet"] < images["convnet-small"] < images["convnet-mini"] < images["lenet"]
    assert all(10_000 % size == 0 for size in images.values())
    coloured = inference._batch_size(Design("convnet", Problem(side=64, channels=3)), torch.float32)
    assert coloured == images["convnet"]  # never so few that the convolutions become slower
    short = inference._batch_size(Design("convnet-small"), torch.bfloat16)
    assert images["convnet-small"] < short < 2.1 * images["convnet-small"]


@each_network
def test_inference_repeats_itself_and_changes_no_weight(network: str) -> None:
    weights, judge = weights_of(network), Classifier(Design(network), IMAGES)
    before = {name: value.copy() for name, value in weights.items()}
    first = judge.infer(weights)
    judge.infer(get_weights(build(Design(network), 9)))
    assert np.array_equal(judge.infer(weights), first)
    assert all(np.array_equal(before[name], value) for name, value in weights.items())


def test_read_only_weights_are_accepted() -> None:
    weights = weights_of("lenet")
    for value in weights.values():
        value.flags.writeable = False
    Classifier(Design("lenet"), IMAGES).infer(weights)


def test_a_network_pruned_to_its_biases_gives_every_image_the_same_answer() -> None:
    weights = {name: value * (value.ndim < 2) for name, value in weights_of("convnet").items()}
    assert np.ptp(Classifier(Design("convnet"), IMAGES).infer(weights), axis=0).max() == 0


def test_it_can_be_stopped_before_any_batch() -> None:
    calls: list[None] = []

    def on_batch() -> None:
        calls.append(None)
        if len(calls) == 2:
            raise JobCancelled("Stopped.")

    with pytest.raises(JobCancelled):
        Classifier(Design("lenet"), IMAGES).infer(weights_of("lenet"), on_batch=on_batch)
    assert len(calls) == 2


@each_network
def test_a_look_at_one_image_is_what_the_classifier_says_of_it(network: str) -> None:
    weights = weights_of(network)
    logits = Classifier(Design(network), IMAGES).infer(weights)
    for image in (0, 149):
        seen, maps = Viewer(Design(network), IMAGES[image]).look(weights)
        np.testing.assert_allclose(seen, logits[image], rtol=1e-4, atol=1e-4)
        model = build(Design(network), 5).eval()
        set_weights(model, weights)
        with torch.no_grad():
            first = model.get_submodule("conv1")(normalise(torch.as_tensor(IMAGES[image : image + 1])))[0]
        np.testing.assert_allclose(maps, first.numpy(), rtol=1e-5, atol=1e-5)
        assert (maps >= 0).all() and maps.any()


def test_a_viewer_may_look_with_other_weights() -> None:
    weights, viewer = weights_of("lenet"), Viewer(Design("lenet"), IMAGES[0])
    first = viewer.look(weights)
    viewer.look({name: np.zeros_like(value) for name, value in weights.items()})
    assert all(np.array_equal(a, b) for a, b in zip(first, viewer.look(weights), strict=True))


def test_threads_that_compute_at_once_are_reproducible_until_the_last_is_done() -> None:
    inside, go_on, seen = threading.Event(), threading.Event(), list[bool]()

    def longer() -> None:
        with reproducible():
            inside.set()
            go_on.wait(PATIENCE)
            seen.append(torch.are_deterministic_algorithms_enabled())

    assert not torch.are_deterministic_algorithms_enabled()
    thread = threading.Thread(target=longer)
    with reproducible(threads=1):
        thread.start()
        inside.wait(PATIENCE)
    go_on.set()
    thread.join()
    assert seen == [True] and not torch.are_deterministic_algorithms_enabled()
