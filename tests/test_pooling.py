"""The maximum over 2 x 2 is that of `max_pool2d`, and so is its gradient, whichever way it is computed."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.engine.pooling import pooled

KINDS = (torch.float32, torch.bfloat16)


def maps(channels: int, kind: torch.dtype) -> Tensor:
    """Feature maps, channels last in memory. A third of the neighbours are equal, and some differ by very little."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(3, (5, channels, 12, 8), generator=generator).to(kind)
    x[2:] = torch.rand(3, channels, 12, 8, generator=generator).to(kind) * torch.finfo(kind).tiny
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 6, 32, 96])
def test_it_is_the_maximum(channels: int, kind: torch.dtype) -> None:
    x = maps(channels, kind)
    found = pooled(x)
    assert torch.equal(found, F.max_pool2d(x, 2))
    assert found.is_contiguous(memory_format=torch.channels_last) and found.shape == (5, channels, 6, 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [6, 32, 96])
def test_the_same_numbers_get_the_gradient(channels: int, kind: torch.dtype) -> None:
    x, same = (maps(channels, kind).requires_grad_() for _ in range(2))
    ours, usual = pooled(x), F.max_pool2d(same, 2)
    gradient = torch.randn(usual.shape, generator=torch.Generator().manual_seed(1)).to(kind)
    ours.backward(gradient)
    usual.backward(gradient)
    assert torch.equal(ours, usual)
    assert x.grad is not None and same.grad is not None and torch.equal(x.grad, same.grad)


def test_an_output_that_is_not_a_number_stays_visible() -> None:
    x = maps(32, torch.float32)
    x[0, 0, 0, 0] = torch.nan
    assert pooled(x).isnan().sum() == pooled(x.requires_grad_()).isnan().sum() == 1


def test_vectors_are_filled_without_an_index_for_each_output() -> None:
    x = maps(64, torch.bfloat16).requires_grad_()
    assert "Largest" in str(pooled(x).grad_fn) and "MaxPool" in str(pooled(x[:, :48]).grad_fn)
