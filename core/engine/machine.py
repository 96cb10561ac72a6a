"""The hardware of this machine, and how to compute reproducibly on it."""

import ctypes
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from core.config import FORMAT

A = TypeVar("A")
B = TypeVar("B")

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""The number of threads: one for each CPU that this process may use."""

_KINDS, _TRIES = (torch.float32, torch.bfloat16), 8
_race = threading.Lock()


def device() -> torch.device:
    """The accelerator that networks are trained and evaluated on: CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def has_bfloat16(where: torch.device) -> bool:
    """Whether convolutions are faster in bfloat16 than in float32; a CPU that has the instructions is timed once."""
    if where.type == "cpu":
        with _race:  # one at a time, or two threads would slow each other and might disagree
            return torch.cpu._is_avx512_bf16_supported() and _bfloat16_wins()
    return where.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


@cache
def _bfloat16_wins() -> bool:
    """Time both, because the instructions alone do not decide: some processors are half as fast with them, some twice.

    The better of several tries counts and the gap is wide, so that a busy machine decides as an idle one does.
    """
    x, kernel = torch.ones(128, 64, 14, 14), torch.ones(64, 64, 3, 3)
    lanes = {kind: [t.to(kind, memory_format=torch.channels_last) for t in (x, kernel)] for kind in _KINDS}
    times = {kind: inf for kind in _KINDS}
    with torch.inference_mode():
        for _ in range(_TRIES):
            for kind, (x, kernel) in lanes.items():
                start = time.perf_counter()
                torch.conv2d(x, kernel, padding=1)
                times[kind] = min(times[kind], time.perf_counter() - start)
    return times[torch.bfloat16] < times[torch.float32]


_settings: Any = torch.utils.deterministic
_backends: Any = torch.backends
_precisions = (_backends.cudnn.conv, _backends.cuda.matmul)
_flags, _before = threading.Lock(), dict[str, Any]()
_users = 0
"""The number of threads that compute reproducibly now: torch's flags apply to the whole process."""


@contextmanager
def reproducible(threads: int = THREADS) -> Iterator[None]:
    """Use deterministic algorithms, whole float32 and this many threads, and restore the former settings afterwards."""
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
                deterministic=torch.are_deterministic_algorithms_enabled(),
                fill=_settings.fill_uninitialized_memory,
                precisions=[kind.fp32_precision for kind in _precisions],
            )
        _users += 1
        torch.use_deterministic_algorithms(True)
        # Filling memory before its first use only helps code that reads it too early, and costs a sixth of the speed.
        _settings.fill_uninitialized_memory = False
        _precise(["ieee"] * len(_precisions))  # CUDA would shorten float32 in convolutions


def _leave() -> None:
    global _users
    with _flags:
        _users -= 1
        if not _users:
            torch.use_deterministic_algorithms(_before["deterministic"])
            _settings.fill_uninitialized_memory = _before["fill"]
            _precise(_before["precisions"])


def _precise(precisions: Sequence[str]) -> None:
    for kind, precision in zip(_precisions, precisions, strict=True):
        kind.fp32_precision = precision


_TRIM, _MAP = -1, -3  # the numbers of glibc's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD
_KEPT = {_TRIM: 2**31 - 1, _MAP: 2**30}
_USUAL = {_TRIM: 2**26, _MAP: 2**25}  # the highest that glibc chooses by itself


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep the memory that is freed, and give it back at the end.

    glibc gives large blocks back at once, and the kernel clears each page of them when it is asked again: for large
    activations this takes a quarter of a training. Other C libraries decide as they like.
    """
    libc: Any = ctypes.CDLL(None) if os.name == "posix" else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    _thresholds(libc, _KEPT)
    try:
        yield
    finally:
        _thresholds(libc, _USUAL)
        libc.malloc_trim(0)


def _thresholds(libc: Any, values: dict[int, int]) -> None:
    for which, size in values.items():
        libc.mallopt(which, size)


def side_by_side(function: Callable[[A], B], parts: Sequence[A]) -> list[B]:
    """What a function makes of each part, in their order: several at once, each on a single one of torch's threads.

    Small matrices are done sooner so than one after the other on all threads, which wait for one another. Each result
    has the same bits, however many threads there are.
    """
    threads, inference = torch.get_num_threads(), torch.is_inference_mode_enabled()

    def alone(part: A) -> B:
        with torch.inference_mode(inference):
            return function(part)

    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return [*pool.map(alone, parts)]
    finally:
        torch.set_num_threads(threads)  # MKL has but one number for all


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    packages = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    return {**{name: str(version) for name, version in packages.items()}, "format": str(FORMAT)}


def described() -> dict[str, str | int | bool]:
    """The kind of this machine; nothing that identifies it."""
    where = device()
    with reproducible():
        threads = torch.get_num_threads()
    return {
        "processor": _processor(),
        "threads": threads,
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else where.type,
        "bfloat16": has_bfloat16(where),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
