"""What the benchmarks of training share: a recipe by its name, and the accuracy of a network."""

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
