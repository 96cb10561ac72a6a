"""The layers of a graph: the constants that its nodes multiply by, and what else it holds."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from onnx import GraphProto, NodeProto, TensorProto

from core.engine.own.parts import attribute, named, readers_of, tensors
from core.errors import NetworkError
from core.own.file import AGAIN
from core.own.outline import MOST_NODES, Kept, Layer

_MULTIPLIES = {"Conv": (1,), "Gemm": (0, 1), "MatMul": (0, 1)}
"""The operands of each operator that may be weights."""
_SAME = ("Identity", "Transpose")
"""Operators that pass on a matrix's numbers, in the same or the other order of its axes."""


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
        origin = found.get(node.input[0]) if node.op_type in _SAME else None
        axes = [*attribute(node, "perm", (1, 0))]
        if origin and origin.constant and (node.op_type == "Identity" or sorted(axes) == [0, 1]):
            swaps = node.op_type == "Transpose" and axes == [1, 0]
            found[node.output[0]] = replace(origin, swapped=origin.swapped != swaps)
        else:
            for name in node.output:
                found.setdefault(name, _Operand(None, False, node.op_type))
    return found


def origins(graph: GraphProto) -> dict[str, str]:
    """The constant that each value is, itself or in another order, by the value's name."""
    operands = _operands(graph, tensors(graph))
    return {value: operand.constant for value, operand in operands.items() if operand.constant}


def layers_of(graph: GraphProto) -> tuple[tuple[Layer, ...], tuple[Kept, ...]]:
    """The layers, and the constants and kernels that are not pruned."""
    constants = tensors(graph)
    operands, readers = _operands(graph, constants), readers_of(graph)
    users = _users(operands, readers)
    layers, kept, names = dict[str, Layer](), list[Kept](), set[str]()
    for name, node in named(graph):
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
                using = users[operand.constant]
                bias = _bias([node for _, node in using], found.shape[0], constants, readers) if position else None
                mixed = len(_orientations(operand.constant, tensor, [node for _, node in using], operands)) > 1
                nodes = tuple(name for name, _ in using)
                layers[operand.constant] = replace(found, nodes=nodes, bias=bias, mixed=mixed)
    kept += _others(constants, layers, users, readers)
    return tuple(layers.values()), tuple(kept)


def _users(
    operands: Mapping[str, _Operand], readers: Mapping[str, list[tuple[str, NodeProto]]]
) -> dict[str, list[tuple[str, NodeProto]]]:
    """The nodes that read each constant, itself or in another order, with their names."""
    users: dict[str, list[tuple[str, NodeProto]]] = {}
    for value, operand in operands.items():
        if operand.constant is not None:
            using = [(name, node) for name, node in readers.get(value, []) if node.op_type not in _SAME]
            users.setdefault(operand.constant, []).extend(using)
    return users


def _orientations(
    constant: str, tensor: TensorProto, nodes: Sequence[NodeProto], operands: Mapping[str, _Operand]
) -> set[bool]:
    """Whether the nodes that multiply by a constant read it swapped, or not."""
    read = [(node, position) for node in nodes for position in _MULTIPLIES.get(node.op_type, ())]
    found = [(operands.get(node.input[position]), node, position) for node, position in read]
    return {
        _layer("", operand, tensor, node, position).swapped
        for operand, node, position in found
        if operand is not None and operand.constant == constant
    }


def _is_float(name: str, tensor: TensorProto) -> bool:
    """Whether these are weights; raises NetworkError for those of another precision than float32."""
    if tensor.data_type in (TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16):
        kind = TensorProto.DataType.Name(tensor.data_type).lower()
        raise NetworkError(f"The weights {name} are {kind}; they must be float32: {AGAIN}.")
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
    filters: int,
    constants: Mapping[str, TensorProto],
    readers: Mapping[str, list[tuple[str, NodeProto]]],
) -> str | None:
    """The constant, a number for each filter, that all nodes of a layer add themselves or by the Add after a MatMul."""
    added = [_added(node, readers) for node in nodes]
    for name in added[0]:
        tensor = constants.get(name)
        if tensor and tensor.data_type == TensorProto.FLOAT and [*tensor.dims] == [filters]:
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
    users: Mapping[str, list[tuple[str, NodeProto]]],
    readers: Mapping[str, list[tuple[str, NodeProto]]],
) -> Iterator[Kept]:
    for name, tensor in constants.items():
        if name in layers or tensor.data_type != TensorProto.FLOAT or name not in readers:
            continue
        _, user = (users[name] or readers[name])[0]
        yield Kept(name, math.prod(tensor.dims), _WHAT.get(user.op_type, f"what {user.op_type} reads"))
