"""Repair of a graph, and what criteria read of it: against torch's own layers and `numpy.linalg.lstsq`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import ModelProto, NodeProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

from core.data.pool import of_array
from core.engine.own.graph import Graph, parsed
from core.engine.own.inside import fitted_layers
from core.engine.own.repair import Repairer
from core.engine.own.runtime import Runner, Sample
from core.engine.own.statistic import statistic
from core.errors import PruningError
from core.own.reading import Reading
from core.pruning import GRADIENTS, INPUTS, REMOVAL, PruningConfig, prune, rank
from tests.graphs import CLASSES, FILTERS, SIDE, Digits, constant, digits, exported, head, model, small, trained

READING = Reading("NCHW", (SIDE, SIDE), 1)
REFIT, BATCH_NORM = (PruningConfig(repair=name, sample=100) for name in ("refit", "batch-norm"))


def sample(n: int = 300) -> Sample:
    return Sample(tuple(digits()[0][:n, ..., None]), READING)


def read(proto: ModelProto) -> Graph:
    return parsed(proto.SerializeToString())


def brought(network: nn.Module, *, kept: bool) -> Graph:
    """A network as torch exports it, with batch normalisation or with it merged into the convolutions."""
    return parsed(exported(network, kept=kept))


def answers(graph: Graph, constants: dict[str, np.ndarray], of: Sample) -> np.ndarray:
    runner = Runner(graph.rewritten(constants), graph.input, [graph.model.graph.output[0].name])
    return np.concatenate([runner.run(batch)[0] for batch in of])


def conv(node: NodeProto, weight: Any, channels: int) -> Graph:
    nodes, constants = head(channels)
    return read(model([node, *nodes], [weight, *constants]))


CONVOLUTIONS: list[dict[str, Any]] = [
    {"pads": [1, 1, 1, 1]},
    {"pads": [2, 0, 1, 3], "strides": [2, 1]},
    {"dilations": [2, 2], "pads": [2, 2, 2, 2]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 3]},
    {"auto_pad": "VALID"},
    {},
]


@pytest.mark.parametrize("attributes", CONVOLUTIONS, ids=str)
def test_what_a_convolution_reads_is_what_it_makes_its_output_of(attributes: dict[str, Any]) -> None:
    graph = conv(helper.make_node("Conv", ["x", "w"], ["a"], **attributes), constant("w", 4, 1, 3, 3), 4)
    use = fitted_layers(graph)["w.weight"].uses[0]
    images = next(iter(sample(8)))
    made = Runner(graph.model, graph.input, ["a"]).run(images)[0]
    ours = F.conv2d(use.inputs(images), use.torch.weight, stride=use.torch.stride, dilation=use.torch.dilation)  # type: ignore[arg-type]
    assert ours.shape == made.shape
    assert np.allclose(ours.numpy(), made, atol=1e-4)


@pytest.mark.parametrize("attributes", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_a_refitted_convolution_is_the_least_squares_solution(attributes: dict[str, Any], bias: bool) -> None:
    """With every place of every image drawn, it is that of all rows; only the first layer is pruned."""
    inputs = ["x", "w", "b"] if bias else ["x", "w"]
    nodes, constants = head()
    graph = read(model([helper.make_node("Conv", inputs, ["a"], **attributes), *nodes],
                       [constant("w", 4, 1, 3, 3), *([constant("b", 4)] if bias else []), *constants]))  # fmt: skip
    masks = {name: np.ones(w.shape, bool) for name, w in graph.weights.items()}
    masks["w.weight"] = np.random.default_rng(1).random((4, 1, 3, 3)) < 0.5
    pruned = {name: np.where(masks[name], w, np.float32(0)) for name, w in graph.weights.items()}
    images = sample(60)
    found = Repairer(graph, images, REFIT).repaired(pruned, masks)
    use = fitted_layers(graph)["w.weight"].uses[0]
    x = torch.cat([use.inputs(batch) for batch in images])
    y = F.conv2d(x, torch.tensor(graph.array("w")), None, use.torch.stride, 0, use.torch.dilation)  # type: ignore[arg-type]
    rows = F.unfold(x, 3, use.torch.dilation, 0, use.torch.stride).transpose(1, 2).reshape(-1, 9).double().numpy()  # type: ignore[arg-type]
    wanted = y.flatten(2).transpose(1, 2).reshape(-1, 4).double().numpy() + (graph.array("b") if bias else 0)
    for f in range(4):
        kept = masks["w.weight"][f].ravel()
        columns = np.column_stack([rows[:, kept], np.ones(len(rows))]) if bias else rows[:, kept]
        best = columns @ np.linalg.lstsq(columns, wanted[:, f], rcond=None)[0]
        ours = rows @ found["w"][f].ravel() + (found["b"][f] if bias else 0)
        assert np.abs(ours - best).max() < 2e-3 * max(1.0, np.abs(best).max())
    assert not found["w"][~masks["w.weight"]].view(np.uint32).any()


@pytest.mark.parametrize("kept", [True, False])
def test_a_repair_brings_answers_back_without_labels(kept: bool) -> None:
    graph, (images, labels) = brought(trained(), kept=kept), digits()
    test = Sample(tuple(images[1000:, ..., None]), READING)
    ranking = rank(graph.weights, REFIT)
    pruned, masks = prune(graph.weights, ranking, 0.7), ranking.masks(0.7)

    def right(constants: dict[str, np.ndarray]) -> float:
        return float((answers(graph, constants, test).argmax(1) == labels[1000:]).mean())

    dense, as_is = right({}), right(graph.stored(pruned))
    refitted = Repairer(graph, sample(), REFIT).repaired(pruned, masks)
    assert dense > 0.93
    assert right(refitted) > as_is + (dense - as_is) / 2
    for layer in graph.layers:
        turned = refitted[layer.constant].T if layer.swapped else refitted[layer.constant]
        assert not turned[~masks[layer.name]].view(np.uint32).any()
    assert len(graph.norms) == int(kept)
    if kept:
        measured = Repairer(graph, sample(), BATCH_NORM).repaired(pruned, masks)
        assert right(measured) >= as_is - 0.02
        assert all(np.array_equal(measured[name], value) for name, value in graph.stored(pruned).items())
        assert {*measured} - {*graph.stored(pruned)} == {*graph.nodes[graph.norms[0]].input[3:5]}


def test_batch_norm_is_measured_as_torch_does() -> None:
    network = trained()
    graph = brought(network, kept=True)
    ranking = rank(graph.weights, BATCH_NORM)
    pruned, masks = prune(graph.weights, ranking, 0.5), ranking.masks(0.5)
    found = Repairer(graph, sample(), BATCH_NORM).repaired(pruned, masks)
    weight = torch.tensor(pruned[graph.layers[0].name])
    x = F.conv2d(torch.tensor(np.concatenate([*sample()])), weight, padding=1)
    mean, variance = (found[name] for name in graph.nodes[graph.norms[0]].input[3:5])
    assert np.allclose(mean, x.mean((0, 2, 3)), atol=1e-5)
    assert np.allclose(variance, x.var((0, 2, 3)), rtol=1e-4)


def test_nothing_changes_where_nothing_is_pruned() -> None:
    graph = brought(trained(1), kept=True)
    masks = {name: np.ones(w.shape, bool) for name, w in graph.weights.items()}
    for pruning in (REFIT, BATCH_NORM):
        found = Repairer(graph, sample(), pruning).repaired(graph.weights, masks)
        assert {*found} == {*graph.stored(graph.weights)}
        assert all(np.array_equal(value, graph.array(name)) for name, value in found.items())


def test_tied_layers_are_fitted_together_and_what_comes_before_the_first_loss_stays() -> None:
    nodes, constants = head(1)
    twice = [
        helper.make_node("Conv", ["x", "first"], ["b"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["b", "k"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "k"], ["a"], pads=[1, 1, 1, 1]),
    ]
    graph = read(model([*twice, *nodes], [constant("first", 1, 1, 3, 3), constant("k", 1, 1, 3, 3), *constants]))
    masks = {name: np.ones(w.shape, bool) for name, w in graph.weights.items()}
    masks["k.weight"][..., 0] = False
    pruned = {name: np.where(masks[name], w, np.float32(0)) for name, w in graph.weights.items()}
    found = Repairer(graph, sample(), REFIT).repaired(pruned, masks)
    assert np.array_equal(found["first"], graph.array("first"))
    assert not found["k"][..., 0].any()
    dense, before, after = (answers(graph, c, sample()) for c in ({}, graph.stored(pruned), found))
    assert np.square(after - dense).mean() < np.square(before - dense).mean() / 2


def test_products_with_the_weights_on_either_side_are_fitted() -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["h"]),
        helper.make_node("Transpose", ["h"], ["t"]),
        helper.make_node("MatMul", ["left", "t"], ["u"]),
        helper.make_node("Transpose", ["u"], ["y"]),
    ]
    graph = read(model(nodes, [constant("w", SIDE**2, 30), constant("b", 30), constant("left", CLASSES, 30)]))
    assert [(layer.name, layer.bias) for layer in graph.layers] == [("w.weight", "b"), ("left.weight", None)]
    ranking = rank(graph.weights, REFIT)
    pruned, masks = prune(graph.weights, ranking, 0.5), ranking.masks(0.5)
    repairer = Repairer(graph, sample(), REFIT)
    found = repairer.repaired(pruned, masks)
    assert repairer.left == []
    dense, before, after = (answers(graph, c, sample()) for c in ({}, graph.stored(pruned), found))
    assert np.square(after - dense).mean() < np.square(before - dense).mean() / 4


@pytest.mark.parametrize("batch", [1, 8])
def test_a_fixed_batch_whose_values_do_not_have_the_images_first_is_repaired_alike(batch: int) -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Transpose", ["f"], ["t"]),
        helper.make_node("MatMul", ["left", "t"], ["u"]),
        helper.make_node("Transpose", ["u"], ["y"]),
    ]
    constants = [constant("left", CLASSES, SIDE**2)]
    masks = {"left.weight": np.random.default_rng(0).random((CLASSES, SIDE**2)) < 0.5}
    found = []
    for images in ("n", batch):
        graph = read(model(nodes, constants, shape=(images, 1, SIDE, SIDE)))
        some = Sample.of(of_array(*digits()).sample(304, 0), READING, graph.input.batch)
        pruned = {"left.weight": np.where(masks["left.weight"], graph.weights["left.weight"], np.float32(0))}
        assert len(some) == 304
        found.append(Repairer(graph, some, REFIT).repaired(pruned, masks)["left"])
    assert np.allclose(found[0], found[1], atol=1e-5)
    assert len(Sample.of(of_array(*digits()).sample(310, 0), READING, batch)) == 310 - 310 % batch


def test_what_cannot_be_fitted_is_named_and_stays_pruned() -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["h"], alpha=0.5),
        helper.make_node("Gemm", ["h", "v"], ["y"]),
    ]
    graph = read(model(nodes, [constant("w", SIDE**2, 20), constant("v", 20, CLASSES)]))
    repairer = Repairer(graph, sample(), REFIT)
    assert repairer.left == ["w.weight"]
    ranking = rank(graph.weights, REFIT)
    pruned, masks = prune(graph.weights, ranking, 0.5), ranking.masks(0.5)
    assert np.array_equal(repairer.repaired(pruned, masks)["w"], graph.stored(pruned)["w"])
    alone = read(model([nodes[0], helper.make_node("Gemm", ["f", "w"], ["y"], alpha=0.5)], [constant("w", 64, 10)]))
    with pytest.raises(PruningError, match="No layer of this graph can be fitted"):
        Repairer(alone, sample(), REFIT)
    with pytest.raises(PruningError, match="no batch normalisation to measure again"):
        Repairer(read(small()), sample(), BATCH_NORM)


def test_what_is_added_besides_the_bias_is_not_taken_for_the_product() -> None:
    """Two uses of one kernel with a bias each, and a Gemm that adds one number to all: what they make says little."""
    nodes, constants = head(1)
    twice = [
        helper.make_node("Conv", ["x", "k", "b1"], ["b"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["b", "k", "b2"], ["a"], pads=[1, 1, 1, 1]),
    ]
    nodes[2].input[2] = "one"
    graph = read(model([*twice, *nodes], [constant("k", 1, 1, 3, 3), constant("b1", 1), constant("b2", 1),
                                          constants[0], constant("one", 1)]))  # fmt: skip
    assert [layer.bias for layer in graph.layers] == [None, None]
    assert [part.fits for part in fitted_layers(graph).values()] == [False, False]
    with pytest.raises(PruningError, match="No layer of this graph can be fitted"):
        Repairer(graph, sample(), REFIT)
    assert {*statistic(graph, INPUTS, sample())} == {"k.weight", "fc.weight"}  # what they read is known all the same


def test_a_constant_is_free_only_if_batch_norm_alone_follows() -> None:
    """Where something else reads a convolution too, a shift would be seen there."""
    nodes, constants = head()
    parts = [constant("w", FILTERS, 1, 3, 3), *(constant(name, FILTERS) for name in ("scale", "shift", "mean"))]
    positive = numpy_helper.from_array(np.ones(FILTERS, np.float32), "variance")
    norm = helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["d"])
    first = helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1])
    alone = read(model([first, norm, helper.make_node("Relu", ["d"], ["a"]), *nodes], [*parts, positive, *constants]))
    both = read(
        model([first, norm, helper.make_node("Add", ["c", "d"], ["a"]), *nodes], [*parts, positive, *constants])
    )
    assert fitted_layers(alone)["w.weight"].constant
    assert not fitted_layers(both)["w.weight"].constant


@pytest.mark.parametrize("case", ["black images", "everything pruned", "a filter pruned"])
def test_no_case_gives_anything_but_numbers(case: str) -> None:
    graph = brought(trained(1), kept=True)
    images = Sample(tuple(np.zeros((40, SIDE, SIDE, 1), np.uint8)), READING) if case == "black images" else sample()
    masks = {name: np.zeros(w.shape, bool) for name, w in graph.weights.items()}
    if case != "everything pruned":
        masks = {name: np.arange(w.size).reshape(w.shape) % 2 > 0 for name, w in graph.weights.items()}
        next(iter(masks.values()))[0] = False
    pruned = {name: np.where(masks[name], w, np.float32(0)) for name, w in graph.weights.items()}
    found = Repairer(graph, images, REFIT).repaired(pruned, masks)
    assert all(np.isfinite(value).all() for value in found.values())
    assert np.isfinite(answers(graph, found, sample())).all()


def test_statistics_are_those_of_torchs_layers() -> None:
    network = trained(1)
    graph, images = brought(network, kept=True), sample()
    x = torch.tensor(np.concatenate([*images]))
    found = statistic(graph, INPUTS, images)
    first, second = (graph.layers[i].name for i in (0, 1))
    windows = F.unfold(F.pad(x, (1, 1, 1, 1)), 3)
    assert np.allclose(found[first], windows.square().mean((0, 2)).sqrt().reshape(1, 1, 3, 3), atol=1e-5)
    with torch.no_grad():
        middle = F.pad(network.norm1(network.conv1(x)).relu(), (1, 1, 1, 1))
    rms = F.unfold(middle, 3, stride=2).square().mean((0, 2)).sqrt().reshape(8, 3, 3).numpy()
    assert np.allclose(found[second][:8], rms[None, :4], atol=1e-4)  # the first group of filters reads the first inputs
    assert np.allclose(found[second][8:], rms[None, 4:], atol=1e-4)
    order = statistic(graph, REMOVAL, images)
    assert all(np.array_equal(np.sort(o.ravel()), np.arange(o.size)) for o in order.values())
    with pytest.raises(PruningError, match="gradient"):
        statistic(graph, GRADIENTS, images)


def test_a_graph_of_a_fixed_batch_gives_the_same(tmp_path: Path) -> None:
    open_graph = brought(trained(1), kept=True)
    proto = ModelProto.FromString(open_graph.model.SerializeToString())
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 7
    fixed = read(proto)
    assert fixed.input.batch == 7
    assert np.allclose(answers(fixed, {}, sample(33)), answers(open_graph, {}, sample(33)), atol=1e-5)
    assert isinstance(Digits(), nn.Module)
