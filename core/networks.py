"""The networks a visitor may train, each with its recipes. Standard library only: the web server reads it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise

from core.config import Problem, TrainingConfig


@dataclass(frozen=True)
class Layer:
    """A kernel: how many weights it has, and at how many places of an image each of them is multiplied."""

    weights: int
    uses: int


@dataclass(frozen=True)
class Joint:
    """A kernel whose filters can be taken out whole, and the one kernel that reads what they answer.

    The reader's inputs are `regions` rows of all filters, one row after the other; of each filter it may read a place
    or several, side by side.
    """

    kernel: str
    reader: str
    regions: int = 1


@dataclass(frozen=True)
class Network:
    """A network and how to train it, in the order to try: the first recipe is the quickest.

    `layers` are the kernels, which pruning ranks, by name, in order, for a problem. `joints` are those of them whose
    filters can go; what several kernels read, as in a residual stream, stays. `mirrors` tells whether it can answer
    with the mean over an image and its mirror image.
    """

    title: str
    summary: str
    layers: Callable[[Problem], Mapping[str, Layer]]
    recipes: Mapping[str, TrainingConfig]
    joints: tuple[Joint, ...]
    mirrors: bool = True

    def weights(self, problem: Problem) -> int:
        """N, the number of weights that can be pruned."""
        return sum(layer.weights for layer in self.layers(problem).values())


_SCHOOLED = TrainingConfig(batch_size=128, learning_rate=0.12, flip=True, label_smoothing=0.05)
_MUON = replace(_SCHOOLED, optimizer="muon", learning_rate=0.006, weight_decay=0.1)
_QUICK = replace(_MUON, epochs=3, batch_size=96, learning_rate=0.01, skip=0.5)


def _lenet(problem: Problem) -> dict[str, Layer]:
    first = problem.side - 4
    second = first // 2 - 4
    return {
        "conv1.conv.weight": Layer(6 * problem.channels * 25, first**2),
        "conv2.conv.weight": Layer(16 * 6 * 25, second**2),
        "fc1.weight": Layer(120 * 16 * (second // 2) ** 2, 1),
        "fc2.weight": Layer(84 * 120, 1),
        "fc3.weight": Layer(84 * problem.classes, 1),
    }


def _convolutions(problem: Problem, chain: Sequence[tuple[str, int, int]]) -> dict[str, Layer]:
    """Kernels of 3 x 3 in a row, each with its name, its filters and the image's side over its own, then a decision."""
    layers, inputs = dict[str, Layer](), problem.channels
    for name, filters, scale in chain:
        layers[f"{name}.conv.weight"] = Layer(9 * inputs * filters, (problem.side // scale) ** 2)
        inputs = filters
    return layers | {"fc.weight": Layer(9 * inputs * problem.classes, 1)}


def _convnet(problem: Problem, a: int, b: int, c: int, d: int, e: int) -> dict[str, Layer]:
    chain = zip(("conv1", "conv2", "conv3", "conv4", "conv5"), (a, b, c, d, e), (1, 2, 2, 4, 4), strict=True)
    return _convolutions(problem, [*chain])


def _resnet(problem: Problem) -> dict[str, Layer]:
    blocks = [(f"block{i}.conv{j}", 64 if i == 1 else 128, 2 if i == 1 else 4) for i in (1, 2, 3) for j in (1, 2)]
    before, between, after = [("conv1", 32, 1), ("conv2", 64, 1)], ("conv3", 128, 2), ("conv4", 192, 4)
    return _convolutions(problem, [*before, *blocks[:2], between, *blocks[2:], after])


def _joints(*chain: str) -> tuple[Joint, ...]:
    """Of convolutions each of which reads the one before, and a decision after the last if it is `fc`."""
    names = [name if name == "fc" else f"{name}.conv" for name in chain]
    return tuple(Joint(f"{a}.weight", f"{b}.weight", 9 if b == "fc" else 1) for a, b in pairwise(names))


_FIVE = _joints("conv1", "conv2", "conv3", "conv4", "conv5", "fc")

NETWORKS: dict[str, Network] = {
    "convnet": Network(
        title="ConvNet",
        summary="Five convolutions with batch normalisation; answers with the mean over an image and its mirror image.",
        layers=partial(_convnet, a=32, b=64, c=64, d=128, e=128),
        recipes={
            "quick": _QUICK,
            "thorough": replace(_MUON, epochs=24, shift=1, cutout=8),
        },
        joints=_FIVE,
    ),
    "convnet-small": Network(
        title="Small ConvNet",
        summary="The same five convolutions with a third of the weights: is there still anything left to prune?",
        layers=partial(_convnet, a=16, b=48, c=48, d=64, e=64),
        recipes={"quick": _QUICK, "thorough": replace(_SCHOOLED, epochs=20, shift=1)},
        joints=_FIVE,
    ),
    "lenet": Network(
        title="LeNet-5",
        summary="The classic of 1998: two convolutions and three fully connected layers, as in many first exercises.",
        layers=_lenet,
        recipes={
            "report": TrainingConfig(
                epochs=2, batch_size=64, learning_rate=0.01, momentum=0.0, weight_decay=0.0, schedule="constant"
            ),
            "quick": replace(_SCHOOLED, epochs=8),
        },
        joints=(
            Joint("conv1.conv.weight", "conv2.conv.weight"),
            Joint("conv2.conv.weight", "fc1.weight"),
            Joint("fc1.weight", "fc2.weight"),
            Joint("fc2.weight", "fc3.weight"),
        ),
        mirrors=False,
    ),
    "resnet": Network(
        title="ResNet",
        summary="A million weights: ten convolutions, six of them in residual blocks; also looks at the mirror image.",
        layers=_resnet,
        recipes={"quick": _QUICK, "thorough": replace(_MUON, epochs=28, shift=1, cutout=8, skip=0.3)},
        joints=(
            *_joints("conv1", "conv2"),
            *(joint for i in (1, 2, 3) for joint in _joints(f"block{i}.conv1", f"block{i}.conv2")),
            *_joints("conv4", "fc"),
        ),
    ),
}
"""Every network by name. The names are part of run ids."""

DEFAULT_NETWORK = "convnet"

PIXEL_MEAN, PIXEL_STD = 0.2860, 0.3530
"""Mean and standard deviation of Fashion-MNIST's training pixels, on a scale from 0 to 1; a part of every network,
whatever it is trained on: what matters is that it is the same for all images."""


def recipe_for(training: TrainingConfig, *, mirrored: bool) -> TrainingConfig:
    """A recipe for a data set: without flips where the mirror image of a class may be no such thing, as of a digit."""
    return replace(training, flip=training.flip and mirrored)


@lru_cache(maxsize=256)
def recipe_name(network: str, training: TrainingConfig) -> str | None:
    """The name of the network's recipe with exactly these values, flips or not; None if there is none."""
    recipes = NETWORKS[network].recipes if network in NETWORKS else {}
    alike = ((name, recipe_for(recipe, mirrored=training.flip)) for name, recipe in recipes.items())
    return next((name for name, recipe in alike if recipe == training), None)
