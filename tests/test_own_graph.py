"""The layers of a graph, what is refused and why, and the same graph with other weights."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from core.engine.own.graph import Graph, parsed
from core.engine.own.inside import fitted_layers
from core.errors import NetworkError, PruningError
from core.own.outline import MOST_NODES
from core.pruning import PruningConfig, prune, rank
from tests.graphs import CLASSES, FILTERS, SIDE, constant, head, looping, model, outside, small


def read(proto: ModelProto) -> Graph:
    return parsed(proto.SerializeToString())


def dense(operator: str, constants: list[TensorProto], *inputs: str, **attributes: Any) -> Graph:
    """A graph with one product of the flat image."""
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node(operator, [*inputs], ["y"], **attributes)]
    return read(model(nodes, constants))


# --- what is found ----------------------------------------------------------------------------------------------


def test_layers_are_named_by_their_constants_in_the_order_of_the_nodes() -> None:
    graph = read(small())
    assert [(layer.name, layer.operator, layer.shape, layer.bias) for layer in graph.layers] == [
        ("conv.weight", "Conv", (FILTERS, 1, 3, 3), "conv.bias"),
        ("fc.weight", "Gemm", (CLASSES, FILTERS), "fc.bias"),
    ]
    assert {part.name: part.why for part in graph.kept} == {
        "conv.bias": "biases",
        "fc.bias": "biases",
    }
    assert np.array_equal(graph.weights["conv.weight"], graph.array("conv.weight"))


def test_a_constant_that_is_repeated_is_what_its_user_makes_of_it() -> None:
    """As torch's exporter writes biases that are equal."""
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Identity", ["b"], ["again"]),
        helper.make_node("Gemm", ["f", "w", "again"], ["y"], transB=1),
    ]
    graph = read(model(nodes, [constant("w", CLASSES, SIDE**2), constant("b", CLASSES)]))
    assert [(part.name, part.why) for part in graph.kept] == [("b", "biases")]


@pytest.mark.parametrize(("operator", "attributes", "swapped"), [
    ("Gemm", {"transB": 1}, False), ("Gemm", {"transB": 0}, True), ("Gemm", {}, True), ("MatMul", {}, True),
])  # fmt: skip
def test_filters_come_first_however_a_matrix_is_stored(
    operator: str, attributes: dict[str, int], swapped: bool
) -> None:
    shape = (SIDE**2, CLASSES) if swapped else (CLASSES, SIDE**2)
    graph = dense(operator, [constant("w", *shape)], "f", "w", **attributes)
    (layer,) = graph.layers
    assert (layer.name, layer.shape, layer.swapped) == ("w.weight", (CLASSES, SIDE**2), swapped)
    stored = graph.array("w")
    assert np.array_equal(graph.weights["w.weight"], stored.T if swapped else stored)
    assert np.array_equal(graph.stored(graph.weights)["w"], stored)


def test_a_matrix_on_the_left_and_one_that_is_turned_on_the_way() -> None:
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"]),
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "t"], ["h"]),
        helper.make_node("Transpose", ["h"], ["u"]),
        helper.make_node("MatMul", ["left", "u"], ["v"]),
        helper.make_node("Transpose", ["v"], ["y"]),
    ]
    graph = read(model(nodes, [constant("w", 5, SIDE**2), constant("left", CLASSES, 5)]))
    assert [(layer.name, layer.shape, layer.swapped) for layer in graph.layers] == [
        ("w.weight", (5, SIDE**2), False),
        ("left.weight", (CLASSES, 5), False),
    ]


def test_a_matrix_that_is_read_both_ways_is_one_layer() -> None:
    """As where the last layer has the weights of the first, turned."""
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["h"]),
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["h", "t"], ["z"]),
        helper.make_node("Transpose", ["v"], ["same"], perm=[0, 1]),
        helper.make_node("MatMul", ["z", "same"], ["y"]),
    ]
    graph = read(model(nodes, [constant("w", SIDE**2, 20), constant("v", SIDE**2, CLASSES)]))
    assert [(layer.name, layer.mixed, layer.swapped) for layer in graph.layers] == [
        ("w.weight", True, True),
        ("v.weight", False, True),
    ]
    assert [*fitted_layers(graph)] == ["v.weight"]


def test_a_kernel_whose_axes_are_moved_in_the_graph_is_said_to_be_computed() -> None:
    nodes, constants = head()
    moved = [
        helper.make_node("Transpose", ["k"], ["t"], perm=[3, 2, 0, 1]),
        helper.make_node("Conv", ["x", "t"], ["a"], name="conv"),
    ]
    graph = read(model([*moved, *nodes], [constant("k", 3, 3, 1, FILTERS), *constants]))
    assert [layer.name for layer in graph.layers] == ["fc.weight"]
    assert "a kernel is computed by Transpose, not stored in the file" in [part.why for part in graph.kept]


def test_gemm_with_both_sides_turned() -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Transpose", ["f"], ["t"]),
        helper.make_node("Gemm", ["t", "w"], ["y"], transA=1, transB=1),
    ]
    (layer,) = read(model(nodes, [constant("w", CLASSES, SIDE**2)])).layers
    assert (layer.shape, layer.swapped) == ((CLASSES, SIDE**2), False)


def test_a_bias_that_follows_a_product_is_found_unless_something_else_reads_it() -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["m"]),
        helper.make_node("Add", ["b", "m"], ["y"]),
    ]
    constants = [constant("w", SIDE**2, CLASSES), constant("b", CLASSES)]
    assert read(model(nodes, constants)).layers[0].bias == "b"
    shared = [*nodes[:2], helper.make_node("Add", ["b", "m"], ["z"]), helper.make_node("Mul", ["z", "b"], ["y"])]
    assert read(model(shared, constants)).layers[0].bias is None


def test_tied_weights_count_once_however_they_are_shared() -> None:
    def reader(name: str, weight: str, given: str, gives: str) -> NodeProto:
        return helper.make_node("Conv", [given, weight], [gives], name=name, pads=[1, 1, 1, 1])

    nodes, constants = head(1)
    shared = [
        helper.make_node("Identity", ["k"], ["k2"]),
        reader("first", "k", "x", "b"),
        reader("second", "k2", "b", "c"),
        reader("third", "k", "c", "a"),
    ]
    graph = read(model([*shared, *nodes], [constant("k", 1, 1, 3, 3), *constants]))
    layer = graph.layers[0]
    assert set(layer.nodes) == {"first", "second", "third"}
    assert (layer.tied, layer.weights) == (True, 9)
    assert sum(layer.weights for layer in graph.layers) == 9 + CLASSES
    pruned = prune(graph.weights, rank(graph.weights, PruningConfig()), 1.0)
    again = read(graph.rewritten(graph.stored(pruned)))
    assert not again.array("k").any()


def test_grouped_and_depthwise_convolutions_and_constant_nodes() -> None:
    nodes, constants = head(6)
    weight = numpy_helper.from_array(np.ones((6, 1, 3, 3), np.float32))
    inside = [
        helper.make_node("Constant", [], ["k"], value=weight),
        helper.make_node("Conv", ["x", "k"], ["a"], name="/block/block.0/conv/Conv", group=3, pads=[1, 1, 1, 1]),
    ]
    graph = read(model([*inside, *nodes], constants, shape=("n", 3, SIDE, SIDE)))
    assert [(layer.name, layer.shape, layer.groups) for layer in graph.layers] == [
        ("block.0.conv.weight", (6, 1, 3, 3), 3),
        ("fc.weight", (CLASSES, 6), 1),
    ]
    again = read(graph.rewritten({"k": np.zeros((6, 1, 3, 3), np.float32)}))
    assert not again.array("k").any()


def test_names_are_unique_and_may_hold_anything() -> None:
    nodes, constants = head(1)
    names = ("<b>w</b>.weight", "../../etc/passwd", "w\n\x00")
    convs = [
        helper.make_node("Conv", [given, name], [gives], name="same", pads=[1, 1, 1, 1])
        for name, given, gives in zip(names, ("x", "b", "c"), ("b", "c", "a"), strict=True)
    ]
    graph = read(model([*convs, *nodes], [*(constant(name, 1, 1, 3, 3) for name in names), *constants]))
    assert [layer.name for layer in graph.layers][:3] == [
        "<b>w</b>.weight",
        "../../etc/passwd.weight",
        "w\n\x00.weight",
    ]
    assert len({*graph.nodes}) == len(graph.nodes)


def test_old_graphs_list_their_constants_as_inputs() -> None:
    proto = small(opset=8)
    proto.ir_version = 3
    proto.graph.input.extend(
        helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims) for tensor in proto.graph.initializer
    )
    graph = read(proto)
    assert graph.input.name == "x"
    assert len(graph.layers) == 2


@pytest.mark.parametrize(("shape", "layouts"), [
    (("n", 3, 32, 48), ("NCHW",)), (("n", 32, 48, 3), ("NHWC",)), (("n", 28, 28), ("NHW",)),
    ((1, 1, 28, 28), ("NCHW",)), (("n", "c", "h", "w"), ("NCHW", "NHWC")), (("n", 3, "h", "w"), ("NCHW",)),
    ((1, 3, 64, 3), ("NCHW", "NHWC")), ((-1, 3, "?", "?"), ("NCHW",)),
])  # fmt: skip
def test_the_order_of_axes_follows_from_the_shape(shape: tuple[int | str, ...], layouts: tuple[str, ...]) -> None:
    graph = read(small(shape=shape))
    assert graph.input.layouts == layouts
    assert graph.input.batch == (1 if shape[0] == 1 else None)


# --- what is refused --------------------------------------------------------------------------------------------


def with_node(node: NodeProto, *constants: TensorProto, **more: object) -> ModelProto:
    """A graph with another node between the convolution and the rest."""
    proto = small(**more)  # type: ignore[arg-type]
    proto.graph.node[1].output[0] = "between"
    node.input[0] = "between"
    proto.graph.node.insert(2, node)
    proto.graph.initializer.extend(constants)
    return proto


def precise(kind: int) -> ModelProto:
    proto = small()
    weight = proto.graph.initializer[0]
    values = numpy_helper.to_array(weight)
    weight.CopyFrom(helper.make_tensor(weight.name, kind, values.shape, values.ravel().tolist()))
    return proto


def conditional() -> ModelProto:
    branch = helper.make_graph([helper.make_node("Identity", ["c"], ["o"])], "b", [], [
        helper.make_tensor_value_info("o", TensorProto.FLOAT, None)])  # fmt: skip
    node = helper.make_node("If", ["yes"], ["a"], then_branch=branch, else_branch=branch)
    proto = small()
    proto.graph.node[1].CopyFrom(node)
    proto.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    return proto


def claiming(raw: bool, inside: bool = False) -> ModelProto:
    """A kernel that says that it has 10^12 numbers, in each of the forms that it may be stored in."""
    proto = small()
    tensor = proto.graph.initializer[0]
    if not raw:
        tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.FLOAT, tensor.dims, [0.5] * 36))
    del tensor.dims[:]
    tensor.dims.extend([10**6, 1, 10**3, 10**3])
    if inside:
        node = helper.make_node("Constant", [], [tensor.name], value=tensor)
        proto.graph.node.insert(0, node)
        del proto.graph.initializer[0]
    return proto


def quantised() -> ModelProto:
    scale = [
        numpy_helper.from_array(np.array(value), name) for value, name in ((np.float32(1), "s"), (np.uint8(0), "z"))
    ]
    return with_node(helper.make_node("QuantizeLinear", ["", "s", "z"], ["a"]), *scale)


def computed() -> ModelProto:
    shape = numpy_helper.from_array(np.array([FILTERS, 1, 3, 3]), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["k"]),
        helper.make_node("Conv", ["x", "k"], ["y"]),
    ]
    return model(nodes, [shape])


REFUSED: dict[str, tuple[Callable[[], ModelProto], str]] = {
    "external data": (lambda: outside("weights.bin"), "external_data=False"),
    "external data that climbs": (lambda: outside("../../../etc/passwd"), "external_data=False"),
    "float16": (lambda: precise(TensorProto.FLOAT16), "float16; they must be float32: .*network.float()"),
    "double": (lambda: precise(TensorProto.DOUBLE), "double; they must be float32"),
    "a function that calls itself": (looping, "functions of its own \\(again\\)"),
    "a branch": (conditional, "control flow \\(the operator If\\)"),
    "another domain": (
        lambda: with_node(helper.make_node("FusedConv", [""], ["a"], domain="com.microsoft")),
        "FusedConv of com.microsoft",
    ),
    "quantised": (quantised, "quantised"),
    "opset 6": (lambda: small(opset=6), "opset 6; it must be 7 or newer: .*opset_version=17"),
    "too many nodes": (
        lambda: model([helper.make_node("Relu", ["x"], ["y"])] * (MOST_NODES + 1), []),
        "20,001 nodes",
    ),
    "a tensor of 10^12 numbers": (lambda: claiming(True), "conv.weight.* is too small for the declared shape"),
    "the same in another field": (lambda: claiming(False), "conv.weight"),
    "the same in a node": (lambda: claiming(True, inside=True), "conv.weight"),
    "kernels that are computed": (computed, "a kernel is computed by ConstantOfShape"),
    "nothing to multiply by": (lambda: model([helper.make_node("Relu", ["x"], ["y"])], []), "no Conv, Gemm or MatMul"),
    "a large input": (lambda: small(shape=("n", 1, 10**6, 10**6)), "1,000,000 pixels along a side; at most 512"),
    "four channels": (lambda: small(channels=4), "n × 3 × 224 × 224"),
    "half precision input": (lambda: small(kind=TensorProto.FLOAT16), "input x is float16; it must be float32"),
    "an invalid graph": (lambda: with_node(helper.make_node("Relu", ["", "x", "x"], ["a"])), "checker refuses"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_names_what_stands_in_the_way(case: str) -> None:
    make, says = REFUSED[case]
    with pytest.raises(NetworkError, match=says) as error:
        read(make())
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


def test_two_inputs_are_refused() -> None:
    proto = small()
    proto.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n"]))
    with pytest.raises(NetworkError, match="2 inputs \\(x, mask\\)"):
        read(proto)


@pytest.mark.parametrize("content", [small().SerializeToString()[:-40], b"\x08\x07", b"nonsense", struct.pack("<Q", 9)])
def test_a_damaged_file_is_refused(content: bytes) -> None:
    with pytest.raises(NetworkError):
        parsed(content)


@pytest.mark.parametrize("opset", [7, 11, 13, 17, 21])
def test_opsets_from_7_on_are_read(opset: int) -> None:
    assert len(read(small(opset=opset)).layers) == 2


def test_weights_that_are_no_numbers_are_refused_with_their_name() -> None:
    graph = read(small())
    values = graph.array("conv.weight").copy()
    values[0, 0, 0, 0] = np.nan
    broken = read(graph.rewritten({"conv.weight": values}))
    with pytest.raises(PruningError, match=r"conv\.weight holds 1 NaN"):
        rank(broken.weights, PruningConfig())


# --- the same graph, written again ------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [True, False])
def test_nothing_but_the_numbers_of_the_weights_changes(raw: bool) -> None:
    proto = small(producer_name="someone", doc_string="a note")
    proto.metadata_props.add(key="author", value="someone")
    if not raw:
        for tensor in proto.graph.initializer:
            values = numpy_helper.to_array(tensor)
            tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.FLOAT, values.shape, values.ravel().tolist()))
    content = proto.SerializeToString()
    graph = parsed(content)
    zeros = prune(graph.weights, rank(graph.weights, PruningConfig()), 0.5)
    written = graph.rewritten(graph.stored(zeros)).SerializeToString()
    assert parsed(content).model == graph.model
    assert len(written) == len(content)
    differing = [i for i, (a, b) in enumerate(zip(content, written, strict=True)) if a != b]
    places = [content.index(graph.array(layer.constant).tobytes()) for layer in graph.layers]
    spans = [range(at, at + 4 * layer.weights) for at, layer in zip(places, graph.layers, strict=True)]
    assert differing
    assert all(any(i in span for span in spans) for i in differing)


def test_a_constant_of_another_shape_is_refused() -> None:
    graph = read(small())
    with pytest.raises(PruningError, match="has the shape"):
        graph.rewritten({"fc.bias": np.zeros(3, np.float32)})
