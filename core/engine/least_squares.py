"""A layer's weights by least squares: normal equations in float64, solved for each filter's remaining weights.

As in the local reconstruction of Frantar and Alistarh, "Optimal Brain Compression", NeurIPS 2022.
"""

from dataclasses import dataclass, field
from math import ceil

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.engine.machine import side_by_side

RIDGE = 1e-5
"""The penalty on a weight's squared distance from its dense value, relative to its mean squared input."""
_LEAST_RIDGE = 1e-12
ROWS = 100
"""The positions in a sample's images that a layer is fitted to, for each weight of a filter, at least."""
LEAST_ROWS = 50_000
_BLOCK = 144
"""Inputs whose products are added at once."""

Places = tuple[Tensor, Tensor] | None
"""Rows and columns in a convolution's output; None for a fully connected layer, whose output has but one place."""


@dataclass(eq=False)
class Normal:
    """The normal equations of linear maps from `inputs` numbers to `outputs`, with free constants, added up in float64.

    Attributes:
        cross: (inputs, outputs) sum of x yᵀ.
        x: (inputs,) sum of x.
        y: (outputs,) sum of y.
        rows: how many pairs were added.
    """

    inputs: int
    outputs: int
    constant: bool = True
    rows: int = 0
    cross: Tensor = field(init=False)
    x: Tensor = field(init=False)
    y: Tensor = field(init=False)
    _lower: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self._lower, self.cross, self.x, self.y = (
            torch.zeros(shape, dtype=torch.float64)
            for shape in ((self.inputs, self.inputs), (self.inputs, self.outputs), self.inputs, self.outputs)
        )

    @property
    def gram(self) -> Tensor:
        """(inputs, inputs) sum of x xᵀ."""
        return self._lower.tril() + self._lower.tril(-1).T

    def add(self, x: Tensor, y: Tensor) -> None:
        """Add pairs: x (rows, inputs), y (rows, outputs)."""
        x, y = x.double(), y.double()
        for part in range(0, self.inputs, _BLOCK):  # on and below the diagonal, which is enough
            self._lower[part:, part : part + _BLOCK].addmm_(x[:, part:].T, x[:, part : part + _BLOCK])
        self.cross.addmm_(x.T, y)
        self.x += x.sum(0)
        self.y += y.sum(0)
        self.rows += len(x)

    def merge(self, other: "Normal") -> None:
        """Add the pairs that were added to another."""
        self._lower += other._lower
        self.cross += other.cross
        self.x += other.x
        self.y += other.y
        self.rows += other.rows

    def solve(self, weight: Tensor, kept: Tensor, ridge: float = RIDGE) -> tuple[Tensor, Tensor]:
        """The weights (outputs, inputs) with the least squared error among those that are 0 where `kept` is not True.

        Args:
            weight: (outputs, inputs), what the ridge pulls to.
            kept: (outputs, inputs).
            ridge: times the mean of the diagonal of `gram`, the penalty on the squared distance from `weight`.

        Returns:
            The weights and the constants (outputs,), float64. Where all inputs are 0 the weights stay as they are.
        """
        penalty, n = self._penalty(ridge), max(self.rows, 1)
        gram, cross = self.curvature(ridge), self.cross + penalty * weight.double().T
        if self.constant:
            cross = cross - torch.outer(self.x, self.y) / n
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        whole = inverse @ cross

        def one(filter: int) -> Tensor:
            return _constrained(gram, cross[:, filter], inverse, whole[:, filter], kept[filter])

        found = torch.stack(side_by_side(one, range(self.outputs)))
        return found, (self.y - found @ self.x) / n if self.constant else torch.zeros(self.outputs)

    def curvature(self, ridge: float = RIDGE) -> Tensor:
        """(inputs, inputs) half of the second derivative of a filter's squared error, at the best constant; invertible.

        `ridge` as for `solve`.
        """
        gram = self.gram
        if self.constant:
            gram -= torch.outer(self.x, self.x) / max(self.rows, 1)
        return gram + self._penalty(ridge) * torch.eye(self.inputs, dtype=torch.float64)

    def _penalty(self, ridge: float) -> float:
        return max(ridge, _LEAST_RIDGE) * float(self._lower.diagonal().mean()) + float(np.finfo(np.float64).tiny)


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


def equations(layer: nn.Conv2d | nn.Linear, *, constant: bool, fitted: bool = True) -> list[Normal]:
    """The normal equations of each group of a layer's filters; without outputs unless they are to be fitted."""
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    outputs = len(layer.weight) // groups if fitted else 0
    return [Normal(layer.weight[0].numel(), outputs, constant) for _ in range(groups)]


def places(layer: nn.Module, y: Tensor, images: int, generator: torch.Generator) -> Places:
    """Some places in a convolution's output, drawn at random: as many of each image as make enough rows of them all."""
    if not isinstance(layer, nn.Conv2d):
        return None
    wanted = max(LEAST_ROWS, ROWS * layer.weight[0].numel()) / images
    drawn = torch.randperm(y[0, 0].numel(), generator=generator)[: max(1, ceil(wanted))]
    return drawn // y.shape[3], drawn % y.shape[3]


def windows(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """What a convolution reads for each place of its output: a view (n, c, h, w, kernel's height, its width)."""
    down, across = (int(side) for side in layer.padding)
    (high, wide), (step, stride), (apart, beside) = layer.kernel_size, layer.stride, layer.dilation
    padded = F.pad(x, (across, across, down, down))
    spread = padded.unfold(2, (high - 1) * apart + 1, step).unfold(3, (wide - 1) * beside + 1, stride)
    return spread[..., ::apart, ::beside]


def seen(layer: nn.Conv2d | nn.Linear, x: Tensor, at: Places) -> list[Tensor]:
    """What each group of filters reads at these places of the output: (rows, weights of a filter), a row for each.

    `x` is (n, c, h, w) or, for a fully connected layer, (n, inputs).
    """
    if at is None or isinstance(layer, nn.Linear):
        return [x]
    rows = windows(layer, x)[:, :, at[0], at[1]].permute(0, 2, 1, 3, 4)
    return [*rows.reshape(-1, layer.groups, layer.weight[0].numel()).unbind(1)]


def made(layer: nn.Module, y: Tensor, at: Places) -> list[Tensor]:
    """What each group of filters makes of it, (rows, filters of a group); `y` is (n, filters, h, w) or (n, outputs)."""
    if at is None or not isinstance(layer, nn.Conv2d):
        return [y]
    rows = y[:, :, at[0], at[1]].permute(0, 2, 1)
    return [*rows.reshape(-1, layer.groups, len(layer.weight) // layer.groups).unbind(1)]


def refit(layer: nn.Conv2d | nn.Linear, kept: Tensor, parts: list[Normal], ridge: float = RIDGE) -> None:
    """Replace a layer's kept weights, and its bias if it has one, by the solution of its groups' normal equations."""
    flat, kept = layer.weight.flatten(1), kept.flatten(1)
    groups = zip(parts, flat.chunk(len(parts)), kept.chunk(len(parts)), strict=True)
    found = [part.solve(weight, mask, ridge) for part, weight, mask in groups]
    layer.weight.copy_(torch.cat([weight for weight, _ in found]).view_as(layer.weight))
    if layer.bias is not None:
        layer.bias.copy_(torch.cat([constant for _, constant in found]))
