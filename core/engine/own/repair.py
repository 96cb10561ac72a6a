"""Repair without labels of a network that was brought, as `core.engine.repair` does it for those that are trained here.

Layers whose inputs the graph does not give stay as they were pruned: see `core.engine.own.inside.fitted_layers`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.engine.least_squares import Normal, Places, equations, made, places, refit, seen
from core.engine.machine import THREADS, reproducible
from core.engine.own.graph import Arrays, Graph
from core.engine.own.inside import Fitted, Values, fitted_layers, loaded, watching
from core.engine.own.runtime import Sample
from core.engine.repair import Target, moments, pooled
from core.errors import PruningError
from core.pruning import PruningConfig, Weights

Step = Callable[[int, int], object]
"""Called with the number of layers done, and of all layers."""


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
        refits = self.pruning.followed_by.refits
        self._layers = {name: part for name, part in fitted_layers(self.graph).items() if part.fits and refits}
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
        reader = Values(self.graph, self.graph.rewritten(constants), names, self.threads)
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
        loaded(layer, torch.tensor(self.graph.weights[name]))  # what the ridge pulls to
        refit(layer, torch.tensor(masks[name]), parts)
        changed = self.graph.stored({name: layer.weight.numpy().copy()})
        return changed | ({bias: layer.bias.numpy().copy()} if bias is not None and layer.bias is not None else {})

    def _norm(self, name: str, constants: Arrays) -> Arrays:
        node = self.graph.nodes[name]
        read = node.input[0]
        parts = [moments(torch.tensor(values[read])) for values in self._read([read], constants)]
        mean, variance = pooled(parts)
        return {node.input[3]: mean.float().numpy(), node.input[4]: variance.float().numpy()}
