"""What the layers of a graph read and make: values inside it, which ONNX Runtime gives, for arithmetic with torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto
from torch import Tensor, nn
from torch.nn import functional as F

from core.engine.machine import THREADS
from core.engine.own.graph import Graph
from core.engine.own.layers import origins
from core.engine.own.parts import attribute, readers_of
from core.engine.own.runtime import Runner, Sample
from core.engine.statistics import See
from core.own.outline import Layer


@dataclass(frozen=True, eq=False)
class Use:
    """A node that multiplies by a layer's weights, as one of torch's layers, for the arithmetic on what it reads.

    Attributes:
        torch: with the layer's dense weights, without padding.
        reads, makes: the values before and after it.
        pads: puts a convolution's padding around its input.
        left: whether the weights are the left side of a product, and so read the columns of its right side.
        alone: whether it adds nothing to its product but the layer's bias.
    """

    torch: nn.Conv2d | nn.Linear
    reads: str
    makes: str
    pads: Callable[[Tensor], Tensor] = lambda x: x
    left: bool = False
    alone: bool = True

    def inputs(self, value: NDArray[Any]) -> Tensor:
        """What it reads, with its padding: (n, c, h, w), or (rows, inputs)."""
        x = torch.from_numpy(np.array(value))
        return self.pads(x) if isinstance(self.torch, nn.Conv2d) else self._rows(x)

    def outputs(self, value: NDArray[Any]) -> Tensor:
        """What it makes of that, its bias included: (n, filters, h, w), or (rows, filters)."""
        y = torch.from_numpy(np.array(value))
        return y if isinstance(self.torch, nn.Conv2d) else self._rows(y)

    def _rows(self, values: Tensor) -> Tensor:
        turned = values.mT if self.left else values
        return turned.reshape(-1, turned.shape[-1])


@dataclass(frozen=True, eq=False)
class Fitted:
    """A layer with what it reads and makes, in all nodes that use it.

    Attributes:
        layer: in the graph.
        uses: one for each of its nodes.
        constant: whether anything that is free is added for each filter: a bias, or batch normalisation after it.
    """

    layer: Layer
    uses: tuple[Use, ...]
    constant: bool

    @property
    def fits(self) -> bool:
        """Whether its outputs say what its weights should be."""
        return all(use.alone for use in self.uses)


def fitted_layers(graph: Graph) -> dict[str, Fitted]:
    """The layers whose inputs and outputs the graph gives, by the names of their weights, in order.

    Not convolutions of one or three dimensions, nor products that are scaled or of stacks of matrices, nor weights that
    other operators read too or that are read both as they are and turned.
    """
    readers = readers_of(graph.model.graph)
    constants, normed = origins(graph.model.graph), {graph.nodes[name].input[0] for name in graph.norms}
    found = {}
    for layer in graph.layers:
        uses = [_use(graph, layer, graph.nodes[name], readers, constants) for name in layer.nodes]
        known = tuple(use for use in uses if use is not None)
        if len(known) == len(uses) and not layer.mixed:
            free = all(use.makes in normed and len(readers[use.makes]) == 1 for use in known)
            found[layer.name] = Fitted(layer, known, layer.bias is not None or free)
    return found


def _use(
    graph: Graph,
    layer: Layer,
    node: NodeProto,
    readers: Mapping[str, list[tuple[str, NodeProto]]],
    constants: Mapping[str, str],
) -> Use | None:
    weight, biased = torch.tensor(graph.weights[layer.name]), layer.bias is not None
    alone = biased or node.op_type == "MatMul" or not any(node.input[2:3])
    if node.op_type == "Conv" and weight.ndim == 4 and attribute(node, "group", 1) == layer.groups:
        conv = nn.Conv2d(
            weight.shape[1] * layer.groups,
            len(weight),
            (weight.shape[2], weight.shape[3]),
            stride=tuple(attribute(node, "strides", (1, 1))),
            dilation=tuple(attribute(node, "dilations", (1, 1))),
            groups=layer.groups,
            bias=biased,
        )
        return Use(loaded(conv, weight), node.input[0], node.output[0], _pads(node, conv), alone=alone)
    scaled = any(attribute(node, name, 1.0) != 1 for name in ("alpha", "beta")) or attribute(node, "transA", 0)
    left = constants.get(node.input[0]) == layer.constant
    if weight.ndim != 2 or not (node.op_type == "MatMul" or (node.op_type == "Gemm" and not scaled and not left)):
        return None
    linear = nn.Linear(weight.shape[1], len(weight), bias=biased)
    last = readers[node.output[0]][0][1] if node.op_type == "MatMul" and biased else node
    return Use(loaded(linear, weight), node.input[1 if left else 0], last.output[0], left=left, alone=alone)


def loaded(module: Any, weight: Tensor) -> Any:
    """A layer of torch's with these weights, which are copied into it."""
    module.requires_grad_(False)
    module.weight.copy_(weight)
    return module


def _pads(node: Any, conv: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """What puts a convolution's padding around its input."""
    auto, pads = attribute(node, "auto_pad", b"NOTSET"), attribute(node, "pads", (0, 0, 0, 0))

    def around(x: Tensor) -> Tensor:
        if auto in (b"SAME_UPPER", b"SAME_LOWER"):
            down, across = (_same(x.shape[axis + 2], conv, axis, lower=auto == b"SAME_LOWER") for axis in (0, 1))
            return F.pad(x, (*across, *down))
        return F.pad(x, (pads[1], pads[3], pads[0], pads[2])) if auto != b"VALID" and any(pads) else x

    return around


def _same(side: int, conv: nn.Conv2d, axis: int, *, lower: bool) -> tuple[int, int]:
    """The padding before and after an axis that makes its output as long as its input, over the stride."""
    stride, reach = conv.stride[axis], (conv.kernel_size[axis] - 1) * conv.dilation[axis] + 1
    missing = max((-(-side // stride) - 1) * stride + reach - side, 0)
    small, large = missing // 2, missing - missing // 2
    return (large, small) if lower else (small, large)


def watching(graph: Graph, sample: Sample, layers: dict[str, Fitted], threads: int = THREADS) -> Callable[[See], None]:
    """Lets the dense network answer about images, and shows what its layers read and make, use after use."""
    values = [value for layer in layers.values() for use in layer.uses for value in (use.reads, use.makes)]
    reader = Values(graph, graph.model, values, threads)

    def watch(see: See) -> None:
        for images in sample:
            found = reader.of(images)
            for name, layer in layers.items():
                for use in layer.uses:
                    see(name, use.torch, use.inputs(found[use.reads]), use.outputs(found[use.makes]))

    return watch


class Values:
    """Values inside a graph, or its input."""

    def __init__(self, graph: Graph, model: ModelProto, names: Sequence[str], threads: int) -> None:
        self._input, inside = graph.input.name, [name for name in dict.fromkeys(names) if name != graph.input.name]
        self._runner = Runner(model, graph.input, inside, threads) if inside else None

    def of(self, images: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The values for a batch, by name."""
        made = dict(zip(self._runner.names, self._runner.run(images), strict=True)) if self._runner else {}
        return made | {self._input: images}
