"""Test accuracy and seconds of the recipes of `core.networks`, three seeds each, "quick" against 2.5 tutorial epochs.

Recipes were chosen on the validation images; the test images are looked at here. The tutorial's epochs are measured
between the quick trainings. Arguments such as `convnet/thorough` or `convnet/thorough@2` (one seed) restrict the run;
what else is in the file is kept. A run that ships with the product is not trained again: its own figures are taken.
Networks that learn from another one take long, so they are kept in the store; found there, they are tested only.
The seconds do not count the networks that are needed before.
"""

import statistics
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks import tutorial
from benchmarks.recipes import SEEDS, accuracy, configured, keep
from core.config import Problem
from core.data import FASHION, Dataset, load, split
from core.engine import machine
from core.engine.tasks import perform
from core.engine.tasks.train import trained
from core.engine.work import Work
from core.networks import DEFAULT_NETWORK, NETWORKS
from core.pruning import Weights
from core.run import Network
from core.store.results import Results
from core.store.runs import RunStore

QUICK = f"{DEFAULT_NETWORK}/quick"
ALL = [f"{network}/{recipe}" for network in NETWORKS for recipe in NETWORKS[network].recipes]


def measure(name: str, seed: int, data: Dataset, store: RunStore) -> dict[str, Any]:
    """One training, after those of the networks that it needs."""
    config = configured(name, seed)
    results, job = Results(store), Network(config=config)
    weights: Weights
    how: dict[str, Any]
    if store.has(config.run_id) and (run := store.get(config.run_id)).reference:
        weights, how = store.weights(run.id), {"seconds": run.seconds, **_how(run.machine)}
    elif job.needs and (kept := results.own(job)) is not None:
        weights, how = kept, {}
    else:
        for need in job.needs:
            perform(need, store.root)
        fresh = trained(config, data, Work(job, results), threads=machine.THREADS)
        weights, how = fresh.weights, {"seconds": fresh.seconds, **_how(machine.described())}
        if job.needs:
            results.put(job, weights)
    asked = (data.test, split(data.train, config.data)[1])
    test, validation = (accuracy(config, weights, data.problem, images) for images in asked)
    print(f"{name}, seed {seed}: {test:.2%} test, {validation:.2%} validation", flush=True)
    return {"test_accuracy": test, "validation": validation, **how}


def _how(described: Mapping[str, Any]) -> dict[str, Any]:
    """Threads, processor (or accelerator) and arithmetic of a training, from the description of a machine."""
    arithmetic = "bfloat16" if described["bfloat16"] else "float32"
    where = described["processor"] if described["device"] == "cpu" else described["device"]
    return {"threads": described["threads"], "processor": f"{where}, {arithmetic}"}


def row(name: str, seeds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    network, _, recipe = name.partition("/")
    test, seconds, usual = (
        [s[key] for s in seeds.values() if key in s] for key in ("test_accuracy", "seconds", "tutorial_epoch_seconds")
    )
    return {
        "recipe": name,
        "weights": NETWORKS[network].weights(Problem()),
        "epochs": NETWORKS[network].recipes[recipe].epochs,
        "seeds": len(seeds),
        "test accuracy, mean (%)": round(100 * statistics.fmean(test), 2),
        "sd (pp)": round(100 * statistics.stdev(test), 2) if len(test) > 1 else "",
        "range (%)": f"{100 * min(test):.2f} to {100 * max(test):.2f}",
        "seconds, median": round(statistics.median(seconds), 1) if seconds else "",
        "threads": "/".join(sorted({str(s["threads"]) for s in seeds.values() if "threads" in s})),
        "processor": " / ".join(sorted({s["processor"] for s in seeds.values() if "processor" in s})),
        "tutorial epochs": round(statistics.median(seconds) / statistics.median(usual), 2) if usual else "",
    }


def main() -> None:
    wanted = [(name, seed) for name in ALL for seed in SEEDS]
    if asked := sys.argv[1:]:
        wanted = [(name, seed) for name, seed in wanted if name in asked or f"{name}@{seed}" in asked]
    data, store, tutorial_epochs = load(FASHION.id), RunStore(), tutorial.epochs()
    for name, seed in wanted:
        usual = {"tutorial_epoch_seconds": next(tutorial_epochs).seconds} if name == QUICK else {}
        figures = measure(name, seed, data, store) | usual
        keep("train_recipes", ALL, name, seed, figures, row)


if __name__ == "__main__":
    main()
