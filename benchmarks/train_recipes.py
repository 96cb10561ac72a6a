"""Test accuracy and seconds of the recipes of `core.networks`, three seeds each, "quick" against 2.5 tutorial epochs.

Recipes were chosen on the validation images; the test images are looked at here. The tutorial's epochs are measured
between the quick trainings. Arguments such as `convnet/thorough` or `convnet/thorough@2` (one seed) restrict the run;
what else is in the file is kept. A run that ships with the product is not trained again: its own figures are taken.
"""

import statistics
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks import tutorial
from benchmarks.results import machine as this_machine
from benchmarks.results import measurements, save
from core.config import Problem, RunConfig
from core.data import FASHION, Dataset, load
from core.engine import machine
from core.engine.inference import Classifier
from core.engine.training import train
from core.networks import DEFAULT_NETWORK, NETWORKS
from core.store.runs import RunStore

SEEDS = (0, 1, 2)
QUICK = f"{DEFAULT_NETWORK}/quick"
ALL = [f"{network}/{recipe}" for network in NETWORKS for recipe in NETWORKS[network].recipes]


def measure(name: str, seed: int, data: Dataset) -> dict[str, Any]:
    """One training."""
    network, _, recipe = name.partition("/")
    config = RunConfig(network=network, training=NETWORKS[network].recipes[recipe], seed=seed)
    store = RunStore()
    if store.has(config.run_id) and (run := store.get(config.run_id)).reference:
        history, seconds, accuracy, threads = run.history, run.seconds, run.accuracy.value, run.machine["threads"]
        processor, bfloat16 = run.machine["processor"], run.machine["bfloat16"]
    else:
        trained = train(config, data)
        history, seconds, threads = trained.history, trained.seconds, machine.THREADS
        processor, bfloat16 = this_machine()["processor"], machine.has_bfloat16(machine.device())
        predicted = Classifier(config.design(data.problem), data.test.images).infer(trained.weights).argmax(1)
        accuracy = float(np.mean(predicted == data.test.labels))
    validation = history[-1].validation_accuracy
    print(f"{name}, seed {seed}: {accuracy:.2%} test, {validation:.2%} validation, {seconds:.0f} s", flush=True)
    return {
        "test_accuracy": accuracy,
        "validation_accuracy": validation,
        "seconds": seconds,
        "threads": threads,
        "processor": f"{processor}, {'bfloat16' if bfloat16 else 'float32'}",
    }


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
        "seconds, median": round(statistics.median(seconds), 1),
        "threads": "/".join(sorted({str(s["threads"]) for s in seeds.values()})),
        "processor": " / ".join(sorted({s["processor"] for s in seeds.values()})),
        "tutorial epochs": round(statistics.median(seconds) / statistics.median(usual), 2) if usual else "",
    }


def main() -> None:
    wanted = [(name, seed) for name in ALL for seed in SEEDS]
    if asked := sys.argv[1:]:
        wanted = [(name, seed) for name, seed in wanted if name in asked or f"{name}@{seed}" in asked]
    data, tutorial_epochs = load(FASHION.id), tutorial.epochs()
    for name, seed in wanted:
        usual = {"tutorial_epoch_seconds": next(tutorial_epochs)[0]} if name == QUICK else {}
        figures = measure(name, seed, data) | usual
        results = measurements("train_recipes")
        results[name] = dict(sorted({**results.get(name, {}), str(seed): figures}.items()))
        results = {name: results[name] for name in ALL if name in results}
        save("train_recipes", [row(*item) for item in results.items()], results)


if __name__ == "__main__":
    main()
