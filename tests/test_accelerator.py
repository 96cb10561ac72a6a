"""On an accelerator everything is where the network is.

None is at hand here, so torch's fake tensors stand for its memory: they have no numbers, but an operation on two of
them refuses if they are not in one place.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from core.config import Compression, DataConfig, Design, RunConfig
from core.data import Dataset, Split
from core.engine import inference, machine, optimizers
from core.engine.inference import Classifier
from core.engine.models import build, get_weights
from core.engine.training import train
from core.networks import NETWORKS

IMAGES = np.random.default_rng(0).integers(256, size=(300, 28, 28), dtype=np.uint8)
WEIGHTS = {network: get_weights(build(Design(network), 0)) for network in NETWORKS}
each_network = pytest.mark.parametrize("network", NETWORKS)


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """A place other than the CPU's memory."""
    place = torch.device("meta")
    monkeypatch.setattr(machine, "device", lambda: place)
    monkeypatch.setattr(torch, "autocast", lambda *given, **options: nullcontext())  # it knows real devices only
    monkeypatch.setattr(nn.Module, "to", moved)
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield place


def moved(module: nn.Module, where: torch.device | torch.dtype | None = None, memory_format: Any = None) -> nn.Module:
    """What `Module.to` does; torch's own swaps tensors in a way that fake ones refuse."""
    for inner in module.modules():
        for name, parameter in inner.named_parameters(recurse=False):
            there = parameter.detach().to(where or parameter.device)
            if memory_format and there.ndim == 4:
                there = there.contiguous(memory_format=memory_format)
            inner.register_parameter(name, nn.Parameter(there, parameter.requires_grad))
        for name, buffer in [*inner.named_buffers(recurse=False)]:
            setattr(inner, name, buffer.to(where or buffer.device))
    return module


@each_network
def test_a_network_and_its_images_are_in_one_place(network: str, accelerator: torch.device) -> None:
    logits = Classifier(Design(network), IMAGES)._logits(WEIGHTS[network], lambda: None, 2)
    assert logits.device == accelerator and logits.shape == (300, 10) and logits.dtype == torch.float32


@each_network
@pytest.mark.parametrize("compression", [Compression(), Compression(sparsity=0.9, begin=0.0), Compression(bits=4)])
def test_a_training_has_all_it_needs_in_one_place(
    network: str, compression: Compression, accelerator: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = NETWORKS[network].recipes["quick"]
    settings = replace(recipe, shift=1, cutout=8, optimizer="muon", batch_size=50, compression=compression)
    images = Split(IMAGES, np.arange(300) % 10)
    data = Dataset(images, images, tuple("abcdefghij"))
    plain = lambda groups, settings: torch.optim.AdamW(groups, foreach=False)  # noqa: E731
    monkeypatch.setattr(optimizers, "_adamw", plain)  # the fused one knows real devices only
    with pytest.raises(DataDependentOutputException):  # the loss of the first step is looked at after the step
        train(RunConfig(network=network, training=settings, data=DataConfig(validation=100)), data)


def test_large_batches_answer_as_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = WEIGHTS["convnet-small"]
    small = Classifier(Design("convnet-small"), IMAGES).infer(weights)
    monkeypatch.setattr(inference, "_batch_size", lambda *given: inference.LARGE_BATCH)
    large = Classifier(Design("convnet-small"), IMAGES).infer(weights)
    np.testing.assert_allclose(large, small, rtol=1e-4, atol=1e-4)


def test_float32_is_not_shortened_where_results_are_to_be_reproducible() -> None:
    backends: Any = torch.backends
    kinds = backends.cudnn.conv, backends.cuda.matmul
    before = [kind.fp32_precision for kind in kinds]
    with machine.reproducible():
        assert [kind.fp32_precision for kind in kinds] == ["ieee", "ieee"]
    assert [kind.fp32_precision for kind in kinds] == before
