"""Every network is what its registry entry says, and can be folded by generic code."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from core.engine.models import (
    BUILDERS,
    PIXEL_MEAN,
    PIXEL_STD,
    Conv,
    RegionMeans,
    build,
    get_weights,
    normalise,
    set_weights,
)
from core.errors import ConfigError
from core.recipes import NETWORKS

each_network = pytest.mark.parametrize("network", NETWORKS)


def test_registry_and_builders_name_the_same_networks() -> None:
    assert BUILDERS.keys() == NETWORKS.keys()


@each_network
def test_the_registry_counts_are_the_networks_own(network: str) -> None:
    model = build(network, 0)
    kernels = [p for name, p in model.named_parameters() if name.endswith(".weight") and p.ndim >= 2]
    assert sum(p.numel() for p in kernels) == NETWORKS[network].weights
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == NETWORKS[network].parameters


@each_network
def test_the_registry_names_the_kernels_and_how_often_each_weight_is_used(network: str) -> None:
    model, used = build(network, 0).train(), {}  # in training a mirrored network takes one pass
    names = {module: f"{name}.weight" for name, module in model.named_modules()}

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        used[names[module]] = output[0, 0].numel() if output.ndim == 4 else 1

    for module in names:
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    model(torch.zeros(2, 1, 28, 28))
    assert list(NETWORKS[network].layers.items()) == list(used.items())


@each_network
def test_every_batch_norm_belongs_to_a_convolution(network: str) -> None:
    modules = list(build(network, 0).modules())
    norms = [m for m in modules if isinstance(m, nn.BatchNorm2d)]
    assert norms == [m.norm for m in modules if isinstance(m, Conv) and m.norm is not None]


@each_network
def test_images_become_ten_logits_each(network: str) -> None:
    images = normalise(torch.zeros(3, 28, 28, dtype=torch.uint8))
    assert build(network, 0).eval()(images).shape == (3, 10)


@each_network
def test_the_seed_alone_decides_the_first_weights(network: str) -> None:
    first = get_weights(build(network, 7))
    torch.manual_seed(99)
    again, other = get_weights(build(network, 7)), get_weights(build(network, 8))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_building_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    build("lenet", 1)
    assert torch.equal(before, torch.get_rng_state())


@each_network
def test_weights_survive_the_round_trip_as_float32_in_state_dict_order(network: str) -> None:
    source, target = build(network, 1), build(network, 2)
    weights = get_weights(source)
    set_weights(target, weights)
    assert list(weights) == [name for name in source.state_dict() if not name.endswith("num_batches_tracked")]
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}
    assert all(np.array_equal(weights[name], value) for name, value in get_weights(target).items())


def test_an_unknown_network_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="no network 'resnet'; choose one of"):
        build("resnet", 0)


def test_normalised_pixels_follow_the_documented_mean_and_deviation() -> None:
    images = np.random.default_rng(0).integers(256, size=(2, 28, 28), dtype=np.uint8)
    expected = (images / 255 - PIXEL_MEAN) / PIXEL_STD
    np.testing.assert_allclose(normalise(torch.as_tensor(images))[:, 0], expected, rtol=1e-5, atol=1e-6)


def test_region_means_are_average_pooling_region_after_region() -> None:
    images = torch.rand(5, 6, 7, 7, generator=torch.Generator().manual_seed(0))
    pooled = nn.functional.avg_pool2d(images, 3, 2).permute(0, 2, 3, 1).flatten(1)
    torch.testing.assert_close(RegionMeans()(images), pooled)
    torch.testing.assert_close(RegionMeans()(images.contiguous(memory_format=torch.channels_last)), pooled)


def test_threads_that_build_at_the_same_time_do_not_take_each_others_chance() -> None:
    alone = [get_weights(build("convnet", seed)) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            together = pool.map(lambda seed: get_weights(build("convnet", seed)), range(8))
            for one, other in zip(alone, together, strict=True):
                assert all(np.array_equal(one[name], other[name]) for name in one)
