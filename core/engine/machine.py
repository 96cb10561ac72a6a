"""What this machine computes with, and how to make it repeat itself."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""One for each CPU that this process may use."""


def device() -> torch.device:
    """The accelerator that training runs on: CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def has_bfloat16(where: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices (on a CPU: AMX); anything less is slower than float32.

    AVX-512's dot products of bfloat16 are not enough: on processors that have them without AMX an epoch of the
    ConvNet took 1.7 times as long as in float32.
    """
    if where.type == "cpu":
        return torch.cpu._is_amx_tile_supported()
    return where.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


_settings: Any = torch.utils.deterministic
_flags, _before = threading.Lock(), dict[str, bool]()
_users = 0
"""How many threads compute reproducibly just now: torch's flags are the whole process's."""


@contextmanager
def reproducible(threads: int = THREADS) -> Iterator[None]:
    """Deterministic algorithms and so many threads, whatever was set before, and will be again after."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    _enter()
    try:
        yield
    finally:
        _leave()
        torch.set_num_threads(before)


def _enter() -> None:
    global _users
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA refuses to be deterministic
    with _flags:
        if not _users:
            _before.update(
                deterministic=torch.are_deterministic_algorithms_enabled(), fill=_settings.fill_uninitialized_memory
            )
        _users += 1
        torch.use_deterministic_algorithms(True)
        # Filling memory before its first use only helps code that reads it too early, and costs a sixth of the speed.
        _settings.fill_uninitialized_memory = False


def _leave() -> None:
    global _users
    with _flags:
        _users -= 1
        if not _users:
            torch.use_deterministic_algorithms(_before["deterministic"])
            _settings.fill_uninitialized_memory = _before["fill"]
