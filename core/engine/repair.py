"""Repair of a pruned network without labels: batch norm measured again, or every layer refitted to the dense network's.

Both walk through the layers once, with a sample of images. The pruned network's activations follow the layers that are
repaired already; the dense network's give the outputs that a refitted layer should have. Nothing before the first layer
with a pruned weight changes.

A refitted filter is the solution of its normal equations over the weights that are kept, in float64, as in the local
reconstruction of Frantar and Alistarh, "Optimal Brain Compression", NeurIPS 2022; layer after layer, from inputs as the
pruned network makes them, as in He et al., "Channel pruning", ICCV 2017.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import Design
from core.engine.machine import THREADS, reproducible
from core.engine.models import Conv, Residual, build, get_weights, normalise, set_weights
from core.networks import passes
from core.pruning import Weights

RIDGE = 1e-5
"""The penalty on a weight's squared distance from its dense value, relative to its mean squared input."""
_LEAST_RIDGE = 1e-12
ROWS = 100
"""The positions in the sample's images that a layer is fitted to, for each weight of a filter, at least."""
LEAST_ROWS = 50_000
_BATCH = 250  # images

Masks = Mapping[str, np.ndarray]
"""For each kernel, in its shape: True = kept."""
Step = Callable[[int, int], object]
"""Called with the number of layers done, and of all layers."""


@dataclass(eq=False)
class Normal:
    """The normal equations of linear maps from `inputs` numbers to `outputs`, with free constants, added up in float64.

    Attributes:
        gram: (inputs, inputs) sum of x xᵀ.
        cross: (inputs, outputs) sum of x yᵀ.
        x: (inputs,) sum of x.
        y: (outputs,) sum of y.
        rows: how many pairs were added.
    """

    inputs: int
    outputs: int
    constant: bool = True
    rows: int = 0
    gram: Tensor = field(init=False)
    cross: Tensor = field(init=False)
    x: Tensor = field(init=False)
    y: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.gram, self.cross, self.x, self.y = (
            torch.zeros(shape, dtype=torch.float64)
            for shape in ((self.inputs, self.inputs), (self.inputs, self.outputs), self.inputs, self.outputs)
        )

    def add(self, x: Tensor, y: Tensor) -> None:
        """Add pairs: x (rows, inputs), y (rows, outputs)."""
        x, y = x.double(), y.double()
        self.gram.addmm_(x.T, x)
        self.cross.addmm_(x.T, y)
        self.x += x.sum(0)
        self.y += y.sum(0)
        self.rows += len(x)

    def solve(self, weight: Tensor, kept: Tensor, ridge: float = RIDGE) -> tuple[Tensor, Tensor]:
        """The weights (outputs, inputs) with the least squared error among those that are 0 where `kept` is not True.

        Args:
            weight: (outputs, inputs), what the ridge pulls to.
            kept: (outputs, inputs).
            ridge: times the mean of the diagonal of `gram`, the penalty on the squared distance from `weight`.

        Returns:
            The weights and the constants (outputs,), float64. Where all inputs are 0 the weights stay as they are.
        """
        n = max(self.rows, 1)
        gram, cross = self.gram, self.cross
        if self.constant:
            gram, cross = gram - torch.outer(self.x, self.x) / n, cross - torch.outer(self.x, self.y) / n
        penalty = max(ridge, _LEAST_RIDGE) * float(self.gram.diagonal().mean()) + np.finfo(np.float64).tiny
        gram, cross = gram + penalty * torch.eye(self.inputs, dtype=torch.float64), cross + penalty * weight.double().T
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        whole = inverse @ cross
        found = torch.stack([_constrained(gram, cross[:, j], inverse, whole[:, j], kept[j]) for j in range(len(kept))])
        return found, (self.y - found @ self.x) / n if self.constant else torch.zeros(self.outputs)


def _constrained(gram: Tensor, cross: Tensor, inverse: Tensor, whole: Tensor, kept: Tensor) -> Tensor:
    """One filter's weights. The smaller system is solved: that of the kept weights, or that of the pruned ones.

    The second is Optimal Brain Surgeon's (Hassibi and Stork, 1992): what the solution over all weights changes by if
    some of them have to be 0.
    """
    inside, outside = kept.nonzero()[:, 0], (~kept).nonzero()[:, 0]
    weight = torch.zeros_like(whole)
    if len(inside) <= len(outside):
        if len(inside):
            weight[inside] = _solved(gram[inside][:, inside], cross[inside])
    else:
        forced = _solved(inverse[outside][:, outside], whole[outside]) if len(outside) else whole[:0]
        weight[inside] = whole[inside] - inverse[inside][:, outside] @ forced
    return weight


def _solved(matrix: Tensor, right: Tensor) -> Tensor:
    return torch.cholesky_solve(right[:, None], torch.linalg.cholesky(matrix))[:, 0]


def repaired(
    design: Design,
    dense: Weights,
    pruned: Weights,
    masks: Masks,
    images: np.ndarray,
    *,
    refit: bool,
    seed: int = 0,
    threads: int = THREADS,
    on_layer: Step = lambda done, of: None,
    check: Callable[[], object] = lambda: None,
) -> dict[str, np.ndarray]:
    """The weights of a pruned network after its repair; `pruned` and `dense` are not modified.

    Args:
        design: the network's.
        dense: its weights before pruning.
        pruned: after it.
        masks: which weights of each kernel are kept; the others stay +0.0.
        images: the sample, (n, h, w) or (n, h, w, c) uint8.
        refit: whether kernels and biases are fitted to the dense network's outputs; if not, only batch norm's running
            means and variances are measured again.
        seed: for the positions in the images that a layer is fitted to.
        threads: of torch. Another number adds up in another order: the results agree up to rounding, not bit for bit.
        on_layer: called with (layers done, layers in all) before the first and after each.
        check: called for each batch; what it raises passes through.
    """
    with reproducible(threads), torch.inference_mode():
        model, twin = build(design, 0).eval(), build(design, 0).eval()
        set_weights(model, pruned)
        set_weights(twin, dense)
        x = normalise(torch.tensor(images))
        if passes(design) == 2:  # the network answers about the mirror image too
            x[1::2] = x[1::2].flip(3)
        batches = [*x.split(_BATCH)]
        walk = _Walk(refit, masks, batches, batches, torch.Generator().manual_seed(seed), on_layer, check)
        on_layer(0, len(masks))
        walk.through(model, twin)
        return get_weights(model)


@dataclass(frozen=True, eq=False)
class _Block:
    """A layer with weights, and what comes between it and the next: pooling, then normalisation and ReLU."""

    kernel: str
    linear: nn.Conv2d | nn.Linear
    norm: nn.BatchNorm2d | None = None
    pooled: Callable[[Tensor], Tensor] = lambda x: x
    normed: Callable[[Tensor], Tensor] = lambda x: x

    @classmethod
    def of(cls, module: nn.Module, name: str) -> "_Block | None":
        """None for a layer without weights."""
        if isinstance(module, Conv):
            return cls(f"{name}conv.weight", module.conv, module.norm, module.pooled, module.normed)
        return cls(f"{name}weight", module) if isinstance(module, nn.Linear) else None


@dataclass(eq=False)
class _Walk:
    """The activations of both networks on the way through their layers, which are repaired one after the other.

    Attributes:
        x: those of the repaired network, a tensor for each batch of images.
        d: those of the dense network; the very same list as long as nothing was pruned, and empty after that if
            nothing is fitted to them.
        done: how many kernels are behind it.
    """

    refit: bool
    masks: Masks
    x: list[Tensor]
    d: list[Tensor]
    generator: torch.Generator
    on_layer: Step
    check: Callable[[], object]
    done: int = 0

    @property
    def untouched(self) -> bool:
        """Whether both networks are the same so far."""
        return self.x is self.d

    def through(self, module: nn.Module, twin: nn.Module, name: str = "") -> None:
        """Go through a layer, or a sequence of them, and repair what was pruned or comes after it."""
        ours, dense = _Block.of(module, name), _Block.of(twin, name)
        if ours and dense:
            if not (self.untouched and self.masks[ours.kernel].all()):
                self._repair(ours, dense)
            else:
                self.x = self.d = [module(batch) for batch in self._each(self.x)]
            self.done += 1
            self.on_layer(self.done, len(self.masks))
        elif isinstance(module, nn.Sequential):
            x, d = self.x, self.d
            for (inner, child), other in zip(module.named_children(), twin.children(), strict=True):
                self.through(child, other, f"{name}{inner}.")
            if isinstance(module, Residual):
                self._replace(_sums(x, self.x), _sums(d, self.d))
        else:
            self._replace([module(batch) for batch in self.x], [twin(batch) for batch in self.d])

    def _replace(self, x: list[Tensor], d: list[Tensor]) -> None:
        self.x, self.d = x, x if self.untouched else d

    def _repair(self, ours: _Block, dense: _Block) -> None:
        self.d = self._fit(ours, dense) if self.refit else []
        x = [ours.pooled(ours.linear(batch)) for batch in self._each(self.x)]
        if ours.norm is not None:
            measure(ours.norm, x)
        self.x = [ours.normed(batch) for batch in x]

    def _fit(self, ours: _Block, dense: _Block) -> list[Tensor]:
        """Fit the layer to the dense network's outputs before pooling; return what the dense network makes of them."""
        layer, free = ours.linear, ours.norm is not None or ours.linear.bias is not None
        parts, after = equations(layer, constant=free), []
        for x, d in zip(self._each(self.x), self.d, strict=True):
            y = dense.linear(d)
            for part, rows in zip(parts, pairs(layer, x, y, self._positions(layer, y)), strict=True):
                part.add(*rows)
            after.append(dense.normed(dense.pooled(y)))
        refit(layer, torch.tensor(self.masks[ours.kernel]), parts)
        return after

    def _positions(self, layer: nn.Conv2d | nn.Linear, y: Tensor) -> Tensor:
        """Some of the places in a convolution's output, drawn at random: as many of each image as make enough rows."""
        places = y[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
        wanted = max(LEAST_ROWS, ROWS * layer.weight[0].numel()) / sum(map(len, self.x))
        return torch.randperm(places, generator=self.generator)[: max(1, ceil(wanted))]

    def _each(self, batches: list[Tensor]) -> Iterator[Tensor]:
        for batch in batches:
            self.check()
            yield batch


def _sums(one: list[Tensor], other: list[Tensor]) -> list[Tensor]:
    return [a + b for a, b in zip(one, other, strict=False)]  # without a dense network's, none


def equations(layer: nn.Conv2d | nn.Linear, *, constant: bool) -> list[Normal]:
    """The normal equations of each group of a layer's filters."""
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    return [Normal(layer.weight[0].numel(), len(layer.weight) // groups, constant) for _ in range(groups)]


def pairs(layer: nn.Conv2d | nn.Linear, x: Tensor, y: Tensor, at: Tensor) -> list[tuple[Tensor, Tensor]]:
    """What each group of filters reads, and what it should make of it.

    Args:
        layer: a convolution or a fully connected layer.
        x: its inputs, (n, c, h, w) or (n, inputs).
        y: outputs, (n, filters, h', w') or (n, outputs).
        at: (p,) places in a convolution's output, as flat indices.

    Returns:
        For each group: (n p, weights of a filter) and (n p, filters of the group).
    """
    if isinstance(layer, nn.Linear):
        return [(x, y)]
    down, across = (int(side) for side in layer.padding)
    (high, wide), (step, stride) = layer.kernel_size, layer.stride
    windows = F.pad(x, (across, across, down, down)).unfold(2, high, step).unfold(3, wide, stride)
    rows, columns = at // y.shape[3], at % y.shape[3]
    seen = windows[:, :, rows, columns].permute(0, 2, 1, 3, 4).reshape(len(x) * len(at), layer.groups, -1)
    made = y[:, :, rows, columns].permute(0, 2, 1).reshape(len(x) * len(at), layer.groups, -1)
    return [(seen[:, g], made[:, g]) for g in range(layer.groups)]


def refit(layer: nn.Conv2d | nn.Linear, kept: Tensor, parts: list[Normal], ridge: float = RIDGE) -> None:
    """Replace a layer's kept weights, and its bias if it has one, by the solution of its groups' normal equations."""
    flat, kept = layer.weight.flatten(1), kept.flatten(1)
    groups = zip(parts, flat.chunk(len(parts)), kept.chunk(len(parts)), strict=True)
    found = [part.solve(weight, mask, ridge) for part, weight, mask in groups]
    layer.weight.copy_(torch.cat([weight for weight, _ in found]).view_as(layer.weight))
    if layer.bias is not None:
        layer.bias.copy_(torch.cat([constant for _, constant in found]))


def measure(norm: nn.BatchNorm2d, batches: list[Tensor]) -> None:
    """Set a normalisation's running mean and variance to those of its inputs (n, c, h, w), all batches together."""
    assert norm.running_mean is not None and norm.running_var is not None
    counts = torch.tensor([batch.numel() // batch.shape[1] for batch in batches], dtype=torch.float64)[:, None]
    parts = [torch.var_mean(batch, (0, 2, 3), correction=0) for batch in batches]
    variances, means = (torch.stack(part).double() for part in zip(*parts, strict=True))
    n, mean = counts.sum(), (counts * means).sum(0) / counts.sum()
    squares = (counts * (variances + (means - mean) ** 2)).sum(0)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(squares / max(float(n) - 1, 1))  # unbiased, as in training
