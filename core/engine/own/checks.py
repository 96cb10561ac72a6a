"""What a graph must not have, and what its input must be; each refusal says what to do."""

from collections.abc import Iterable, Iterator

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from core.engine.own.parts import opset_of
from core.errors import NetworkError
from core.own.file import AGAIN, EXPORT
from core.own.outline import MOST_NODES, MOST_SIDE, Input

LEAST_OPSET = 7
_QUANTISED = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinear", "ConvInteger", "MatMulInteger")
_TYPES = {TensorProto.FLOAT: "float32", TensorProto.UINT8: "uint8"}
_NEWER = f"{AGAIN.removesuffix(')')}, opset_version=17)"


def check_model(model: ModelProto) -> None:
    """Raises NetworkError for what a whole model must not have."""
    if model.functions:
        names = ", ".join(function.name for function in model.functions[:3])
        raise NetworkError(f"This graph defines functions of its own ({names}); {AGAIN}.")
    opset = opset_of(model)
    if opset < LEAST_OPSET:
        raise NetworkError(f"This graph is of opset {opset}; it must be {LEAST_OPSET} or newer: {_NEWER}.")
    if len(model.graph.node) > MOST_NODES:
        raise NetworkError(
            f"This graph has {len(model.graph.node):,} nodes; at most {MOST_NODES:,} are read. Bring a smaller network."
        )
    if any(_is_outside(tensor) for tensor in _every_tensor(model.graph)):
        raise NetworkError(f"This file keeps its weights in other files (external data), which are not read: {AGAIN}.")
    if model.graph.sparse_initializer:
        raise NetworkError(f"This graph stores sparse tensors; {AGAIN}.")


def _is_outside(tensor: TensorProto) -> bool:
    return bool(tensor.data_location == TensorProto.EXTERNAL or tensor.external_data)


def _every_tensor(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)


def check_nodes(nodes: Iterable[NodeProto]) -> None:
    """Raises NetworkError for what no node must be."""
    for node in nodes:
        what = f"the operator {node.op_type}"
        if node.domain not in ("", "ai.onnx"):
            raise NetworkError(f"This graph uses {what} of {node.domain}, not of ONNX itself; {AGAIN}.")
        if any(part.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for part in node.attribute):
            raise NetworkError(
                f"This graph has control flow ({what}), so its layers are not always the same; export a network "
                f"without loops and branches: {EXPORT}."
            )
        if node.op_type.startswith(_QUANTISED):
            raise NetworkError(
                f"This graph is quantised ({what}); bring the network before it was quantised, in float32: {AGAIN}."
            )


def input_of(graph: GraphProto) -> Input:
    """The graph's only input; raises NetworkError if it takes no pictures."""
    own = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in own]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs[:4]) or "none"
        raise NetworkError(f"This graph has {len(inputs)} inputs ({names}); it must have one, the images.")
    value = inputs[0]
    tensor = value.type.tensor_type
    if tensor.elem_type not in _TYPES:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise NetworkError(f"The input {value.name} is {kind}; it must be float32 or uint8: {AGAIN}.")
    shape = tuple(side.dim_value if side.dim_value > 0 else None for side in tensor.shape.dim)
    given = Input(value.name, _TYPES[tensor.elem_type], shape)
    if len(shape) not in (3, 4) or not given.layouts:
        shown = " × ".join("any" if side is None else f"{side:,}" for side in shape)
        raise NetworkError(
            f"The input {value.name} has the shape {shown or 'of a single number'}; it must be that of images with 1 "
            "or 3 channels, such as n × 3 × 224 × 224."
        )
    sides = [side for layout in given.layouts for side in given.size(layout) if side]
    if max(sides, default=1) > MOST_SIDE:
        raise NetworkError(
            f"The input {value.name} takes images of {max(sides):,} pixels along a side; at most {MOST_SIDE} are "
            "possible. Export the network for smaller images."
        )
    return given
