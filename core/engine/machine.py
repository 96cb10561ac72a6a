"""The hardware of this machine, and how to compute reproducibly on it."""

import ctypes
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
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


class _Shared:
    """Settings of the whole process: in force from the first thread that needs them until the last is done."""

    def __init__(self, settings: Callable[[], AbstractContextManager[None]]) -> None:
        self._settings, self._inside, self._users, self._lock = settings, ExitStack(), 0, threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._inside.enter_context(self._settings())
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._inside.close()


_deterministic: Any = torch.utils.deterministic
_backends: Any = torch.backends
_precisions = (_backends.cudnn.conv, _backends.cuda.matmul)


@contextmanager
def reproducible(threads: int = THREADS) -> Iterator[None]:
    """Use deterministic algorithms, whole float32 and this many threads, and restore the former settings afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with _FLAGS:
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _flagged() -> Iterator[None]:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA refuses to be deterministic
    before = (
        torch.are_deterministic_algorithms_enabled(),
        _deterministic.fill_uninitialized_memory,
        [kind.fp32_precision for kind in _precisions],
    )
    # Filling memory before its first use only helps code that reads it too early, and costs a sixth of the speed.
    _flag(True, False, ["ieee"] * len(_precisions))  # CUDA would shorten float32 in convolutions
    try:
        yield
    finally:
        _flag(*before)


def _flag(deterministic: bool, fill: bool, precisions: Sequence[str]) -> None:
    torch.use_deterministic_algorithms(deterministic)
    _deterministic.fill_uninitialized_memory = fill
    for kind, precision in zip(_precisions, precisions, strict=True):
        kind.fp32_precision = precision


_FLAGS = _Shared(_flagged)

_TRIM, _PAD, _MAP = -1, -2, -3  # the numbers of glibc's M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD
_KEPT = {_TRIM: 2**31 - 1, _PAD: 2**26, _MAP: 2**30}  # the pad is a thread's whole heap, or it would give it back
_USUAL = {_TRIM: 2**26, _PAD: 2**17, _MAP: 2**25}  # the highest that glibc chooses by itself, and its pad


def memory_kept() -> AbstractContextManager[None]:
    """Keep the memory that is freed, and give it back at the end.

    glibc gives large blocks back at once, and the kernel clears each page of them when it is asked again: for large
    activations this takes a quarter of a training. Other C libraries decide as they like.
    """
    return _MEMORY


@contextmanager
def _kept() -> Iterator[None]:
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


_MEMORY = _Shared(_kept)


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
