"""The maximum over 2 x 2, with or without a gradient, where channels come last in memory."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

_VECTOR = 32
"""Channels that fill a processor's vectors, in bfloat16 too: our gradient is the faster one only for multiples."""

_ROWS, _COLUMNS = 1, 2  # of (n, h, w, c)


def pooled(x: Tensor) -> Tensor:
    """(n, c, h, w) to (n, c, h / 2, w / 2), with even `h` and `w`: what `max_pool2d` computes, bit for bit, but sooner.

    torch's notes which of the four is the largest, as an int64, which takes longer than to find it.
    """
    if not (torch.is_grad_enabled() and x.requires_grad):
        by_row = torch.maximum(*_pairs(x.permute(0, 2, 3, 1), _ROWS))
        return torch.maximum(*_pairs(by_row, _COLUMNS)).permute(0, 3, 1, 2)
    if x.device.type == "cpu" and x.shape[1] % _VECTOR == 0:
        largest: Tensor = _Largest.apply(x)
        return largest
    return F.max_pool2d(x, 2)


class _Largest(torch.autograd.Function):
    """Columns first, so that of equal numbers the same one gets the gradient as with `max_pool2d`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        left, right = _pairs(x.permute(0, 2, 3, 1), _COLUMNS)
        above, below = _pairs(torch.maximum(left, right), _ROWS)
        ctx.save_for_backward(right - left, below - above)
        return torch.maximum(above, below).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        right, below = ctx.saved_tensors
        by_row = _handed_down(gradients[0].permute(0, 2, 3, 1), below, _ROWS)
        return _handed_down(by_row, right, _COLUMNS).permute(0, 3, 1, 2)


def _pairs(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The first and the second of each two neighbours."""
    first, second = x.unflatten(dim, (-1, 2)).unbind(dim + 1)
    return first, second


def _handed_down(gradient: Tensor, lead: Tensor, dim: int) -> Tensor:
    """The gradient of the larger of two neighbours, given to the second where its `lead` is positive."""
    both = gradient.new_empty([*gradient.shape[: dim + 1], 2, *gradient.shape[dim + 1 :]])
    first, second = both.unbind(dim + 1)
    torch.ops.aten.threshold_backward.grad_input(gradient, lead, 0, grad_input=second)
    torch.sub(gradient, second, out=first)
    return both.flatten(dim, dim + 1)
