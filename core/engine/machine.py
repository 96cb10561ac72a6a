"""What this machine computes with, and how to make it repeat itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""One for each CPU that this process may use."""


def device() -> torch.device:
    """The accelerator that training runs on: CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def has_bfloat16(where: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices; where it only emulates them, float32 is faster."""
    if where.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()
    return where.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


@contextmanager
def reproducible() -> Iterator[None]:
    """Deterministic algorithms and one thread per available CPU, whatever was set before, and will be again after."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA refuses to be deterministic
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    # Filling memory before its first use only helps code that reads it too early, and costs a sixth of the speed.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
        torch.use_deterministic_algorithms(deterministic)
        torch.set_num_threads(threads)
