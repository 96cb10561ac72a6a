"""Training uses bfloat16 only where it is faster, and leaves the processors to others while it waits."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core.engine import SPINS, machine
from core.errors import JobCancelled
from tests.patience import PATIENCE

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def undecided() -> Iterator[None]:
    machine._bfloat16_wins.cache_clear()
    yield
    machine._bfloat16_wins.cache_clear()


def instructions(monkeypatch: pytest.MonkeyPatch, present: bool, slow: torch.dtype = torch.float32) -> None:
    """A CPU with or without them, on which one kind of convolution takes longer."""
    clock = [0.0]

    def convolve(x: torch.Tensor, *rest: object, **more: object) -> None:
        clock[0] += 0.004 if x.dtype == slow else 0.001

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
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


LOADED = "import core.engine{}, os, sys; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
WEIGHTS = """
import hashlib
from core.engine.training import train
from tests import tiny
weights = train(tiny.config(), tiny.source().data).weights
print(hashlib.sha256(b"".join(array.tobytes() for array in weights.values())).hexdigest())
"""


def in_a_process(code: str, **settings: str) -> tuple[str, str]:
    """What it prints, and what it says of errors, where nothing is set but this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent.parent,
        env={**kept, **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout.strip(), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="libgomp is what torch brings along on Linux.")
@pytest.mark.parametrize("module", ["tasks", "download"])
def test_torchs_threads_soon_sleep_whichever_module_loads_it(module: str) -> None:
    said, loaded = in_a_process(LOADED.format(f".{module}"), OMP_DISPLAY_ENV="verbose")
    assert said == f"{SPINS} True"
    assert f"GOMP_SPINCOUNT = '{SPINS}'" in loaded  # by OpenMP itself


@pytest.mark.parametrize("setting", [{"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}])
def test_how_a_host_has_decided_that_threads_wait_holds(setting: dict[str, str]) -> None:
    assert in_a_process(LOADED.format(""), **setting)[0] == f"{setting.get('GOMP_SPINCOUNT')} False"


@pytest.mark.slow
def test_how_threads_wait_changes_no_bit_of_a_training() -> None:
    spinning, sleeping = (in_a_process(WEIGHTS, GOMP_SPINCOUNT=spins)[0] for spins in ("30000", "0"))
    assert spinning == sleeping


def test_parts_are_done_side_by_side_each_on_one_thread_and_come_back_in_order() -> None:
    together = threading.Barrier(2, timeout=PATIENCE)

    def look(part: int) -> tuple[int, int, bool]:
        together.wait()  # passes only if two are under way at once
        return part, torch.get_num_threads(), torch.is_inference_mode_enabled()

    with machine.reproducible(threads=2):
        assert machine.side_by_side(look, range(4)) == [(part, 1, False) for part in range(4)]
        with torch.inference_mode():
            assert machine.side_by_side(look, range(2)) == [(0, 1, True), (1, 1, True)]
        assert torch.get_num_threads() == 2


def test_what_a_part_raises_passes_through_and_the_threads_are_as_before() -> None:
    def fail(part: int) -> None:
        raise JobCancelled(f"at {part}")

    with machine.reproducible(threads=2):
        with pytest.raises(JobCancelled, match="at 0"):
            machine.side_by_side(fail, range(3))
        assert torch.get_num_threads() == 2


MEMORY = """
import resource
import sys
from pathlib import Path
from threading import Thread

import torch

from core.engine import machine

where, size, blocks, often = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), 20


def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(often):
        held = [torch.ones(size // 4) for _ in range(blocks)]
        while held:
            del held[0]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def work():
    before, pages = resident(), size // resource.getpagesize()
    assert faults() > often * pages / 2, "usually, pages are asked for each time"
    with machine.memory_kept():
        with machine.memory_kept():  # another training in this process, which ends first
            faults()
        assert faults() < pages
    assert resident() < before + blocks * size / 2, "what was kept is given back"
    done.append(True)


done = []
if where == "main":
    work()
else:
    thread = Thread(target=work)
    thread.start()
    thread.join()
assert done
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc is told what to keep")
@pytest.mark.parametrize(
    ("where", "size", "blocks"),
    [
        ("main", 64_000_000, 1),  # more than glibc ever keeps by itself
        ("thread", 25_000_000, 6),  # more than one of a thread's heaps has room for
    ],
)
def test_a_training_does_not_ask_for_the_same_memory_again(where: str, size: int, blocks: int) -> None:
    """In a process of its own: what others have freed would serve too."""
    command = [sys.executable, "-c", MEMORY, where, str(size), str(blocks)]
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent)
