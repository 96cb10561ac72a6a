"""Training uses bfloat16 only where it is faster."""

import time
from collections.abc import Iterator

import pytest
import torch

from core.engine import machine

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def undecided() -> Iterator[None]:
    machine._bfloat16_wins.cache_clear()
    yield
    machine._bfloat16_wins.cache_clear()


def instructions(monkeypatch: pytest.MonkeyPatch, present: bool, slow: torch.dtype = torch.float32) -> None:
    """A CPU with or without them, on which one kind of convolution takes longer."""

    def convolve(x: torch.Tensor, *rest: object, **more: object) -> None:
        time.sleep(0.004 if x.dtype == slow else 0.001)

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: present)
    monkeypatch.setattr(torch, "conv2d", convolve)


def test_a_cpu_without_the_instructions_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    instructions(monkeypatch, present=False)
    assert not machine.has_bfloat16(CPU)


@pytest.mark.parametrize("slow", [torch.float32, torch.bfloat16])
def test_a_cpu_with_them_uses_what_is_faster_on_it_and_stays_with_it(
    monkeypatch: pytest.MonkeyPatch, slow: torch.dtype
) -> None:
    instructions(monkeypatch, present=True, slow=slow)
    first = machine.has_bfloat16(CPU)
    assert first == (slow is torch.float32)
    instructions(monkeypatch, present=True, slow=torch.bfloat16 if first else torch.float32)
    assert machine.has_bfloat16(CPU) == first
