"""Work on a cluster: one worker process against two, started by hand, each with one processor of its own.

A study (LeNet-5 by the report's recipe, two seeds, three criteria, all scopes) is also computed by the embedded engine,
and ResNet's profile in parts: two of four, each of 2,500 images at every stop. All must find the same counts. `study`
or `profile` as the argument restricts the run; what else is in the file is kept.
"""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.results import measurements, save
from core.config import RunConfig
from core.evaluation.parts import Part
from core.evaluation.rounds import Measuring, measurings
from core.job import Job
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


def parts() -> list[Measuring]:
    """Two of the four parts of a profile of ResNet that does not ship."""
    config = RunConfig(network="resnet", training=NETWORKS["resnet"].recipes["thorough"])
    return [*measurings(config.run_id, PruningConfig(criterion="lamp"), 2)]


def compute(engine: Engine, asked: Sequence[Job[Any]]) -> tuple[float, list[Any]]:
    """Seconds until all results are in the store, and the results."""
    began = time.perf_counter()
    engine.submit_all(asked)
    while not all(map(engine.results.has, asked)):
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    return seconds, [engine.results.get(job) for job in asked]


def counted(result: Curve | Part) -> Any:
    """What must be the same, whoever computed it."""
    if isinstance(result, Curve):
        return result.k, result.test
    return {name: array.tobytes() for name, array in result.arrays.items()}


def on_cluster(workers: int, asked: Sequence[Job[Any]]) -> tuple[float, list[Any]]:
    """The same on a scheduler and workers that have imported torch before the clock starts."""
    with tempfile.TemporaryDirectory() as folder, engine_with(workers, Path(folder), alone=True) as engine:
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


def embedded(asked: Sequence[Job[Any]]) -> tuple[float, list[Any]]:
    """The same in the worker process that the app starts automatically."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder))
        try:
            engine._cluster.connect().run(__import__, "core.engine.tasks")
            return compute(engine, asked)
        finally:
            engine.close()


ENGINES: Mapping[str, Callable[[Sequence[Job[Any]]], tuple[float, list[Any]]]] = {
    "one worker": partial(on_cluster, 1),
    "two workers": partial(on_cluster, 2),
    "embedded": embedded,
}
WORK: Mapping[str, tuple[Callable[[], Sequence[Job[Any]]], Sequence[str]]] = {
    "study": (cells, ("one worker", "two workers", "embedded")),
    "profile": (parts, ("one worker", "two workers")),
}
"""By name: the jobs, and the engines that do them."""


def main() -> None:
    for name in sys.argv[1:] or WORK:
        jobs, engines = WORK[name][0](), WORK[name][1]
        found = {engine: ENGINES[engine](jobs) for engine in engines}
        alone, first = found["one worker"]
        results = measurements("cluster")
        results[name] = {
            engine: {
                "jobs": len(jobs),
                "seconds": seconds,
                "times as fast as one": alone / seconds,
                "same counts": [*map(counted, made)] == [*map(counted, first)],
            }
            for engine, (seconds, made) in found.items()
        }
        rows = [{"work": work, "engine": by, **row} for work, each in results.items() for by, row in each.items()]
        save("cluster", rows, results)


if __name__ == "__main__":
    main()
