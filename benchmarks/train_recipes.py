"""Test accuracy and seconds of the recipes of `core.recipes`, three seeds each, "quick" against 2.5 tutorial epochs.

Recipes were chosen on the validation images; the test images are looked at here. The tutorial's epochs are measured
between the quick trainings. Names on the command line, such as `convnet/thorough`, restrict the run; results of
other recipes in the file are kept.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import tutorial
from benchmarks.results import FOLDER, save, spread
from core.config import RunConfig
from core.data import Dataset, load, locate
from core.engine.inference import Classifier
from core.engine.training import train
from core.recipes import DEFAULT_NETWORK, NETWORKS

SEEDS = (0, 1, 2)
QUICK = f"{DEFAULT_NETWORK}/quick"
ALL = [f"{network}/{recipe}" for network in NETWORKS for recipe in NETWORKS[network].recipes]


def measure(name: str, data: Dataset, tutorial_epochs: Iterator[tuple[float, float]]) -> dict[str, Any]:
    """All seeds of one recipe; the quick one in turns with tutorial epochs."""
    network, _, recipe = name.partition("/")
    images, labels = data.test.images, data.test.labels
    test, validation, seconds, usual = [], [], [], []
    for seed in SEEDS:
        if name == QUICK:
            usual.append(next(tutorial_epochs)[0])
        config = RunConfig(network=network, training=NETWORKS[network].recipes[recipe], seed=seed)
        trained = train(config, data)
        test.append(float(np.mean(Classifier(network, images).infer(trained.weights).argmax(1) == labels)))
        validation.append(trained.history[-1].validation_accuracy)
        seconds.append(trained.seconds)
        print(
            f"{name}, seed {seed}: {test[-1]:.2%} test, {validation[-1]:.2%} validation, {seconds[-1]:.0f} s",
            flush=True,
        )
    result = {"test_accuracy": spread(test), "validation_accuracy": spread(validation), "seconds": spread(seconds)}
    return {**result, "tutorial_epoch_seconds": spread(usual)} if usual else result


def row(name: str, result: dict[str, Any]) -> dict[str, Any]:
    network, _, recipe = name.partition("/")
    test, seconds = result["test_accuracy"], result["seconds"]
    usual = result.get("tutorial_epoch_seconds")
    return {
        "recipe": name,
        "weights": NETWORKS[network].weights,
        "epochs": NETWORKS[network].recipes[recipe].epochs,
        "test accuracy, mean (%)": round(100 * test["mean"], 2),
        "sd (pp)": round(100 * test["sd"], 2),
        "range (%)": f"{100 * test['min']:.2f} to {100 * test['max']:.2f}",
        "seconds, median": round(seconds["median"], 1),
        "tutorial epochs": round(seconds["median"] / usual["median"], 2) if usual else "",
    }


def main() -> None:
    names = sys.argv[1:] or ALL
    path = FOLDER / "train_recipes.json"
    known = json.loads(path.read_text())["measurements"] if path.exists() else {}
    data, tutorial_epochs = load(locate()), tutorial.epochs()
    for name in names:
        known[name] = measure(name, data, tutorial_epochs)
        results = {name: known[name] for name in ALL if name in known}
        save("train_recipes", [row(*item) for item in results.items()], results)


if __name__ == "__main__":
    main()
