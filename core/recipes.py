"""The networks a visitor may train, each with its recipes. Standard library only: the web server reads it."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.config import TrainingConfig


@dataclass(frozen=True)
class Network:
    """A network and how to train it, in the order to try: the first recipe is the quickest.

    `weights` counts the entries of kernels, which pruning ranks; `parameters` counts everything learned.
    """

    title: str
    summary: str
    weights: int
    parameters: int
    recipes: Mapping[str, TrainingConfig]


NETWORKS: dict[str, Network] = {
    "convnet": Network(
        title="ConvNet",
        summary="Four convolutions with batch normalisation: accurate within minutes on a laptop.",
        weights=321_824,
        parameters=322_730,
        recipes={
            "quick": TrainingConfig(epochs=6, learning_rate=0.2, flip=True, label_smoothing=0.05),
            "thorough": TrainingConfig(epochs=24, learning_rate=0.2, flip=True, shift=1, label_smoothing=0.05),
        },
    ),
    "convnet-small": Network(
        title="ConvNet, small",
        summary="The same idea with fewer than 100,000 weights, to see whether a small network can be pruned as far.",
        weights=69_904,
        parameters=70_330,
        recipes={"thorough": TrainingConfig(epochs=20, learning_rate=0.2, flip=True, shift=1, label_smoothing=0.05)},
    ),
    "lenet": Network(
        title="LeNet-5",
        summary="The classic of 1998 (LeCun et al.): two convolutions and three fully connected layers.",
        weights=44_190,
        parameters=44_426,
        recipes={
            "report": TrainingConfig(
                epochs=2, batch_size=64, learning_rate=0.01, momentum=0.0, weight_decay=0.0, schedule="constant"
            ),
            "quick": TrainingConfig(epochs=8, batch_size=128, learning_rate=0.1, flip=True),
        },
    ),
}
"""Every network by name. The names are part of run ids."""

DEFAULT_NETWORK = "convnet"


def recipe_name(network: str, training: TrainingConfig) -> str | None:
    """The name of the network's recipe with exactly these values; None if there is none."""
    recipes = NETWORKS[network].recipes if network in NETWORKS else {}
    return next((name for name, recipe in recipes.items() if recipe == training), None)
