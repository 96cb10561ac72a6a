"""The networks a visitor may train, each with its recipes. Standard library only: the web server reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.config import TrainingConfig


@dataclass(frozen=True)
class Network:
    """A network and how to train it, in the order to try: the first recipe is the quickest.

    `weights` counts the entries of kernels, which pruning ranks; `parameters` counts everything learned. `layers` names
    the kernels, each with the number of places of an image at which every one of its weights is multiplied.
    """

    title: str
    summary: str
    weights: int
    parameters: int
    layers: Mapping[str, int]
    recipes: Mapping[str, TrainingConfig]


_SCHOOLED = TrainingConfig(batch_size=128, learning_rate=0.12, flip=True, label_smoothing=0.05)
_MUON = replace(_SCHOOLED, optimizer="muon", learning_rate=0.006, weight_decay=0.1)
_QUICK = replace(_MUON, epochs=3, batch_size=96, learning_rate=0.01, skip=0.5)

_FIVE_CONVOLUTIONS = {f"conv{i}.conv.weight": side**2 for i, side in enumerate((28, 14, 14, 7, 7), 1)} | {
    "fc.weight": 1
}

NETWORKS: dict[str, Network] = {
    "convnet": Network(
        title="ConvNet",
        summary="Five convolutions with batch normalisation; answers with the mean over an image and its mirror image.",
        weights=288_288,
        parameters=288_714,
        layers=_FIVE_CONVOLUTIONS,
        recipes={
            "quick": _QUICK,
            "thorough": replace(_MUON, epochs=24, shift=1, cutout=8),
        },
    ),
    "convnet-small": Network(
        title="Small ConvNet",
        summary="The same five convolutions with a third of the weights: is there still anything left to prune?",
        weights=98_064,
        parameters=98_314,
        layers=_FIVE_CONVOLUTIONS,
        recipes={"quick": _QUICK, "thorough": replace(_SCHOOLED, epochs=20, shift=1)},
    ),
    "lenet": Network(
        title="LeNet-5",
        summary="The classic of 1998: two convolutions and three fully connected layers, as in many first exercises.",
        weights=44_190,
        parameters=44_426,
        layers={
            "conv1.conv.weight": 24**2,
            "conv2.conv.weight": 8**2,
            "fc1.weight": 1,
            "fc2.weight": 1,
            "fc3.weight": 1,
        },
        recipes={
            "report": TrainingConfig(
                epochs=2, batch_size=64, learning_rate=0.01, momentum=0.0, weight_decay=0.0, schedule="constant"
            ),
            "quick": replace(_SCHOOLED, epochs=8),
        },
    ),
}
"""Every network by name. The names are part of run ids."""

DEFAULT_NETWORK = "convnet"


def recipe_name(network: str, training: TrainingConfig) -> str | None:
    """The name of the network's recipe with exactly these values; None if there is none."""
    recipes = NETWORKS[network].recipes if network in NETWORKS else {}
    return next((name for name, recipe in recipes.items() if recipe == training), None)
