"""What the benchmarks of training share: a recipe by its name, the accuracy of a network, a file for all seeds."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.results import Row, measurements, save
from core.config import Problem, RunConfig
from core.data import Split
from core.engine.inference import Classifier
from core.networks import NETWORKS
from core.pruning import Weights

SEEDS = (0, 1, 2)


def configured(name: str, seed: int) -> RunConfig:
    """The training of a recipe, by `network/recipe`, and a seed."""
    network, _, recipe = name.partition("/")
    return RunConfig(network=network, training=NETWORKS[network].recipes[recipe], seed=seed)


def accuracy(config: RunConfig, weights: Weights, problem: Problem, images: Split) -> float:
    """The share of images that the network of a training answers correctly."""
    answers = Classifier(config.design(problem), images.images).infer(weights).argmax(1)
    return float((answers == images.labels).mean())


def keep(
    benchmark: str, recipes: Iterable[str], name: str, seed: int, found: Mapping[str, Any], row: Callable[..., Row]
) -> None:
    """Add to a benchmark's file, which has a row for each of its recipes, what was found for a seed of one of them.

    What else is in the file stays, also what was known of a network that is not trained again.
    """
    results = measurements(benchmark)
    seeds = results.get(name, {})
    results[name] = dict(sorted({**seeds, str(seed): {**seeds.get(str(seed), {}), **found}}.items()))
    results = {name: results[name] for name in recipes if name in results}
    save(benchmark, [row(*item) for item in results.items()], results)
