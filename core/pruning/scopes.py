"""Which weights compete: each scope once, with its words and how it divides a sparsity among the layers.

To add a scope, add an entry to `SCOPES`: menus, study and tests follow.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Shapes = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class Scope:
    """A way to let weights compete.

    Attributes:
        title: in a menu.
        help: for the menu.
        shares: the shapes of the layers and a sparsity -> the share of each layer that goes; None where all layers
            compete for one share.
    """

    title: str
    help: str
    shares: Callable[[Shapes, float], tuple[float, ...]] | None


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
    "global": Scope("Global", "all weights compete", None),
    "layerwise": Scope("Layerwise", "the same share of each layer", equally),
    "erk": Scope("ERK", "(Erdős–Rényi kernel) a smaller share of small layers than of large ones", erdos_renyi_kernel),
}
"""Every scope by name, the default first. The names are part of links and of stored profiles."""
