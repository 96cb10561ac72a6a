"""Filters go whole, the smallest first, and what is left is the network that it should be."""

import numpy as np
import pytest
import torch
from torch.nn.utils import prune as oracle

from core.config import Design
from core.engine.inference import Classifier
from core.engine.models import build, get_weights
from core.errors import PruningError
from core.networks import NETWORKS
from core.pruning import Weights
from core.pruning.filters import by_norm, take, working
from tests import tiny

IMAGES = tiny.stripes(50, 3).images
each_network = pytest.mark.parametrize("network", NETWORKS)


def drawn(network: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights with statistics and biases such as a trained network has."""
    chance = np.random.default_rng(seed)
    weights = get_weights(build(Design(network), seed))
    for name, array in weights.items():
        if array.ndim == 1:
            array += chance.normal(0, 0.3, array.shape).astype(np.float32)
            if name.endswith("running_var"):
                np.abs(array, out=array)
    return weights


def silenced(weights: Weights, network: str, kept: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The whole network, in which nothing reads the filters that are to go: it answers as if they were not there."""
    silent = {name: array.copy() for name, array in weights.items()}
    for joint in NETWORKS[network].joints:
        reader = silent[joint.reader]
        rows = reader.reshape(len(reader), joint.regions, len(kept[joint.kernel]), -1)
        rows[:, :, ~kept[joint.kernel]] = 0
    return silent


@each_network
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9])
def test_the_smaller_network_answers_as_the_whole_one_in_which_nothing_reads_those_filters(
    network: str, share: float
) -> None:
    weights, joints, design = drawn(network), NETWORKS[network].joints, Design(network)
    kept = by_norm(weights, joints, share)
    small = take(weights, joints, kept)
    expected = Classifier(design, IMAGES).infer(silenced(weights, network, kept))
    np.testing.assert_allclose(Classifier(design, IMAGES).infer(small), expected, atol=1e-4)
    assert [*small] == [*weights]
    for joint in joints:
        filters = len(weights[joint.kernel])
        assert (
            len(small[joint.kernel]) == kept[joint.kernel].sum() == filters - min(round(share * filters), filters - 1)
        )
    if not share:
        assert all(np.array_equal(small[name], weights[name]) for name in weights)


@each_network
@pytest.mark.parametrize("share", [0.1, 0.5, 0.77])
def test_torch_prunes_the_same_filters(network: str, share: float) -> None:
    weights = drawn(network)
    for joint in NETWORKS[network].joints:
        kernel = torch.tensor(weights[joint.kernel])
        mask = oracle.LnStructured(round(share * len(kernel)), n=1, dim=0).compute_mask(kernel, torch.ones_like(kernel))
        found = by_norm(weights, [joint], share)[joint.kernel]
        np.testing.assert_array_equal(found, mask.reshape(len(kernel), -1).any(dim=1).numpy())


def test_the_last_filter_stays_and_ties_go_by_position() -> None:
    weights, joints = drawn("lenet"), NETWORKS["lenet"].joints
    assert all(mask.sum() == 1 for mask in by_norm(weights, joints, 1.0).values())
    weights["conv1.conv.weight"][:] = 1
    np.testing.assert_array_equal(by_norm(weights, joints, 0.5)["conv1.conv.weight"], [False] * 3 + [True] * 3)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_no_fraction_is_refused(share: float) -> None:
    with pytest.raises(PruningError, match="fraction from 0 to 1"):
        by_norm(drawn("lenet"), NETWORKS["lenet"].joints, share)


def test_what_a_residual_stream_adds_up_stays_whole() -> None:
    whole = {"conv2.conv.weight", "conv3.conv.weight", *(f"block{i}.conv2.conv.weight" for i in (1, 2, 3))}
    assert whole.isdisjoint(joint.kernel for joint in NETWORKS["resnet"].joints)


@each_network
def test_every_joint_reads_the_whole_of_its_kernel(network: str) -> None:
    weights = drawn(network)
    for joint in NETWORKS[network].joints:
        inputs = weights[joint.reader].shape[1]
        assert inputs % (joint.regions * len(weights[joint.kernel])) == 0


@each_network
def test_filters_without_a_part_in_any_answer_go_and_no_answer_changes(network: str) -> None:
    weights, design, joints = drawn(network), Design(network), NETWORKS[network].joints
    chance = np.random.default_rng(1)
    for joint in joints:
        weights[joint.kernel][chance.random(len(weights[joint.kernel])) < 0.5] = 0
    kept = working(weights, joints)
    small = take(weights, joints, kept)
    before, after = (Classifier(design, IMAGES).infer(w) for w in (weights, small))
    np.testing.assert_allclose(after, before, atol=1e-4)
    gone = sum(int((~mask).sum()) for mask in kept.values())
    dead = sum(int((~weights[j.kernel].reshape(len(weights[j.kernel]), -1).any(axis=1)).sum()) for j in joints)
    assert 0 < gone <= dead  # those whose normalisation answers something stay


def test_a_filter_that_nothing_reads_goes_and_takes_along_what_only_it_read() -> None:
    weights, joints = drawn("lenet"), NETWORKS["lenet"].joints
    weights["fc2.weight"][:, 7] = 0  # nothing reads neuron 7 of fc1
    places = weights["fc1.weight"].reshape(120, 16, -1)
    places[np.arange(120) != 7, 3] = 0  # which alone reads filter 3 of conv2
    kept = working(weights, joints)
    assert not kept["fc1.weight"][7] and kept["fc1.weight"].sum() == 119
    assert not kept["conv2.conv.weight"][3] and kept["conv2.conv.weight"].sum() == 15


def test_a_dense_network_keeps_every_filter() -> None:
    weights = drawn("convnet-small")
    assert all(mask.all() for mask in working(weights, NETWORKS["convnet-small"].joints).values())
