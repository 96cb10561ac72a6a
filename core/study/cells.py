"""The parts of a study: cells, each one network of one seed, pruned one way over sparsities, perhaps retrained.

A cell is addressed by its configuration as a run is: what was computed once is never computed again. Both are jobs.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np

from core.codec import of_fields
from core.errors import ConfigError, StoreError
from core.evaluation import Comparison
from core.job import Job, OfConfig
from core.pruning import PruningConfig
from core.run import Network

FORMAT = 1
"""Version of cells. Raise it when the same cell would no longer mean the same curve."""

Retraining = Literal["none", "fine-tune", "iterative", "rewind"]

SPARSITIES = tuple(p / 100 for p in (0.01, 1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99))
"""Where a study looks, as fractions."""


@dataclass(frozen=True, kw_only=True)
class Cell(OfConfig["Curve"]):
    """One line of a study.

    Attributes:
        config: the network, its training and its seed.
        pruning: what ranks the weights, and where they compete.
        layer: the only kernel that is pruned, and whose share a sparsity then is; None for all of them.
        retraining: what follows the pruning: nothing; training with the masks held ("fine-tune"); the same in rounds,
            each of which prunes more ("iterative"); or rounds that start again from the weights after the first epoch
            of training ("rewind": Frankle et al., "Linear mode connectivity and the lottery ticket hypothesis", 2020).
        epochs: of retraining for each sparsity, all rounds together.
        rounds: among which they are shared out.
        sparsities: fractions, strictly increasing.

    Raises:
        ConfigError: a value is out of range, or two do not fit together.
    """

    kind = "cell"
    noun = "cell of a study"
    unit = "sparsity"
    background = True
    kept = ".study/{key}.json"

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
        if self.pruning.repaired and (self.layer or self.retraining != "none"):
            raise ConfigError("A repair follows the pruning of all layers, without retraining.")
        if self.retraining in ("iterative", "rewind") and (not self.pruning.ranks_by.by_magnitude or self.layer):
            raise ConfigError("Rounds of pruning go by magnitude in all layers: no other ranking nests over rounds.")

    @cached_property
    def key(self) -> str:
        """Twelve hexadecimal digits: SHA-256 over `FORMAT` and all fields as canonical JSON."""
        text = json.dumps(
            {"format": FORMAT, **asdict(self), "config": self.config.to_dict(), "pruning": self.pruning.to_dict()},
            sort_keys=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def trains(self) -> bool:
        """Whether pruning is followed by training."""
        return self.retraining != "none"

    @property
    def needs(self) -> tuple[Job[Any], ...]:
        """The dense network."""
        return (Network(config=self.config),)

    def fits(self, result: "Curve") -> bool:
        """Whether the curve is this cell's."""
        return result.cell == self


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The result of a cell: the dense network against the pruned one at each of its S sparsities.

    Attributes:
        cell: what was asked.
        total: N, the weights that could be pruned.
        k: (S,) of those, how many are zero.
        sizes: (L,) weights of each of the network's kernels.
        uses: (L,) at how many places of an image each kernel is multiplied.
        layer_k: (S, L) weights of each of the network's kernels that are zero.
        test: (S,) comparisons on the test images.
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
    seconds: float
    created: str
    versions: Mapping[str, str]
    machine: Mapping[str, str | int | bool]
    weights: str = ""

    def __post_init__(self) -> None:
        parts = (self.k, self.layer_k, self.test)
        if any(len(part) != len(self.cell.sparsities) for part in parts):
            raise StoreError("This curve is damaged: it is not of its cell's sparsities.")

    def __hash__(self) -> int:
        return hash(self.cell.key)

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it; comparisons as lists of their counts."""
        return {**of_fields(self), "test": [[*vars(c).values()] for c in self.test]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """JSON of the fields, from `to_json`."""
        names = [f.name for f in fields(Comparison)]
        return {**values, "test": [dict(zip(names, counts, strict=True)) for counts in values["test"]]}

    @property
    def accuracy(self) -> tuple[float, ...]:
        """(S,) of the pruned network on the test images, fractions."""
        return tuple(c.pruned.value for c in self.test)


Cell.result = Curve


def area(sparsities: Sequence[float], accuracy: Sequence[float]) -> float:
    """The mean accuracy from the first to the last sparsity, a fraction: the area under the curve over its width.

    By trapezoids; of a single sparsity its accuracy.
    """
    if len(sparsities) == 1:
        return float(accuracy[0])
    return float(np.trapezoid(accuracy, sparsities) / (sparsities[-1] - sparsities[0]))
