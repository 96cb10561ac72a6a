"""Repair without labels of a network that was brought, and what criteria read besides its weights.

As `core.engine.repair` does it for the networks that are trained here; what a layer reads is a value inside the graph,
which ONNX Runtime gives. Layers whose inputs cannot be had so stay as they were pruned: see `fitted_layers`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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


@dataclass(eq=False)
class Module:
    """A layer of a graph as one of torch's, for its arithmetic on what it reads and makes.

    Attributes:
        layer: in the graph.
        torch: with the layer's dense weights, without padding.
        reads, makes: the values before and after it.
        bias: the constant that is added for each filter; None if there is none.
        constant: whether anything that is free after it, a bias or batch normalisation, is added for each filter.
    """

    layer: Layer
    torch: nn.Conv2d | nn.Linear
    reads: str
    makes: str
    bias: str | None
    constant: bool
    pads: Callable[[Tensor], Tensor] = field(default=lambda x: x)

    def inputs(self, value: NDArray[Any]) -> Tensor:
        """What the layer reads, with its padding: (n, c, h, w), or (rows, inputs)."""
        x = torch.from_numpy(np.ascontiguousarray(value))
        return self.pads(x) if isinstance(self.torch, nn.Conv2d) else x.reshape(-1, x.shape[-1])

    def outputs(self, value: NDArray[Any]) -> Tensor:
        """What it makes of that, its constant included: (n, filters, h, w), or (rows, filters)."""
        y = torch.from_numpy(np.ascontiguousarray(value))
        return y if isinstance(self.torch, nn.Conv2d) else y.reshape(-1, y.shape[-1])


def fitted_layers(graph: Graph) -> dict[str, Module]:
    """The layers that can be fitted, by the names of their weights, in order.

    Not those that several nodes share, nor those of one or three dimensions, nor products that are scaled or of two
    stacks of matrices.
    """
    readers = {read: node for node in graph.nodes.values() for read in node.input}
    found = {}
    for layer in graph.layers:
        module = _module(graph, layer, readers) if not layer.tied else None
        if module is not None:
            found[layer.name] = module
    return found


def _module(graph: Graph, layer: Layer, readers: dict[str, Any]) -> Module | None:
    node = graph.nodes[layer.nodes[0]]
    normed = readers.get(node.output[0])
    constant = layer.bias is not None or (normed is not None and normed.op_type == "BatchNormalization")
    weight = torch.from_numpy(graph.weights[layer.name])
    if layer.operator == "Conv":
        if weight.ndim != 4:
            return None
        conv = nn.Conv2d(
            weight.shape[1] * layer.groups,
            len(weight),
            (weight.shape[2], weight.shape[3]),
            stride=tuple(attribute(node, "strides", (1, 1))),
            dilation=tuple(attribute(node, "dilations", (1, 1))),
            groups=layer.groups,
            bias=layer.bias is not None,
        )
        return Module(
            layer, _with(conv, weight), node.input[0], node.output[0], layer.bias, constant, _pads(node, conv)
        )
    scaled = layer.operator == "Gemm" and (attribute(node, "alpha", 1.0) != 1 or attribute(node, "beta", 1.0) != 1)
    if weight.ndim != 2 or scaled or attribute(node, "transA", 0) or node.input[0] == layer.constant:
        return None
    linear = nn.Linear(weight.shape[1], len(weight), bias=layer.bias is not None)
    makes = node.output[0]
    if layer.operator == "MatMul" and layer.bias is not None:
        makes = readers[makes].output[0]
    return Module(layer, _with(linear, weight), node.input[0], makes, layer.bias, constant)


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


def watching(graph: Graph, sample: Sample, modules: dict[str, Module], threads: int = THREADS) -> Callable[[See], None]:
    """Lets the dense network answer about images, and shows what its layers read and make."""
    names = list(dict.fromkeys(name for module in modules.values() for name in (module.reads, module.makes)))
    runner = Runner(graph.model, graph.input, [name for name in names if name != graph.input.name], threads)

    def watch(see: See) -> None:
        for images in sample:
            values = dict(zip(runner.names, runner.run(images), strict=True)) | {graph.input.name: images}
            for name, module in modules.items():
                see(name, module.torch, module.inputs(values[module.reads]), module.outputs(values[module.makes]))

    return watch


def statistic(graph: Graph, needs: str, sample: Sample, threads: int = THREADS) -> Values:
    """What a criterion needs besides the weights, from some images.

    Raises:
        PruningError: the graph does not give it.
    """
    if needs not in (INPUTS, REMOVAL):
        raise PruningError(
            "This criterion needs the gradient of the loss, which an ONNX graph does not give; choose another."
        )
    modules = fitted_layers(graph)
    if missing := [layer.name for layer in graph.layers if layer.name not in modules]:
        raise PruningError(
            f"This criterion needs what each layer reads, which this graph does not give for {_few(missing)}; "
            "choose magnitude or LAMP."
        )
    with reproducible(threads), torch.inference_mode():
        watched = watching(graph, sample, modules, threads)
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
    _modules: dict[str, Module] = field(init=False)
    _targets: dict[str, list[Target]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._modules = fitted_layers(self.graph) if self.pruning.followed_by.refits else {}
        if not self._modules and not self.graph.norms:
            raise PruningError(
                "This graph has no batch normalisation whose means and variances could be measured again: programs "
                "that export merge it into the convolutions. Choose the repair refit, or none."
                if not self.pruning.followed_by.refits
                else "No layer of this graph can be fitted, because it does not give their inputs; choose no repair."
            )

    @property
    def left(self) -> list[str]:
        """The layers that a refit leaves as they were pruned."""
        return [layer.name for layer in self.graph.layers if layer.name not in self._modules] if self._modules else []

    def repaired(
        self, pruned: Weights, masks: dict[str, NDArray[np.bool_]], on_layer: Step = lambda done, of: None
    ) -> dict[str, NDArray[np.float32]]:
        """The constants of the graph that pruning and repair change, as the graph stores them.

        Args:
            pruned: the weights that were pruned, by the names of their layers.
            masks: which weights are kept; the others stay +0.0.
            on_layer: called with the layers done, and their number, before the first and after each.
        """
        constants = self.graph.stored(pruned)
        with reproducible(self.threads), torch.inference_mode():
            if self._modules and not self._targets:
                self._targets = self._outputs()
            steps = [*self._steps(masks)]
            for done, step in enumerate(steps):
                on_layer(done, len(steps))
                constants |= self._norm(step, constants) if isinstance(step, str) else self._fit(step, masks, constants)
            on_layer(len(steps), len(steps))
        return constants

    def _steps(self, masks: dict[str, NDArray[np.bool_]]) -> Iterator[Module | str]:
        """The layers and the normalisations from the first layer on that lost a weight, in the order of the nodes."""
        by_node = {module.layer.nodes[0]: module for module in self._modules.values()}
        pruned = {node for layer in self.graph.layers if not masks[layer.name].all() for node in layer.nodes}
        changed = False
        for name in self.graph.nodes:
            changed = changed or name in pruned
            if changed and name in by_node:
                yield by_node[name]
            elif changed and name in self.graph.norms:
                yield name

    def _outputs(self) -> dict[str, list[Target]]:
        images, generator = len(self.sample), torch.Generator().manual_seed(self.pruning.sample_seed)
        found: dict[str, list[Target]] = {name: [] for name in self._modules}

        def keep(kernel: str, layer: nn.Module, x: Tensor, y: Tensor) -> None:
            at: Places = places(layer, y, images, generator)
            found[kernel].append(Target(at, [part.clone() for part in made(layer, y, at)]))

        watching(self.graph, self.sample, self._modules, self.threads)(keep)
        return found

    def _read(self, value: str, constants: Arrays) -> Iterator[NDArray[Any]]:
        """A value inside the graph with these constants, batch by batch."""
        if value == self.graph.input.name:
            return iter(self.sample)
        runner = Runner(self.graph.rewritten(constants), self.graph.input, [value], self.threads)
        return (runner.run(images)[0] for images in self.sample)

    def _fit(self, module: Module, masks: dict[str, NDArray[np.bool_]], constants: Arrays) -> Arrays:
        name = module.layer.name
        parts: list[Normal] = equations(module.torch, constant=module.constant)
        for value, target in zip(self._read(module.reads, constants), self._targets[name], strict=True):
            x = module.inputs(value)
            for part, rows, values in zip(parts, seen(module.torch, x, target.at), target.made, strict=True):
                part.add(rows, values)
        layer = _with(module.torch, torch.from_numpy(self.graph.weights[name]))
        refit(layer, torch.from_numpy(masks[name]), parts)
        fitted = self.graph.stored({name: layer.weight.numpy().copy()})
        return fitted | ({module.bias: layer.bias.numpy().copy()} if module.bias is not None else {})

    def _norm(self, name: str, constants: Arrays) -> Arrays:
        node = self.graph.nodes[name]
        parts = [moments(torch.from_numpy(np.ascontiguousarray(x))) for x in self._read(node.input[0], constants)]
        mean, variance = pooled(parts)
        return {node.input[3]: mean.float().numpy(), node.input[4]: variance.float().numpy()}
