"""The parts of ONNX's messages that all of this reads: constants, named nodes, attributes."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto


def tensors(graph: GraphProto) -> dict[str, TensorProto]:
    """The tensors that the graph holds, initializers and values of Constant nodes, by the names that nodes read."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
    return found


def named(graph: GraphProto) -> Iterator[tuple[str, NodeProto]]:
    """The nodes with a name for each, which is unique."""
    taken: Counter[str] = Counter()
    for i, node in enumerate(graph.node):
        name = node.name or f"{node.op_type}_{i}"
        taken[name] += 1
        yield (name if taken[name] == 1 else f"{name}#{taken[name]}"), node


def readers_of(graph: GraphProto) -> dict[str, list[tuple[str, NodeProto]]]:
    """The nodes that read each value, with their names, each once."""
    found: dict[str, list[tuple[str, NodeProto]]] = {}
    for name, node in named(graph):
        for read in dict.fromkeys(node.input):
            found.setdefault(read, []).append((name, node))
    return found


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """The value of a node's attribute; texts are bytes."""
    return next((onnx.helper.get_attribute_value(part) for part in node.attribute if part.name == name), default)


def opset_of(model: ModelProto) -> int:
    return max((part.version for part in model.opset_import if part.domain in ("", "ai.onnx")), default=0)
