"""A study on a cluster: one worker process against two, started by hand, and the embedded engine beside them.

The same cells (LeNet-5 by the report's recipe, two seeds, three criteria, all scopes) are computed three times from
nothing: by a scheduler with one worker of one thread, with two, and embedded. All three must find the same counts.
"""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.results import Row, save
from core.config import RunConfig
from core.jobs import Engine
from core.networks import NETWORKS
from core.pruning import SCOPES, PruningConfig
from core.study.cells import Cell, Curve

ROOT = Path(__file__).parent.parent
RANKED_BY = ("magnitude", "largest", "lamp")


def cells() -> list[Cell]:
    """18 cells of two networks."""
    recipe = NETWORKS["lenet"].recipes["report"]
    configs = [RunConfig(network="lenet", training=recipe, seed=seed) for seed in (100, 101)]
    return [
        Cell(config=config, pruning=PruningConfig(criterion=criterion, scope=scope))
        for config in configs
        for criterion in RANKED_BY
        for scope in SCOPES
    ]


def compute(engine: Engine, asked: Sequence[Cell]) -> tuple[float, list[Curve]]:
    """Seconds until all cells are in the store, and their curves."""
    began = time.perf_counter()
    engine.submit_all(asked)
    while any(engine.results.get(cell) is None for cell in asked):
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    return seconds, [curve for cell in asked if (curve := engine.results.get(cell))]


def on_cluster(workers: int, asked: Sequence[Cell]) -> tuple[float, list[Curve]]:
    """The same on a scheduler and workers of one thread each, that have imported torch before the clock starts."""
    with tempfile.TemporaryDirectory() as folder, engine_with(workers, Path(folder)) as engine:
        return compute(engine, asked)


@contextmanager
def engine_with(workers: int, store: Path, *, alone: bool = False) -> Iterator[Engine]:
    """An engine with a scheduler and so many workers; `alone`: each on a processor of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, here = f"tcp://127.0.0.1:{port}", ("--no-dashboard", "--host", "127.0.0.1")
    with ExitStack() as stack:
        _start(stack, "scheduler", "--port", str(port), *here)
        for worker in range(workers):
            on = ("taskset", "--cpu-list", str(worker)) if alone else ()
            options = ("--nthreads", "1", "--no-nanny", "--preload", "core.engine.tasks", *here)
            _start(stack, "worker", address, *options, on=on)
        engine = Engine(store, address=address)
        stack.callback(engine.close)
        while not _up(engine, workers):
            time.sleep(0.2)
        yield engine


def _up(engine: Engine, workers: int) -> bool:
    try:
        return len(engine._cluster.connect().nthreads()) == workers
    except Exception:  # the scheduler is still starting
        return False


def _start(stack: ExitStack, *arguments: str, on: Sequence[str] = ()) -> None:
    command = [*on, sys.executable, "-m", "dask", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)


def embedded(asked: Sequence[Cell]) -> tuple[float, list[Curve]]:
    """The same in the worker process that the app starts automatically."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder))
        try:
            engine._cluster.connect().run(__import__, "core.engine.tasks")
            return compute(engine, asked)
        finally:
            engine.close()


def main() -> None:
    asked = cells()
    found = {"one worker": on_cluster(1, asked), "two workers": on_cluster(2, asked), "embedded": embedded(asked)}
    alone, first = found["one worker"]
    rows: list[Row] = []
    for name, (seconds, curves) in found.items():
        same = [(c.k, c.test) for c in curves] == [(c.k, c.test) for c in first]
        rows.append({"engine": name, "seconds": seconds, "times as fast as one": alone / seconds, "same counts": same})
    save("cluster", rows, {name: {"seconds": seconds, "cells": len(asked)} for name, (seconds, _) in found.items()})


if __name__ == "__main__":
    main()
