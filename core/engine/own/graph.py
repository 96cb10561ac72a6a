"""A graph of ONNX: checked, its layers found, and written again with other weights and nothing else changed.

The functions here parse a file from outside, which `core.engine.own.apart` must have looked at before.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, numpy_helper

from core.engine.own.checks import check_model, check_nodes, input_of
from core.engine.own.layers import layers_of
from core.engine.own.parts import named, opset_of, tensors
from core.errors import NetworkError, PruningError
from core.own.file import AGAIN
from core.own.outline import Input, Kept, Layer

Arrays = Mapping[str, NDArray[np.float32]]
N = TypeVar("N", bound=np.generic)


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
        return opset_of(self.model)

    @cached_property
    def nodes(self) -> dict[str, NodeProto]:
        """The nodes by name, in their order."""
        return dict(named(self.model.graph))

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

    def read(self, constants: Mapping[str, NDArray[N]]) -> dict[str, NDArray[N]]:
        """The inverse of `stored`: constants as the graph stores them, by the names of their layers."""
        return {
            layer.name: _turned(constants[layer.constant], layer)
            for layer in self.layers
            if layer.constant in constants
        }

    def stored(self, values: Mapping[str, NDArray[N]]) -> dict[str, NDArray[N]]:
        """Weights or masks by the names of their layers, as those of the constants that the graph stores."""
        return {layer.constant: _turned(values[layer.name], layer) for layer in self.layers if layer.name in values}

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
    check_model(model)
    check_nodes(model.graph.node)
    try:
        checker.check_model(model)
    except checker.ValidationError as error:
        raise NetworkError(f"ONNX's checker refuses this graph ({shortened(error)}); {AGAIN}.") from error
    layers, kept = layers_of(model.graph)
    if not layers:
        computed = sorted({part.why for part in kept if not part.numbers}) or ["it has no Conv, Gemm or MatMul"]
        raise NetworkError(
            f"There is nothing to prune in this network: {computed[0]}. Bring one whose kernels are constants."
        )
    return Graph(model, input_of(model.graph), layers, kept)


def _damaged() -> NetworkError:
    return NetworkError(
        f"This is not a complete ONNX file: it is damaged, cut off or of another kind. Copy it again, or {AGAIN}."
    )


def shortened(error: Exception) -> str:
    """The first line of an error from a library, shortened."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _turned(array: NDArray[N], layer: Layer) -> NDArray[N]:
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
