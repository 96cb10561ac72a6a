"""Training LeNet alone, two at once and beside busy processes, by how long torch's threads spin while they wait.

OpenMP reads its settings when it is loaded, so each training is a process of its own: it warms up, says so, and counts
its images in the same seconds as the others of its round. All settings are measured in one run, in turns and in random
order. Two processes that share a machine have half of it each, so a training should keep half of the speed that it has
alone, at least. Every setting must give the same weights, bit for bit.

`python -m benchmarks.shared SECONDS ROUNDS` measures for so long, so often.
"""

import hashlib
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from benchmarks.results import Row, save, spread
from core.config import RunConfig
from core.data import FASHION, load
from core.engine import SPINS
from core.errors import JobCancelled
from core.networks import NETWORKS

ROOT = Path(__file__).parent.parent
SECONDS, ROUNDS = 8.0, 3
SHORT = 11_000  # images of the training that warms up, 5,000 of them for validation
RECIPE = NETWORKS["lenet"].recipes["quick"]

COMPANY = {"alone": (1, 0), "two at once": (2, 0), "beside a busy process": (1, 1)}
"""How many trainings, and how many processes that do nothing but keep a processor busy."""

SETTINGS: dict[str, Mapping[str, str]] = {
    "300,000 spins (torch's own)": {"GOMP_SPINCOUNT": "300000"},
    **{f"{n:,} spins": {"GOMP_SPINCOUNT": str(n)} for n in (30_000, 10_000, 3_000, 1_000, 100, 0)},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
}


def train_for(seconds: float) -> None:
    """Print the digest of a short training's weights, wait for a line, and print a longer one's images a second."""
    from core.engine.training import train

    data, config = load(FASHION.id), RunConfig(network="lenet", training=replace(RECIPE, epochs=1))
    first = np.arange(len(data.train)) < SHORT
    weights = train(config, replace(data, train=data.train.where(first))).weights
    print(hashlib.sha256(b"".join(array.tobytes() for array in weights.values())).hexdigest(), flush=True)
    sys.stdin.readline()

    seen = list[tuple[float, int]]()  # seconds, steps
    endless, ends = replace(config, training=replace(RECIPE, epochs=100)), time.perf_counter() + seconds
    with suppress(JobCancelled):
        train(
            endless,
            data,
            on_progress=lambda progress: seen.append((time.perf_counter(), progress.done)),
            should_stop=lambda: time.perf_counter() > ends,
        )
    (began, before), (ended, after) = seen[0], seen[-1]
    print(RECIPE.batch_size * (after - before) / (ended - began))


def measure(setting: Mapping[str, str], trainings: int, busy: int, seconds: float) -> tuple[float, set[str]]:
    """Images a second of each training, on average, and the digests of their weights."""
    with ExitStack() as stack:
        for _ in range(busy):
            counting = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(counting.kill)
        lines = [stack.enter_context(_training(setting, seconds)) for _ in range(trainings)]
        digests = {stdout.readline().strip() for _, stdout in lines}
        for stdin, _ in lines:
            print("go", file=stdin, flush=True)
        return statistics.fmean(float(stdout.readline()) for _, stdout in lines), digests


@contextmanager
def _training(setting: Mapping[str, str], seconds: float) -> Iterator[tuple[IO[str], IO[str]]]:
    """What a training in a process of its own reads and writes."""
    command = [sys.executable, "-m", "benchmarks.shared", "train", str(seconds)]
    environment, pipe = {**os.environ, **setting}, subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdin and process.stdout
        yield process.stdin, process.stdout


def row(name: str, speeds: Mapping[str, Sequence[float]]) -> Row:
    """The medians of a setting, and of the shares of its speed alone that are left in each round."""
    figures = {company: round(statistics.median(values)) for company, values in speeds.items()}
    kept = {
        f"kept {company} (%)": round(
            100 * statistics.median(s / a for s, a in zip(values, speeds["alone"], strict=True)), 1
        )
        for company, values in speeds.items()
        if company != "alone"
    }
    return {"spins while waiting": name, **figures, **kept}


def main(seconds: float = SECONDS, rounds: int = ROUNDS) -> None:
    speeds = {name: {company: list[float]() for company in COMPANY} for name in SETTINGS}
    weights, shuffled = set[str](), random.Random(0)
    for number in range(rounds):
        for name in shuffled.sample(list(SETTINGS), len(SETTINGS)):
            for company, (trainings, busy) in COMPANY.items():
                speed, digests = measure(SETTINGS[name], trainings, busy, seconds)
                speeds[name][company].append(speed)
                weights |= digests
                print(f"round {number + 1}, {name}, {company}: {speed:,.0f} images/s", flush=True)
    assert len(weights) == 1, "The weights depend on how threads wait."
    measured = {name: {company: spread(values) for company, values in by.items()} for name, by in speeds.items()}
    chosen = {"seconds": seconds, "rounds": rounds, "set by core.engine": SPINS, "weights": weights.pop()}
    save("shared", [row(*item) for item in speeds.items()], {"images_per_second": measured, **chosen})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train", seconds]:
            train_for(float(seconds))
        case [seconds, rounds]:
            main(float(seconds), int(rounds))
        case _:
            main()
