"""What a graph holds, without its arrays: layers that can be pruned, what is not pruned and why, input and output."""

import math
from dataclasses import dataclass

from core.errors import NetworkError

MOST_SIDE = 512
"""Pixels along a side of the input."""
MOST_NODES = 20_000


@dataclass(frozen=True)
class Layer:
    """A constant that one or more nodes multiply their input by.

    Attributes:
        name: of its weights, `….weight`, unique in the network.
        constant: the name of the tensor in the graph.
        operator: Conv, Gemm or MatMul.
        shape: of its weights with the filters (output channels, or units) first.
        groups: of a convolution; 1 otherwise.
        swapped: whether the graph stores a matrix the other way, (inputs, filters).
        nodes: the names of the nodes that read it; more than one if it is tied.
        bias: the name of the constant that is added for each filter; None if there is none of its own.
        mixed: whether some nodes read a matrix as it is and others turned, so that its filters are inputs elsewhere.
        uses: at how many places of one image each weight is multiplied, in all nodes together; 0 if that is not known.
    """

    name: str
    constant: str
    operator: str
    shape: tuple[int, ...]
    groups: int = 1
    swapped: bool = False
    nodes: tuple[str, ...] = ()
    bias: str | None = None
    mixed: bool = False
    uses: int = 0

    @property
    def weights(self) -> int:
        """How many they are."""
        return math.prod(self.shape)

    @property
    def tied(self) -> bool:
        """Whether several nodes read the same weights; they count once."""
        return len(self.nodes) > 1


@dataclass(frozen=True)
class Kept:
    """What is not pruned: a tensor with its numbers, and what they are; or a node with none, and why not."""

    name: str
    numbers: int
    why: str


@dataclass(frozen=True)
class Input:
    """The input of a graph: its name, its type (float32 or uint8), and its sides; None for what may be anything."""

    name: str
    type: str
    shape: tuple[int | None, ...]

    @property
    def batch(self) -> int | None:
        """How many images one run takes; None for any number."""
        return self.shape[0]

    @property
    def layouts(self) -> tuple[str, ...]:
        """The orders of axes that this shape allows: NCHW, NHWC, or NHW for images without an axis of channels."""
        if len(self.shape) == 3:
            return ("NHW",)
        first, last = (self.shape[axis] in (1, 3, None) for axis in (1, 3))
        sure = [layout for layout, axis in (("NCHW", 1), ("NHWC", 3)) if self.shape[axis] in (1, 3)]
        return tuple(sure) or tuple(layout for layout, can in (("NCHW", first), ("NHWC", last)) if can)

    def channels(self, layout: str) -> int | None:
        """1 or 3; None if any number."""
        return {"NHW": 1, "NCHW": self.shape[1], "NHWC": self.shape[-1]}[layout]

    def size(self, layout: str) -> tuple[int | None, int | None]:
        """Height and width."""
        first = 2 if layout == "NCHW" else 1
        return self.shape[first], self.shape[first + 1]


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What is known of a graph.

    Attributes:
        bytes: of the file.
        opset: the version of ONNX's operators.
        producer: the program that wrote it, as the file says.
        nodes: how many.
        input: of the graph.
        outputs: the shape of each output for one image, by its name, as it was when the graph was run.
        layers: in the order of the nodes that read them.
        kept: what is not pruned.
        norms: how many nodes of batch normalisation have constant means and variances.
    """

    bytes: int
    opset: int
    producer: str
    nodes: int
    input: Input
    outputs: dict[str, tuple[int, ...]]
    layers: tuple[Layer, ...]
    kept: tuple[Kept, ...]
    norms: int

    @property
    def weights(self) -> int:
        """N, the number of weights that can be pruned."""
        return sum(layer.weights for layer in self.layers)

    def answers(self, classes: int) -> str:
        """The name of the first output that has a number for each of so many classes.

        Raises:
            NetworkError: there is none.
        """
        for name, shape in self.outputs.items():
            if math.prod(shape) == classes:
                return name
        shapes = ", ".join(f"{name} ({_by(shape)})" for name, shape in self.outputs.items())
        raise NetworkError(
            f"The data set has {classes:,} classes, and no output of this network has as many numbers for an image: "
            f"{shapes}. Choose a data set with the classes that the network was trained on, a folder for each."
        )


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{side:,}" for side in shape) or "1"
