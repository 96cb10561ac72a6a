"""The networks a visitor can train. Each is a tuple of layers, from which everything else follows, and its recipes.

Standard library only: the web server reads it, `core.engine.models` builds it, `core.cost.script` exports it.
"""

from dataclasses import replace
from functools import lru_cache

from core.config import Compression, Design, TrainingConfig
from core.networks.layers import (
    Conv,
    Flat,
    Joint,
    Kernel,
    Linear,
    Means,
    Network,
    Placed,
    Residual,
    Spec,
    multiplications,
)

__all__ = [
    "DEFAULT_NETWORK",
    "NETWORKS",
    "PIXEL_MEAN",
    "PIXEL_STD",
    "Conv",
    "Flat",
    "Joint",
    "Kernel",
    "Linear",
    "Means",
    "Network",
    "Placed",
    "Residual",
    "Spec",
    "multiplications",
    "passes",
    "recipe_for",
    "recipe_name",
]

_SCHOOLED = TrainingConfig(batch_size=128, learning_rate=0.12, flip=True, label_smoothing=0.05)
_MUON = replace(_SCHOOLED, optimizer="muon", learning_rate=0.006, weight_decay=0.1)
_TAUGHT = replace(_MUON, epochs=60, label_smoothing=0.0, shift=1, cutout=8, compression=Compression(teacher="resnet"))
_QUICK = replace(_MUON, epochs=3, batch_size=96, learning_rate=0.01, skip=0.5)

_SPARSE = Compression(start="dense", criterion="lamp", begin=0.0, end=0.5, teacher="dense")
_CUT = replace(_MUON, epochs=12, label_smoothing=0.0)
_TEN = replace(_CUT, epochs=20, compression=replace(_SPARSE, sparsity=0.90))
_FIVE = replace(_CUT, epochs=20, compression=replace(_SPARSE, sparsity=0.95))
_TWO = replace(_CUT, epochs=24, compression=replace(_SPARSE, sparsity=0.98))
_ROUNDS = replace(_CUT, epochs=15, compression=Compression(sparsity=0.95, pruning="iterative", criterion="lamp"))
_FILE = replace(_CUT, compression=replace(_SPARSE, sparsity=0.94, bits=4, rounded=0.4))
_TINY = replace(
    _SCHOOLED,
    epochs=20,
    compression=Compression(sparsity=0.85, criterion="lamp", begin=0.05, end=0.6, bits=4, rounded=0.4),
)
_MINI = replace(_TINY, epochs=30, compression=replace(_TINY.compression, sparsity=0.9))


def _five(a: int, b: int, c: int, d: int, e: int) -> tuple[Spec, ...]:
    """Five convolutions with so many filters each, on three scales, then a linear layer on means of nine regions."""
    return (
        Conv("conv1", a, pool=True),  # of 28 x 28: 14 x 14
        Conv("conv2", b),
        Conv("conv3", c, pool=True),  # 7 x 7
        Conv("conv4", d),
        Conv("conv5", e),
        Means(),
        Linear("fc"),
    )


def _residual(a: int, b: int, c: int, d: int) -> tuple[Spec, ...]:
    """Ten convolutions, six of them in residual blocks, with so many filters on each scale and at the end."""
    return (
        Conv("conv1", a),  # of 28 x 28: 28 x 28
        Conv("conv2", b, pool=True),  # 14 x 14
        _block("block1", b),
        Conv("conv3", c, pool=True),  # 7 x 7
        _block("block2", c),
        _block("block3", c),
        Conv("conv4", d),
        Means(),
        Linear("fc"),
    )


def _block(name: str, filters: int) -> Residual:
    return Residual(name, (Conv("conv1", filters), Conv("conv2", filters)))  # He et al., "Deep residual learning", 2015


NETWORKS: dict[str, Network] = {
    "convnet": Network(
        title="ConvNet",
        layers=_five(32, 64, 64, 128, 128),
        recipes={
            "quick": _QUICK,
            "thorough": replace(_MUON, epochs=24, shift=1, cutout=8),
            "10 %": _TEN,
            "5 %": _FIVE,
            "2 %": _TWO,
            "5 % in rounds": _ROUNDS,
            "20 kB": _FILE,
        },
    ),
    "convnet-small": Network(
        title="Small ConvNet",
        remark="A third of ConvNet's weights: is there still anything left to prune?",
        layers=_five(16, 48, 48, 64, 64),
        recipes={"quick": _QUICK, "thorough": replace(_SCHOOLED, epochs=20, shift=1), "best": _TAUGHT},
    ),
    "convnet-tiny": Network(
        title="Tiny ConvNet",
        remark="Made to become a file of a few kilobytes.",
        layers=_five(16, 32, 32, 48, 48),
        recipes={"quick": _QUICK, "8 kB": _TINY},
    ),
    "convnet-mini": Network(
        title="Mini ConvNet",
        remark="Made to become a file of two kilobytes.",
        layers=_five(8, 16, 16, 24, 24),
        recipes={"quick": _QUICK, "2 kB": _MINI},
    ),
    "lenet": Network(
        title="LeNet-5",  # LeCun et al., "Gradient-based learning applied to document recognition", 1998, with ReLU
        remark="The classic of 1998, as in many first exercises.",
        layers=(
            Conv("conv1", 6, size=5, padding=0, pool=True, norm=False),  # of 28 x 28: 12 x 12
            Conv("conv2", 16, size=5, padding=0, pool=True, norm=False),  # 4 x 4
            Flat(),
            Linear("fc1", 120),
            Linear("fc2", 84),
            Linear("fc3"),
        ),
        recipes={
            "report": TrainingConfig(
                epochs=2, batch_size=64, learning_rate=0.01, momentum=0.0, weight_decay=0.0, schedule="constant"
            ),
            "quick": replace(_SCHOOLED, epochs=8),
        },
        mirrors=False,
    ),
    "resnet": Network(
        title="ResNet",
        remark="A million weights.",
        layers=_residual(32, 64, 128, 192),
        recipes={
            "quick": _QUICK,
            "thorough": replace(_MUON, epochs=28, shift=1, cutout=8, skip=0.3),
            "best": replace(_TAUGHT, skip=0.3),
        },
    ),
    "resnet-small": Network(
        title="Small ResNet",
        remark="About as many weights as ConvNet, in twice as many layers.",
        layers=_residual(16, 32, 64, 128),
        recipes={"quick": _QUICK, "best": replace(_TAUGHT, epochs=80, skip=0.3)},
    ),
}
"""Every network by name. The names are part of run ids."""

DEFAULT_NETWORK = "convnet"

PIXEL_MEAN, PIXEL_STD = 0.2860, 0.3530
"""Mean and deviation of Fashion-MNIST's training pixels, from 0 to 1: a part of every network, whatever its images."""


def passes(design: Design) -> int:
    """The number of forward passes per image: two if the output is the mean over the image and its mirror image."""
    return 2 if design.mirrored and NETWORKS[design.network].mirrors else 1


def recipe_for(training: TrainingConfig, *, mirrored: bool) -> TrainingConfig:
    """A recipe for a data set: without flips if a mirror image may lose its class, as a digit's may."""
    return replace(training, flip=training.flip and mirrored)


@lru_cache(maxsize=256)
def recipe_name(network: str, training: TrainingConfig) -> str | None:
    """The name of the network's recipe with exactly these values, flips or not; None if there is none."""
    recipes = NETWORKS[network].recipes if network in NETWORKS else {}
    alike = ((name, recipe_for(recipe, mirrored=training.flip)) for name, recipe in recipes.items())
    return next((name for name, recipe in alike if recipe == training), None)
