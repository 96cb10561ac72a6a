"""Ranking and masks of ten million weights: time and peak extra memory, against a stable argsort of |w| in NumPy.

    python -m benchmarks.ranking

Each way runs in fresh processes, in turn, so that memory that one has freed serves no other. The targets are 2 s
and five times the bytes of the weights.
"""

import json
import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import save, spread
from core.pruning import PruningConfig, rank

SHAPES = {**{f"conv{i}.weight": (512, 512, 3, 3) for i in range(4)}, "head.weight": (1100, 512)}
SPARSITY = 0.9
PROCESSES = 5

Layers = dict[str, NDArray[np.float32]]
Masks = dict[str, NDArray[np.bool_]]


def stable_argsort(layers: Layers) -> Masks:
    """The baseline, as one writes it down."""
    flat = np.concatenate([w.ravel() for w in layers.values()])
    kept = np.ones(flat.size, np.bool_)
    kept[np.argsort(np.abs(flat), kind="stable")[: round(SPARSITY * flat.size)]] = False
    ends = np.cumsum([w.size for w in layers.values()])
    parts = np.split(kept, ends[:-1])
    return {name: part.reshape(w.shape) for (name, w), part in zip(layers.items(), parts, strict=True)}


def ours(pruning: PruningConfig) -> Callable[[Layers], Masks]:
    return lambda layers: rank(layers, pruning).masks(SPARSITY)


WAYS: dict[str, Callable[[Layers], Masks]] = {
    "stable argsort, global": stable_argsort,
    "magnitude, global": ours(PruningConfig()),
    "magnitude, layerwise": ours(PruningConfig(scope="layerwise")),
    "random, global": ours(PruningConfig(criterion="random")),
    "largest, global": ours(PruningConfig(criterion="largest")),
    "signed, global": ours(PruningConfig(criterion="signed")),
    "lamp, global": ours(PruningConfig(criterion="lamp")),
}
BASELINE = "stable argsort, global"


def measure(way: str) -> dict[str, float]:
    """Seconds and extra memory of one first call, in this process; `pruned` and `checksum` tell the masks apart."""
    rng = np.random.default_rng(0)
    layers = {name: rng.standard_normal(shape, np.float32) for name, shape in SHAPES.items()}
    size = sum(w.nbytes for w in layers.values())

    before, start = peak_bytes(), time.perf_counter()
    masks = WAYS[way](layers)
    seconds, extra = time.perf_counter() - start, peak_bytes() - before

    kept = np.concatenate([mask.ravel() for mask in masks.values()])
    checksum = int(np.flatnonzero(kept).sum())
    return {"seconds": seconds, "times_weights": extra / size, "pruned": int((~kept).sum()), "checksum": checksum}


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def in_a_process(way: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ranking", way]
    measured: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return measured


def main() -> None:
    results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(PROCESSES):
        for way in WAYS:
            results[way].append(in_a_process(way))
    same = {(r["pruned"], r["checksum"]) for way in (BASELINE, "magnitude, global") for r in results[way]}
    if len(same) != 1:
        sys.exit("The masks differ from those of the baseline.")

    seconds = {way: [r["seconds"] for r in runs] for way, runs in results.items()}
    memory = {way: [r["times_weights"] for r in runs] for way, runs in results.items()}
    total = sum(math.prod(shape) for shape in SHAPES.values())
    rows = [
        {
            "way": way,
            "weights": f"{total:,}",
            "seconds": statistics.median(seconds[way]),
            "lowest": min(seconds[way]),
            "highest": max(seconds[way]),
            "baseline / this": statistics.median(seconds[BASELINE]) / statistics.median(seconds[way]),
            "peak extra memory / weights": max(memory[way]),
        }
        for way in WAYS
    ]
    measured = {
        "sparsity": SPARSITY,
        "weights": total,
        "seconds": {way: spread(values) for way, values in seconds.items()},
        "peak_extra_memory_per_weight_byte": {way: spread(values) for way, values in memory.items()},
    }
    save("ranking", rows, measured)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
