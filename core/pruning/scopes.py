"""Which weights compete: each scope once, with its words and how it divides a sparsity among what competes apart.

To add a scope, add an entry to `SCOPES`: menus, study and tests follow.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.pruning.patterns import RUN, level_shares, level_sizes

Shapes = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class Scope:
    """A way to let weights compete.

    Attributes:
        title: in a menu.
        help: for the menu.
        groups: the shapes of the layers -> how many weights each group has; weights compete within their group. Groups
            are layers, unless `by_level`.
        shares: the shapes and a sparsity -> the share of each group that goes; None where all weights are one group.
        by_level: whether a group is a level of `core.pruning.patterns`.
    """

    title: str
    help: str
    groups: Callable[[Shapes], tuple[int, ...]]
    shares: Callable[[Shapes, float], tuple[float, ...]] | None
    by_level: bool = False


def together(shapes: Shapes) -> tuple[int, ...]:
    """All weights in one group."""
    return (sum(map(math.prod, shapes)),)


def layers(shapes: Shapes) -> tuple[int, ...]:
    """Each layer a group."""
    return tuple(map(math.prod, shapes))


def equally(shapes: Shapes, sparsity: float) -> tuple[float, ...]:
    """The same share of each layer."""
    return (sparsity,) * len(shapes)


def erdos_renyi_kernel(shapes: Shapes, sparsity: float) -> tuple[float, ...]:
    """The share of each layer that is pruned; together these are the share `sparsity` of all weights.

    A layer keeps weights in proportion to the sum of its sides (filters, inputs, height, width), at most as many as
    it has. Small layers therefore stay denser than large ones: Evci et al., "Rigging the lottery", ICML 2020.
    """
    sizes, sides = (np.array([measure(shape) for shape in shapes], float) for measure in (math.prod, sum))
    kept, full = (1 - sparsity) * sizes.sum(), np.zeros(len(sizes), np.bool_)
    while True:  # a layer that would keep more than it has keeps all, and the others share the rest
        scale = (kept - sizes[full].sum()) / max(sides[~full].sum(), 1.0)
        over = ~full & (scale * sides >= sizes)
        if not over.any():
            break
        full |= over
    return tuple(np.where(full, 0.0, np.clip(1 - scale * sides / sizes, 0, 1)).tolist())


SCOPES: dict[str, Scope] = {
    "global": Scope("Global", "all weights compete", together, None),
    "layerwise": Scope("Layerwise", "the same share of each layer", layers, equally),
    "erk": Scope(
        "ERK",
        "(Erdős–Rényi kernel) a smaller share of small layers than of large ones",
        layers,
        erdos_renyi_kernel,
    ),
    "nm": Scope(
        "N:M",
        f"the same number of each {RUN} neighbouring inputs, as some hardware needs it: 2:4 at 50 %, 1:4 at 75 %",
        level_sizes,
        level_shares,
        by_level=True,
    ),
}
"""Every scope by name, the default first. The names are part of links and of stored profiles."""
