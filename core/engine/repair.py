"""Repair of a pruned network without labels: batch norm measured again, or every layer refitted to the dense network's.

Both walk through the layers once, with a sample of images. The pruned network's activations follow the layers that are
repaired already; the dense network's give the outputs that a refitted layer should have. Nothing before the first layer
with a pruned weight changes.

A refitted layer reads what the repaired layers before it make of the images, as in He et al., "Channel pruning for
accelerating very deep neural networks", ICCV 2017.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.config import Design
from core.engine.least_squares import Normal, Places, equations, made, places, refit, seen
from core.engine.machine import THREADS, reproducible, side_by_side
from core.engine.models import Conv, Residual, get_weights, loaded, shown, watch
from core.pruning import PruningConfig, Weights

_BATCH = 250  # images
_SUMS = 4
"""Sums of equations that are added up side by side; so many on every machine, because their order changes the bits."""

Masks = Mapping[str, np.ndarray]
"""For each kernel, in its shape: True = kept."""
Step = Callable[[int, int], object]
"""Called with the number of layers done, and of all layers."""


def sample(images: np.ndarray, pruning: PruningConfig) -> np.ndarray:
    """Those of the images, (n, h, w) or (n, h, w, c), that the repair may see: a seeded sample, in their order."""
    order = np.random.Generator(np.random.PCG64(pruning.sample_seed)).permutation(len(images))
    return np.asarray(images[np.sort(order[: pruning.sample])])


@dataclass(frozen=True, eq=False)
class Target:
    """What a dense layer makes of a batch at some places: for each group of filters, (rows, filters of the group)."""

    at: Places
    made: list[Tensor]


class Repairer:
    """What a repair needs of the dense network and a sample of images, made once for any number of pruned networks."""

    def __init__(
        self,
        design: Design,
        dense: Weights,
        images: np.ndarray,
        pruning: PruningConfig,
        *,
        threads: int = THREADS,
        check: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare the repair.

        Args:
            design: the network's.
            dense: its weights before pruning; not modified.
            images: the sample, (n, h, w) or (n, h, w, c) uint8.
            pruning: what says whether kernels and biases are fitted to the dense network's outputs, or only batch
                norm's running means and variances are measured again; its sample's seed also draws the places in the
                images that a layer is fitted to.
            threads: of torch. Another number adds up in another order: the results agree up to rounding.
            check: called for each batch; what it raises passes through.
        """
        self._design, self._dense, self._threads, self._check = design, dense, threads, check
        self._batches = [*shown(design, images).split(_BATCH)]
        self._refit, self._generator = pruning.followed_by.refits, torch.Generator().manual_seed(pruning.sample_seed)
        self._targets: dict[str, list[Target]] | None = None

    def repaired(self, pruned: Weights, masks: Masks, on_layer: Step = lambda done, of: None) -> dict[str, np.ndarray]:
        """The weights of a pruned network after its repair.

        Args:
            pruned: its weights; not modified.
            masks: which weights of each kernel are kept; the others stay +0.0.
            on_layer: called with (layers done, layers in all) before the first and after each.
        """
        with reproducible(self._threads), torch.inference_mode():
            on_layer(0, len(masks))
            if self._refit and self._targets is None:
                self._targets = self._outputs(masks)
            model = loaded(self._design, pruned)
            _Walk(masks, self._targets or {}, [*self._batches], on_layer, self._check).through(model)
            return get_weights(model)

    def _outputs(self, kernels: Iterable[str]) -> dict[str, list[Target]]:
        """The dense network's outputs before pooling, at some places of each layer: a target for each batch."""
        found: dict[str, list[Target]] = {name: [] for name in kernels}
        images = sum(map(len, self._batches))

        def keep(kernel: str, layer: nn.Module, x: Tensor, y: Tensor) -> None:
            at = places(layer, y, images, self._generator)
            found[kernel].append(Target(at, made(layer, y, at)))

        watch(loaded(self._design, self._dense), self._batches, found, keep, self._check)
        return found


@dataclass(eq=False)
class _Walk:
    """The repaired network's activations on the way through its layers, which are repaired one after the other.

    Attributes:
        x: a tensor for each batch of images.
        targets: the dense network's outputs for each kernel and batch; none if nothing is fitted.
        changed: whether anything before this place was pruned.
        done: how many kernels are behind it.
    """

    masks: Masks
    targets: Mapping[str, list[Target]]
    x: list[Tensor]
    on_layer: Step
    check: Callable[[], object]
    changed: bool = False
    done: int = 0

    def through(self, module: nn.Module, name: str = "") -> None:
        """Go through a layer, or a sequence of them, and repair what was pruned or comes after it."""
        if isinstance(module, Conv):
            self._repair(f"{name}conv.weight", module.conv, module)
        elif isinstance(module, nn.Linear):
            self._repair(f"{name}weight", module)
        elif isinstance(module, nn.Sequential):
            before = [*self.x] if isinstance(module, Residual) else []
            for inner, child in module.named_children():
                self.through(child, f"{name}{inner}.")
            for i, batch in enumerate(before):
                self.x[i] = batch + self.x[i]
        else:
            self._each(module)

    def _repair(self, kernel: str, layer: nn.Conv2d | nn.Linear, block: Conv | None = None) -> None:
        """Repair one layer; `block` is a convolution with what comes between it and the next."""
        self.changed = self.changed or not self.masks[kernel].all()
        if self.changed and kernel in self.targets:
            self._fit(kernel, layer, free=layer.bias is not None or (block is not None and block.norm is not None))
        self._each(layer if block is None else lambda x: block.pooled(layer(x)))
        if block is not None:
            if self.changed and block.norm is not None:
                measure(block.norm, self.x)
            self._each(block.normed)
        self.done += 1
        self.on_layer(self.done, len(self.masks))

    def _fit(self, kernel: str, layer: nn.Conv2d | nn.Linear, *, free: bool) -> None:
        def added(first: int) -> list[Normal]:
            """The equations of every `_SUMS`-th batch."""
            parts = equations(layer, constant=free)
            for x, target in zip(self.x[first::_SUMS], self.targets[kernel][first::_SUMS], strict=True):
                self.check()
                for part, rows, values in zip(parts, seen(layer, x, target.at), target.made, strict=True):
                    part.add(rows, values)
            return parts

        whole, *others = side_by_side(added, range(_SUMS))
        for other in others:
            for part, more in zip(whole, other, strict=True):
                part.merge(more)
        refit(layer, torch.tensor(self.masks[kernel]), whole)

    def _each(self, layer: Callable[[Tensor], Tensor]) -> None:
        """Go through a layer, batch by batch, each in place of the former, which saves half of the room."""

        def one(i: int) -> None:
            self.check()
            self.x[i] = layer(self.x[i])

        side_by_side(one, range(len(self.x)))


def measure(norm: nn.BatchNorm2d, batches: list[Tensor]) -> None:
    """Set a normalisation's running mean and variance to those of its inputs (n, c, h, w), all batches together."""
    assert norm.running_mean is not None and norm.running_var is not None
    mean, variance = pooled([moments(batch) for batch in batches])
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


Moments = tuple[Tensor, Tensor, Tensor]
"""Of a batch: the number of values in a channel, (1,), their means, and the sums of squares about these, (c,)."""


def pooled(parts: Sequence[Moments]) -> tuple[Tensor, Tensor]:
    """The means and the variances (c,) of all batches together; unbiased, as in training."""
    counts, means, squares = (torch.stack(part).double() for part in zip(*parts, strict=True))
    mean = (counts * means).sum(0) / counts.sum()
    squares = squares + counts * (means - mean) ** 2
    return mean, squares.sum(0) / max(float(counts.sum()) - 1, 1)


def moments(x: Tensor) -> Moments:
    """The moments of a batch (n, c, h, w).

    Training's own kernel computes them, up to nine times as fast as `torch.var_mean`.
    """
    mean, variance = x.new_zeros(x.shape[1]), x.new_zeros(x.shape[1])
    torch.batch_norm(x, None, None, mean, variance, True, 1.0, 0.0, False)
    count = x.new_tensor([x.numel() // x.shape[1]])
    return count, mean, variance * (count - 1)
