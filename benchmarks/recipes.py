"""What the benchmarks of training share: a recipe by its name, the accuracy of a network, the figures of its seeds."""

from collections.abc import Mapping
from typing import Any

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


def with_seed(seeds: Mapping[str, Mapping[str, Any]], seed: int, found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The figures of each seed with those found now; what was known of a network that is not trained again stays."""
    return {key: {**seeds.get(key, {}), **(found if key == str(seed) else {})} for key in sorted({*seeds, str(seed)})}
