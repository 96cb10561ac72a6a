"""Every network is what its registry entry says, and can be folded by generic code."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from core.config import Design, Problem
from core.engine.models import Conv, RegionMeans, build, get_weights, normalise, set_weights
from core.errors import ConfigError
from core.networks import NETWORKS, PIXEL_MEAN, PIXEL_STD, Kernel

each_network = pytest.mark.parametrize("network", NETWORKS)


def test_registry_and_builders_name_the_same_networks() -> None:
    """What is registered is built, in the order of its layers."""
    for name, network in NETWORKS.items():
        names = [n for n, p in build(Design(name), 0).named_parameters() if p.ndim >= 2]
        assert names == [*network.kernels(Problem())]


@each_network
def test_the_registry_counts_are_the_networks_own(network: str) -> None:
    model = build(Design(network), 0)
    kernels = [p for name, p in model.named_parameters() if name.endswith(".weight") and p.ndim >= 2]
    assert sum(p.numel() for p in kernels) == NETWORKS[network].weights(Problem())


def test_the_small_network_has_fewer_than_100_000_parameters_in_all() -> None:
    model = build(Design("convnet-small"), 0)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) < 100_000


@pytest.mark.parametrize("problem", [Problem(), Problem(32, 3, 10), Problem(28, 1, 47), Problem(32, 1, 2)])
@each_network
def test_the_registry_names_the_kernels_and_how_often_each_weight_is_used(network: str, problem: Problem) -> None:
    model, used = build(Design(network, problem), 0).train(), {}  # in training a mirrored network takes one pass
    names = {module: f"{name}.weight" for name, module in model.named_modules()}
    sizes = {name: p.numel() for name, p in model.named_parameters()}

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        name = names[module]
        used[name] = Kernel(sizes[name], output[0, 0].numel() if output.ndim == 4 else 1)

    for module in names:
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    answer = model(torch.zeros(2, problem.channels, problem.side, problem.side))
    assert answer.shape == (2, problem.classes)
    assert list(NETWORKS[network].kernels(problem).items()) == list(used.items())


@each_network
def test_every_batch_norm_belongs_to_a_convolution(network: str) -> None:
    modules = list(build(Design(network), 0).modules())
    norms = [m for m in modules if isinstance(m, nn.BatchNorm2d)]
    assert norms == [m.norm for m in modules if isinstance(m, Conv) and m.norm is not None]


@each_network
def test_images_become_ten_logits_each(network: str) -> None:
    images = normalise(torch.zeros(3, 28, 28, dtype=torch.uint8))
    assert build(Design(network), 0).eval()(images).shape == (3, 10)


@each_network
def test_the_seed_alone_decides_the_first_weights(network: str) -> None:
    first = get_weights(build(Design(network), 7))
    torch.manual_seed(99)
    again, other = get_weights(build(Design(network), 7)), get_weights(build(Design(network), 8))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_building_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    build(Design("lenet"), 1)
    assert torch.equal(before, torch.get_rng_state())


@each_network
def test_weights_survive_the_round_trip_as_float32_in_state_dict_order(network: str) -> None:
    source, target = build(Design(network), 1), build(Design(network), 2)
    weights = get_weights(source)
    set_weights(target, weights)
    assert list(weights) == [name for name in source.state_dict() if not name.endswith("num_batches_tracked")]
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}
    assert all(np.array_equal(weights[name], value) for name, value in get_weights(target).items())


def test_an_unknown_network_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="no network 'perceptron'; choose one of"):
        build(Design("perceptron"), 0)


def test_normalised_pixels_follow_the_documented_mean_and_deviation() -> None:
    images = np.random.default_rng(0).integers(256, size=(2, 28, 28), dtype=np.uint8)
    expected = (images / 255 - PIXEL_MEAN) / PIXEL_STD
    np.testing.assert_allclose(normalise(torch.as_tensor(images))[:, 0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("side", [7, 8])
def test_region_means_are_average_pooling_region_after_region(side: int) -> None:
    images = torch.rand(5, 6, side, side, generator=torch.Generator().manual_seed(0))
    pooled = nn.functional.avg_pool2d(images, side - 4, 2).permute(0, 2, 3, 1).flatten(1)
    torch.testing.assert_close(RegionMeans(side)(images), pooled)
    torch.testing.assert_close(RegionMeans(side)(images.contiguous(memory_format=torch.channels_last)), pooled)


@each_network
def test_every_gradient_has_channels_last_in_memory_as_what_it_meets(network: str) -> None:
    """Else what goes through both element by element walks in the order of one and jumps in the other."""
    model, outputs = build(Design(network), 0).train().to(memory_format=torch.channels_last), list[torch.Tensor]()
    for module in model.modules():
        if isinstance(module, Conv):
            module.register_forward_hook(lambda module, given, output: outputs.append(output))
    images = torch.randint(256, (3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    logits, gradients = model(normalise(images)), list[torch.Tensor]()
    for output in outputs:
        output.register_hook(gradients.append)
    logits.sum().backward()
    assert len(gradients) == len(outputs)
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in (*outputs, *gradients))


def test_a_residual_block_adds_what_its_layers_make_to_its_input() -> None:
    block = dict(build(Design("resnet"), 0).eval().named_modules())["block1"]
    x = torch.rand(2, 64, 14, 14, generator=torch.Generator().manual_seed(0))
    first, second = block.children()
    torch.testing.assert_close(block(x), x + second(first(x)))


@pytest.mark.parametrize("network", ["convnet", "resnet"])
def test_a_network_trained_without_flips_answers_without_the_mirror_image(network: str) -> None:
    plain, both = (build(Design(network, mirrored=mirrored), 0).eval() for mirrored in (False, True))
    x = normalise(torch.randint(256, (3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(both(x), (plain(x) + plain(x.flip(3))) / 2)
    assert not torch.equal(both(x), plain(x))


def test_threads_that_build_at_the_same_time_do_not_take_each_others_chance() -> None:
    alone = [get_weights(build(Design("convnet"), seed)) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            together = pool.map(lambda seed: get_weights(build(Design("convnet"), seed)), range(8))
            for one, other in zip(alone, together, strict=True):
                assert all(np.array_equal(one[name], other[name]) for name in one)
