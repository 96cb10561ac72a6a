"""Repair without labels of a network that was brought, and what criteria read besides its weights.

As `core.engine.repair` does it for the networks that are trained here; what a layer reads is a value inside the graph,
which ONNX Runtime gives. Layers whose inputs it does not give stay as they were pruned: see `fitted_layers`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from torch import Tensor, nn
from torch.nn import functional as F

from core.engine.least_squares import Normal, Places, equations, made, places, refit, seen
from core.engine.machine import THREADS, reproducible
from core.engine.own.graph import Arrays, Graph, attribute
from core.engine.own.runtime import Runner, Sample
from core.engine.repair import Target, moments, pooled
from core.engine.statistics import See, Values, orders, sizes
from core.errors import PruningError
from core.own.outline import Layer
from core.pruning import INPUTS, REMOVAL, PruningConfig, Weights

Step = Callable[[int, int], object]
"""Called with the number of layers done, and of all layers."""


@dataclass(frozen=True, eq=False)
class Use:
    """A node that multiplies by a layer's weights, as one of torch's layers, for the arithmetic on what it reads.

    Attributes:
        torch: with the layer's dense weights, without padding.
        reads, makes: the values before and after it.
        pads: puts a convolution's padding around its input.
        left: whether the weights are the left side of a product, and so read the columns of its right side.
    """

    torch: nn.Conv2d | nn.Linear
    reads: str
    makes: str
    pads: Callable[[Tensor], Tensor] = lambda x: x
    left: bool = False

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
    """A layer that can be fitted: all nodes that use it, together.

    Attributes:
        layer: in the graph.
        uses: one for each of its nodes.
        constant: whether anything that is free is added for each filter: a bias, or batch normalisation after it.
    """

    layer: Layer
    uses: tuple[Use, ...]
    constant: bool


def fitted_layers(graph: Graph) -> dict[str, Fitted]:
    """The layers that can be fitted, by the names of their weights, in order.

    Not convolutions of one or three dimensions, nor products that are scaled or of stacks of matrices, nor weights that
    other operators read too.
    """
    readers: dict[str, Any] = {read: node for node in graph.nodes.values() for read in node.input}
    found = {}
    for layer in graph.layers:
        uses = [_use(graph, layer, name, readers) for name in layer.nodes]
        known = tuple(use for use in uses if use is not None)
        if len(known) == len(uses):
            after = (readers.get(use.makes) for use in known)
            normed = all(node is not None and node.op_type == "BatchNormalization" for node in after)
            found[layer.name] = Fitted(layer, known, layer.bias is not None or normed)
    return found


def _use(graph: Graph, layer: Layer, name: str, readers: dict[str, Any]) -> Use | None:
    node, weight = graph.nodes[name], torch.tensor(graph.weights[layer.name])
    if node.op_type == "Conv" and weight.ndim == 4:
        conv = nn.Conv2d(
            weight.shape[1] * layer.groups,
            len(weight),
            (weight.shape[2], weight.shape[3]),
            stride=tuple(attribute(node, "strides", (1, 1))),
            dilation=tuple(attribute(node, "dilations", (1, 1))),
            groups=int(attribute(node, "group", 1)),
            bias=layer.bias is not None,
        )
        return Use(_with(conv, weight), node.input[0], node.output[0], _pads(node, conv))
    scaled = any(attribute(node, name, 1.0) != 1 for name in ("alpha", "beta")) or attribute(node, "transA", 0)
    left = node.input[0] == layer.constant
    if weight.ndim != 2 or not (node.op_type == "MatMul" or (node.op_type == "Gemm" and not scaled and not left)):
        return None
    linear = nn.Linear(weight.shape[1], len(weight), bias=layer.bias is not None)
    adds = node.op_type == "MatMul" and layer.bias is not None
    makes = (readers[node.output[0]] if adds else node).output[0]
    return Use(_with(linear, weight), node.input[1 if left else 0], makes, left=left)


def _with(module: Any, weight: Tensor) -> Any:
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
    reader = _Values(graph, graph.model, values, threads)

    def watch(see: See) -> None:
        for images in sample:
            found = reader.of(images)
            for name, layer in layers.items():
                for use in layer.uses:
                    see(name, use.torch, use.inputs(found[use.reads]), use.outputs(found[use.makes]))

    return watch


class _Values:
    """Values inside a graph, or its input."""

    def __init__(self, graph: Graph, model: ModelProto, names: Sequence[str], threads: int) -> None:
        self._input, inside = graph.input.name, [name for name in dict.fromkeys(names) if name != graph.input.name]
        self._runner = Runner(model, graph.input, inside, threads) if inside else None

    def of(self, images: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The values for a batch, by name."""
        made = dict(zip(self._runner.names, self._runner.run(images), strict=True)) if self._runner else {}
        return made | {self._input: images}


def statistic(graph: Graph, needs: str, sample: Sample, threads: int = THREADS) -> Values:
    """What a criterion needs besides the weights, from some images.

    Raises:
        PruningError: the graph does not give it.
    """
    if needs not in (INPUTS, REMOVAL):
        raise PruningError(
            "This criterion needs the gradient of the loss, which an ONNX graph does not give; choose another."
        )
    fitted = fitted_layers(graph)
    if missing := [layer.name for layer in graph.layers if layer.name not in fitted]:
        raise PruningError(
            f"This criterion needs what each layer reads, which this graph does not give for {_few(missing)}; "
            "choose magnitude or LAMP."
        )
    with reproducible(threads), torch.inference_mode():
        watched = watching(graph, sample, fitted, threads)
        return sizes(graph.weights, watched) if needs == INPUTS else orders(graph.weights, watched, len(sample))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@dataclass(eq=False)
class Repairer:
    """A repair of one graph with one sample of images, for any number of prunings.

    Attributes:
        graph: the dense network.
        sample: the images that the repair may see.
        pruning: says what changes, and the seed of the places in the images that a layer is fitted to.

    Raises:
        PruningError: the graph has nothing that this repair changes.
    """

    graph: Graph
    sample: Sample
    pruning: PruningConfig
    threads: int = THREADS
    _layers: dict[str, Fitted] = field(init=False)
    _targets: dict[str, list[Target]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._layers = fitted_layers(self.graph) if self.pruning.followed_by.refits else {}
        if not self._layers and not self.graph.norms:
            raise PruningError(
                "No layer of this graph can be fitted: the graph does not give what they read. Choose no repair."
                if self.pruning.followed_by.refits
                else "This graph has no batch normalisation to measure again: programs that export merge it into the "
                "convolutions. Choose the repair refit, or none."
            )

    @property
    def left(self) -> list[str]:
        """The layers that a refit leaves as they were pruned."""
        refits = self.pruning.followed_by.refits
        return [layer.name for layer in self.graph.layers if refits and layer.name not in self._layers]

    def repaired(
        self, pruned: Weights, masks: dict[str, NDArray[np.bool_]], on_layer: Step = lambda done, of: None
    ) -> dict[str, NDArray[np.float32]]:
        """The constants of the graph that pruning and repair change, as the graph stores them.

        Args:
            pruned: the weights that were pruned, by the names of their layers.
            masks: which weights are kept; the others stay +0.0.
            on_layer: called with the layers and normalisations done, and their number, before the first and after each.
        """
        constants = self.graph.stored(pruned)
        with reproducible(self.threads), torch.inference_mode():
            if self._layers and not self._targets:
                self._targets = self._outputs()
            steps = [*self._steps(masks)]
            for done, step in enumerate(steps):
                on_layer(done, len(steps))
                constants |= self._norm(step, constants) if isinstance(step, str) else self._fit(step, masks, constants)
            on_layer(len(steps), len(steps))
        return constants

    def _steps(self, masks: dict[str, NDArray[np.bool_]]) -> Iterator[Fitted | str]:
        """The layers and the normalisations from the first layer on that lost a weight, in the order of the nodes."""
        first = {fitted.layer.nodes[0]: fitted for fitted in self._layers.values()}
        pruned = {node for layer in self.graph.layers if not masks[layer.name].all() for node in layer.nodes}
        changed = False
        for name in self.graph.nodes:
            changed = changed or name in pruned
            if changed and name in first:
                yield first[name]
            elif changed and name in self.graph.norms:
                yield name

    def _outputs(self) -> dict[str, list[Target]]:
        """What each use of each layer makes of the sample, batch after batch."""
        generator = torch.Generator().manual_seed(self.pruning.sample_seed)
        found: dict[str, list[Target]] = {name: [] for name in self._layers}

        def keep(kernel: str, layer: nn.Module, x: Tensor, y: Tensor) -> None:
            at: Places = places(layer, y, len(self.sample), generator)
            found[kernel].append(Target(at, [part.clone() for part in made(layer, y, at)]))

        watching(self.graph, self.sample, self._layers, self.threads)(keep)
        return found

    def _read(self, names: Sequence[str], constants: Arrays) -> Iterator[dict[str, NDArray[Any]]]:
        """Values inside the graph with these constants, batch by batch."""
        reader = _Values(self.graph, self.graph.rewritten(constants), names, self.threads)
        return (reader.of(images) for images in self.sample)

    def _fit(self, fitted: Fitted, masks: dict[str, NDArray[np.bool_]], constants: Arrays) -> Arrays:
        name, bias = fitted.layer.name, fitted.layer.bias
        layer, targets = fitted.uses[0].torch, iter(self._targets[name])
        parts: list[Normal] = equations(layer, constant=fitted.constant)
        for values in self._read([use.reads for use in fitted.uses], constants):
            for use in fitted.uses:
                target = next(targets)
                rows = seen(use.torch, use.inputs(values[use.reads]), target.at)
                for part, read, wanted in zip(parts, rows, target.made, strict=True):
                    part.add(read, wanted)
        _with(layer, torch.tensor(self.graph.weights[name]))  # what the ridge pulls to
        refit(layer, torch.tensor(masks[name]), parts)
        changed = self.graph.stored({name: layer.weight.numpy().copy()})
        return changed | ({bias: layer.bias.numpy().copy()} if bias is not None and layer.bias is not None else {})

    def _norm(self, name: str, constants: Arrays) -> Arrays:
        node = self.graph.nodes[name]
        read = node.input[0]
        parts = [moments(torch.tensor(values[read])) for values in self._read([read], constants)]
        mean, variance = pooled(parts)
        return {node.input[3]: mean.float().numpy(), node.input[4]: variance.float().numpy()}
