"""A graph of ONNX: checked, its layers found, and written again with other weights and nothing else changed.

The functions here parse a file from outside, which `core.engine.own.apart` must have looked at before.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, checker, numpy_helper

from core.errors import NetworkError, PruningError
from core.own.file import AGAIN, EXPORT
from core.own.outline import MOST_NODES, MOST_SIDE, Input, Kept, Layer

Arrays = Mapping[str, NDArray[np.float32]]

LEAST_OPSET = 7
_MULTIPLIES = {"Conv": (1,), "Gemm": (0, 1), "MatMul": (0, 1)}
"""The operands of each operator that may be weights."""
_SAME = ("Identity", "Transpose")
"""Operators that pass on a constant's numbers unchanged, if in another order."""
_QUANTISED = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinear", "ConvInteger", "MatMulInteger")
_TYPES = {TensorProto.FLOAT: "float32", TensorProto.UINT8: "uint8"}
_NEWER = f"{EXPORT.removesuffix(')')}, opset_version=17)"


@dataclass(frozen=True, eq=False)
class Graph:
    """A model that has passed the checks of `parsed`, with what can be pruned in it.

    Attributes:
        model: not modified.
        input: of the graph.
        layers: in the order of the nodes that read them.
        kept: constants that are not pruned.
    """

    model: ModelProto
    input: Input
    layers: tuple[Layer, ...]
    kept: tuple[Kept, ...]

    @property
    def opset(self) -> int:
        """The version of ONNX's own operators."""
        return _opset(self.model)

    @cached_property
    def nodes(self) -> dict[str, NodeProto]:
        """The nodes by name, in their order."""
        return dict(_named(self.model.graph))

    @cached_property
    def constants(self) -> dict[str, TensorProto]:
        """The constants by name."""
        return tensors(self.model.graph)

    def array(self, constant: str) -> NDArray[Any]:
        """A constant as the graph stores it."""
        return numpy_helper.to_array(self.constants[constant])

    @cached_property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The weights that can be pruned, by the names of their layers, each with its filters first."""
        return {layer.name: _turned(self.array(layer.constant), layer) for layer in self.layers}

    @cached_property
    def norms(self) -> tuple[str, ...]:
        """The names of the nodes of batch normalisation whose mean and variance are constants that no other reads."""
        uses = Counter(name for node in self.nodes.values() for name in node.input)
        return tuple(
            name
            for name, node in self.nodes.items()
            if node.op_type == "BatchNormalization"
            and all(part in self.constants and uses[part] == 1 for part in node.input[3:5])
        )

    def stored(self, weights: Arrays) -> dict[str, NDArray[np.float32]]:
        """Weights by the names of their layers as the constants that the graph stores."""
        return {layer.constant: _turned(weights[layer.name], layer) for layer in self.layers if layer.name in weights}

    def masks(self, kept: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
        """Masks by the names of their layers as those of the constants that the graph stores."""
        return {layer.constant: _turned(kept[layer.name], layer) for layer in self.layers if layer.name in kept}

    def rewritten(self, constants: Arrays) -> ModelProto:
        """The same model with other values of some constants; nothing else is changed.

        Raises:
            PruningError: a value has another shape.
        """
        model = ModelProto()
        model.CopyFrom(self.model)
        held = tensors(model.graph)
        for name, value in constants.items():
            _fill(held[name], value)
        return model


def blank(model: ModelProto, constants: Iterable[str]) -> bytes:
    """A model without the numbers of these constants, as bytes."""
    bare = ModelProto()
    bare.CopyFrom(model)
    held = tensors(bare.graph)
    for name in constants:
        held[name].ClearField("raw_data")
        held[name].ClearField("float_data")
    return bytes(bare.SerializeToString(deterministic=True))


def parsed(content: bytes) -> Graph:
    """The graph of an ONNX file.

    Raises:
        NetworkError: it is damaged, or something in it stands in the way; the message says what to do.
    """
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # protobuf's, which depends on how it is built
        raise _damaged() from error
    if not model.graph.node or not model.opset_import:
        raise _damaged()
    _check_kind(model)
    _check_nodes(model.graph.node)
    try:
        checker.check_model(model)
    except checker.ValidationError as error:
        raise NetworkError(f"ONNX's checker refuses this graph ({shortened(error)}); {AGAIN}.") from error
    layers, kept = _found(model.graph)
    if not layers:
        computed = sorted({part.why for part in kept if not part.numbers}) or ["it has no Conv, Gemm or MatMul"]
        raise NetworkError(
            f"There is nothing to prune in this network: {computed[0]}. Bring one whose kernels are constants."
        )
    return Graph(model, _input(model.graph), layers, kept)


def _damaged() -> NetworkError:
    return NetworkError(
        f"This is not a complete ONNX file: it is damaged, cut off or of another kind. Copy it again, or {AGAIN}."
    )


def shortened(error: Exception) -> str:
    """The first line of an error from a library, shortened."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _opset(model: ModelProto) -> int:
    return max((part.version for part in model.opset_import if part.domain in ("", "ai.onnx")), default=0)


def _check_kind(model: ModelProto) -> None:
    """Raises NetworkError for what a whole model must not have."""
    if model.functions:
        names = ", ".join(function.name for function in model.functions[:3])
        raise NetworkError(f"This graph defines functions of its own ({names}); {AGAIN}.")
    opset = _opset(model)
    if opset < LEAST_OPSET:
        raise NetworkError(f"This graph is of opset {opset}; it must be {LEAST_OPSET} or newer: {_again(_NEWER)}.")
    if len(model.graph.node) > MOST_NODES:
        raise NetworkError(
            f"This graph has {len(model.graph.node):,} nodes; at most {MOST_NODES:,} are read. Bring a smaller network."
        )
    if any(_is_outside(tensor) for tensor in _every_tensor(model.graph)):
        raise NetworkError(
            f"This file keeps its weights in other files (external data), which are not read: {_again(EXPORT)}."
        )
    if model.graph.sparse_initializer:
        raise NetworkError(f"This graph stores sparse tensors; {AGAIN}.")


def _again(call: str) -> str:
    return f"export it again with {call}"


def _is_outside(tensor: TensorProto) -> bool:
    return bool(tensor.data_location == TensorProto.EXTERNAL or tensor.external_data)


def _every_tensor(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)


def _check_nodes(nodes: Iterable[NodeProto]) -> None:
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
                f"This graph is quantised ({what}); bring the network before it was quantised, in float32: "
                f"{_again(EXPORT)}."
            )


def _input(graph: GraphProto) -> Input:
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
        raise NetworkError(f"The input {value.name} is {kind}; it must be float32 or uint8: {_again(EXPORT)}.")
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


# --- layers -----------------------------------------------------------------------------------------------------


def _named(graph: GraphProto) -> Iterator[tuple[str, NodeProto]]:
    """The nodes with a name for each, which is unique."""
    taken: Counter[str] = Counter()
    for i, node in enumerate(graph.node):
        name = node.name or f"{node.op_type}_{i}"
        taken[name] += 1
        yield (name if taken[name] == 1 else f"{name}#{taken[name]}"), node


def tensors(graph: GraphProto) -> dict[str, TensorProto]:
    """The tensors that the graph holds, initializers and values of Constant nodes, by the names that nodes read."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
    return found


@dataclass(frozen=True)
class _Operand:
    """Where an operand comes from: the constant, if it is one, and whether its two axes are swapped on the way."""

    constant: str | None
    swapped: bool
    made_by: str


def _operands(graph: GraphProto, constants: Mapping[str, TensorProto]) -> dict[str, _Operand]:
    """The origin of every value that is a constant, or one in another order."""
    found = {name: _Operand(name, False, "") for name in constants}
    for node in graph.node:
        if node.op_type in _SAME and node.input[0] in found:
            origin = found[node.input[0]]
            swaps = node.op_type == "Transpose"
            found[node.output[0]] = replace(origin, swapped=origin.swapped != swaps)
        else:
            for name in node.output:
                found.setdefault(name, _Operand(None, False, node.op_type))
    return found


def _found(graph: GraphProto) -> tuple[tuple[Layer, ...], tuple[Kept, ...]]:
    """The layers, and the constants and kernels that are not pruned."""
    constants = tensors(graph)
    operands, readers = _operands(graph, constants), _readers(graph)
    layers, kept, names = dict[str, Layer](), list[Kept](), set[str]()
    for name, node in _named(graph):
        for position in _MULTIPLIES.get(node.op_type, ()):
            operand = operands.get(node.input[position])
            if operand is None or operand.constant in layers:
                continue
            if operand.constant is None:
                if node.op_type == "Conv" or operand.made_by.startswith("Constant"):
                    kept.append(Kept(name, 0, f"a kernel is computed by {operand.made_by}, not stored in the file"))
                continue
            tensor = constants[operand.constant]
            if len(tensor.dims) >= 2 and _is_float(operand.constant, tensor):
                title = _unique(_title(operand.constant, name, node), names)
                found = _layer(title, operand, tensor, node, position)
                using = _all_readers(operand.constant, operands, readers)
                bias = _bias([node for _, node in using], constants, readers) if position else None
                layers[operand.constant] = replace(found, nodes=tuple(name for name, _ in using), bias=bias)
    kept += _others(constants, layers, readers)
    return tuple(layers.values()), tuple(kept)


def _readers(graph: GraphProto) -> dict[str, list[tuple[str, NodeProto]]]:
    """The nodes that read each value."""
    found: dict[str, list[tuple[str, NodeProto]]] = {}
    for name, node in _named(graph):
        for read in dict.fromkeys(node.input):
            found.setdefault(read, []).append((name, node))
    return found


def _all_readers(
    constant: str, operands: Mapping[str, _Operand], readers: Mapping[str, list[tuple[str, NodeProto]]]
) -> list[tuple[str, NodeProto]]:
    """The nodes that read a constant, itself or in another order, with their names."""
    values = [value for value, operand in operands.items() if operand.constant == constant]
    return [(name, node) for value in values for name, node in readers.get(value, []) if node.op_type not in _SAME]


def _is_float(name: str, tensor: TensorProto) -> bool:
    """Whether these are weights; raises NetworkError for those of another precision than float32."""
    if tensor.data_type in (TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16):
        kind = TensorProto.DataType.Name(tensor.data_type).lower()
        raise NetworkError(f"The weights {name} are {kind}; they must be float32: {_again(EXPORT)}.")
    return bool(tensor.data_type == TensorProto.FLOAT and math.prod(tensor.dims))


def _layer(name: str, operand: _Operand, tensor: TensorProto, node: NodeProto, position: int) -> Layer:
    shape, groups, swapped = tuple(tensor.dims), 1, False
    if node.op_type == "Conv":
        groups = int(attribute(node, "group", 1))
    elif len(shape) == 2:
        flipped = bool(attribute(node, ("transA", "transB")[position], 0)) if node.op_type == "Gemm" else False
        swapped = (position == 1) != (flipped != operand.swapped)
        shape = shape[::-1] if swapped else shape
    assert operand.constant is not None
    return Layer(name, operand.constant, node.op_type, shape, groups, swapped)


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """The value of a node's attribute; texts are bytes."""
    return next((onnx.helper.get_attribute_value(part) for part in node.attribute if part.name == name), default)


def _title(constant: str, name: str, node: NodeProto) -> str:
    """A layer's name: the constant's where that ends with `.weight`, else the path in the node's, else the constant's.

    torch names a node `/layer1/layer1.0/conv1/Conv`: the layer is `layer1.0.conv1`.
    """
    if constant.endswith(".weight"):
        return constant.removesuffix(".weight")
    if not name.startswith("/"):
        return constant
    parts = list[str]()
    for part in name.strip("/").split("/")[:-1]:
        if parts and part.startswith(f"{parts[-1]}."):
            parts.pop()
        parts.append(part)
    return ".".join(parts) or constant


def _unique(title: str, taken: set[str]) -> str:
    """A layer's name with `.weight`, and a number if another has it."""
    names = (f"{title}{f'#{i}' if i > 1 else ''}.weight" for i in range(1, MOST_NODES))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def _bias(
    nodes: Sequence[NodeProto],
    constants: Mapping[str, TensorProto],
    readers: Mapping[str, list[tuple[str, NodeProto]]],
) -> str | None:
    """The constant that all nodes of a layer add to each filter's output, themselves or by the Add after a MatMul."""
    added = [_added(node, readers) for node in nodes]
    for name in added[0]:
        tensor = constants.get(name)
        if tensor and tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 1:
            shared = all(name in names for names in added) and len(readers[name]) == len(nodes)
            return str(name) if shared else None
    return None


def _added(node: NodeProto, readers: Mapping[str, list[tuple[str, NodeProto]]]) -> list[str]:
    """What a node adds to its product."""
    if node.op_type != "MatMul":
        return [*node.input[2:3]]
    after = [add for _, add in readers.get(node.output[0], [])]
    return [*after[0].input] if len(after) == 1 and after[0].op_type == "Add" else []


_WHAT = {"BatchNormalization": "batch normalisation", "Add": "biases", "Conv": "biases", "Gemm": "biases"}
"""What a constant is by the operator that reads it."""


def _others(
    constants: Mapping[str, TensorProto],
    layers: Mapping[str, Layer],
    readers: Mapping[str, list[tuple[str, NodeProto]]],
) -> Iterator[Kept]:
    for name, tensor in constants.items():
        if name in layers or tensor.data_type != TensorProto.FLOAT or name not in readers:
            continue
        operator = readers[name][0][1].op_type
        yield Kept(name, math.prod(tensor.dims), _WHAT.get(operator, f"what {operator} reads"))


def _turned(array: NDArray[Any], layer: Layer) -> NDArray[Any]:
    """Weights as stored with their filters first, and back."""
    return np.ascontiguousarray(array.T if layer.swapped else array)


def _fill(tensor: TensorProto, value: NDArray[np.float32]) -> None:
    """Replace the numbers of a tensor, in the same field of the file."""
    if tuple(tensor.dims) != value.shape:
        raise PruningError(f"{tensor.name} has the shape {tuple(tensor.dims)}, not {value.shape}.")
    flat = np.ascontiguousarray(value, "<f4").reshape(-1)
    if tensor.raw_data:
        tensor.raw_data = flat.tobytes()
    else:
        del tensor.float_data[:]
        tensor.float_data.extend(flat.tolist())
