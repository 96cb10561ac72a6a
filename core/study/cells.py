"""What a study is made of: cells, each one network of one seed, pruned one way over sparsities and perhaps retrained.

A cell is addressed by its configuration as a run is: what was computed once is never computed again.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np

from core.config import PruningConfig, RunConfig
from core.errors import ConfigError, StoreError
from core.evaluation import Comparison

FORMAT = 1
"""Version of cells. Raise it when the same cell would no longer mean the same curve."""

Retraining = Literal["none", "fine-tune", "iterative", "rewind"]

SPARSITIES = tuple(p / 100 for p in (0.01, 0.1, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99))
"""Where a study looks, as fractions."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One line of a study.

    Attributes:
        config: the network, its training and its seed.
        pruning: what ranks the weights, and where they compete.
        layer: the only kernel that is pruned, and whose share a sparsity then is; None for all of them.
        retraining: what follows the pruning: nothing; training with the masks held ("fine-tune"); the same in rounds,
            each of which prunes more ("iterative"); or rounds that start anew from the weights after the first epoch of
            the training ("rewind": Frankle et al., "Linear mode connectivity and the lottery ticket hypothesis", 2020).
        epochs: of retraining for each sparsity, all rounds together.
        rounds: among which they are shared out.
        sparsities: fractions, strictly increasing.

    Raises:
        ConfigError: a value is out of range, or two do not fit together.
    """

    config: RunConfig
    pruning: PruningConfig = field(default_factory=PruningConfig)
    layer: str | None = None
    retraining: Retraining = "none"
    epochs: int = 0
    rounds: int = 1
    sparsities: tuple[float, ...] = SPARSITIES

    def __post_init__(self) -> None:
        s = self.sparsities
        if self.retraining not in get_args(Retraining):
            raise ConfigError(f"retraining is {self.retraining!r}; choose one of {', '.join(get_args(Retraining))}.")
        if not s or min(s) < 0 or max(s) > 1 or any(a >= b for a, b in pairwise(s)):
            raise ConfigError("The sparsities of a cell must increase from 0 to 1.")
        if self.retraining == "none" and (self.epochs, self.rounds) != (0, 1):
            raise ConfigError("A cell without retraining has no epochs and one round.")
        if self.retraining != "none" and not 1 <= self.rounds <= self.epochs <= 100:
            raise ConfigError(
                f"{self.epochs} epochs in {self.rounds} rounds; each round takes an epoch, and 100 at most."
            )
        if self.retraining == "fine-tune" and self.rounds != 1:
            raise ConfigError("Fine-tuning has one round; rounds that prune more are called iterative.")
        if self.retraining in ("iterative", "rewind") and (self.pruning.criterion != "magnitude" or self.layer):
            raise ConfigError("Rounds of pruning go by magnitude in all layers: no other ranking nests over rounds.")

    @cached_property
    def id(self) -> str:
        """Twelve hexadecimal digits: SHA-256 over `FORMAT` and all fields as canonical JSON."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Cell":
        """The inverse of `dataclasses.asdict`, also from JSON; raises ConfigError if it is none."""
        try:
            return cls(
                **{
                    **values,
                    "config": RunConfig.from_dict(values["config"]),
                    "pruning": PruningConfig(**values["pruning"]),
                    "sparsities": tuple(values["sparsities"]),
                }
            )
        except (TypeError, KeyError) as error:
            raise ConfigError(f"This is not a cell of a study: {error}.") from error


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What a cell came to: the dense network against the pruned one at each of its S sparsities.

    Attributes:
        cell: what was asked.
        total: N, the weights that could be pruned.
        k: (S,) of those, how many are zero.
        sizes: (L,) weights of each of the network's kernels.
        uses: (L,) at how many places of an image each kernel is multiplied.
        layer_k: (S, L) weights of each of the network's kernels that are zero.
        test, validation: (S,) comparisons on the test and on the validation images.
        seconds: that the cell took, without the training of its network.
        created: when, ISO 8601, UTC.
        versions, machine: as of a run.
        weights: the digest of the dense network's; empty if it is not known.
    """

    cell: Cell
    total: int
    k: tuple[int, ...]
    sizes: tuple[int, ...]
    uses: tuple[int, ...]
    layer_k: tuple[tuple[int, ...], ...]
    test: tuple[Comparison, ...]
    validation: tuple[Comparison, ...]
    seconds: float
    created: str
    versions: Mapping[str, str]
    machine: Mapping[str, str | int | bool]
    weights: str = ""

    def __hash__(self) -> int:
        return hash(self.cell.id)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; comparisons as lists of their counts."""
        counts = {which: [[*vars(c).values()] for c in getattr(self, which)] for which in ("test", "validation")}
        return {**{f.name: getattr(self, f.name) for f in fields(self)}, "cell": asdict(self.cell), **counts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Curve":
        """The inverse of `to_dict`, also from JSON.

        Raises:
            StoreError: it is no curve, or its parts do not fit together.
        """
        try:
            cell = Cell.from_dict(values["cell"])
            read = {which: tuple(Comparison(*counts) for counts in values[which]) for which in ("test", "validation")}
            k, layer_k = tuple(map(int, values["k"])), tuple(tuple(map(int, row)) for row in values["layer_k"])
            sizes, uses = (tuple(map(int, values[name])) for name in ("sizes", "uses"))
            made = {"cell": cell, "k": k, "sizes": sizes, "uses": uses, "layer_k": layer_k, **read}
            curve = cls(**{**values, **made, "weights": str(values.get("weights", ""))})
        except (TypeError, KeyError, ValueError, OverflowError, AttributeError, ConfigError) as error:
            raise StoreError(f"This is not the curve of a cell ({error}).") from error
        parts = (curve.k, curve.layer_k, curve.test, curve.validation)
        if any(len(part) != len(cell.sparsities) for part in parts):
            raise StoreError("This curve is damaged: it is not of its cell's sparsities.")
        return curve

    @property
    def accuracy(self) -> tuple[float, ...]:
        """(S,) of the pruned network on the test images, fractions."""
        return tuple(c.pruned.value for c in self.test)


def area(sparsities: Sequence[float], accuracy: Sequence[float]) -> float:
    """The mean accuracy from the first to the last sparsity, a fraction: the area under the curve over its width.

    By trapezoids; of a single sparsity its accuracy.
    """
    if len(sparsities) == 1:
        return float(accuracy[0])
    return float(np.trapezoid(accuracy, sparsities) / (sparsities[-1] - sparsities[0]))
