"""What others published about networks pruned and retrained on Fashion-MNIST: one network each, without spread."""

from collections.abc import Sequence
from dataclasses import dataclass

_FILES = "https://github.com/vasishtduddu/EmbeddedMIA/blob/94366166909ce85b00f680a061ceeecdfb4ebe73/Code/Summary"


@dataclass(frozen=True)
class Published:
    """One network that others pruned and retrained.

    Attributes:
        name: as on the screen.
        how: the network, and what was done to it.
        source: where the figures stand.
        link: the address of that file.
        dense: accuracy before pruning, a fraction.
        points: pairs of sparsity and accuracy, fractions.
    """

    name: str
    how: str
    source: str
    link: str
    dense: float
    points: Sequence[tuple[float, float]]


PUBLISHED = (
    Published(
        name="932,362 parameters, published",
        how="four fully connected layers, pruned once by magnitude in each layer, 75 epochs of retraining",
        source="Duddu et al., GECKO (arXiv 2010.00912), results of pruning",
        link=f"{_FILES}/Pruning_FashionMNIST.md",
        dense=0.8966,
        points=((0.8147, 0.8973), (0.8717, 0.8947), (0.9107, 0.8901), (0.9373, 0.8838)),
    ),
    Published(
        name="421,576 parameters, published",
        how="two convolutions and two fully connected layers, pruned once by magnitude in each layer, 50 epochs of "
        "retraining",
        source="Duddu et al., GECKO (arXiv 2010.00912), results of sparsity",
        link=f"{_FILES}/Sparsity.md",
        dense=0.9053,
        points=((0.80, 0.902), (0.90, 0.8826)),
    ),
)
