"""Is magnitude a good metric? The lines of a study, and the summary of its curves over seeds."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from core.config import Problem, RunConfig
from core.data import FASHION, Collection
from core.evaluation import student
from core.evaluation.profile import FRACTIONS
from core.networks import NETWORKS, recipe_for
from core.pruning import AS_IS, CRITERIA, REPAIRS, SCOPES, PruningConfig
from core.study.cells import SPARSITIES, Cell, Curve, Retraining, area

SEEDS = (0, 1, 2, 3, 4)
"""Of the trainings: every line of a study is of the same networks."""

REPAIRED = tuple(p / 100 for p in (50, 80, 90, 95))
"""Sparsities at which a repair is looked at: each takes far longer than an evaluation."""

SHIPPED = (AS_IS, "refit")
"""The repairs whose lines ship, for global scope; the others are computed on request."""

CONTROLS = ("largest", "signed")
"""Criteria that nobody would choose, there for comparison; they are not repaired."""

RETRAINED = tuple(p / 100 for p in (80, 90, 95, 98))
"""Sparsities at which a network is retrained, as fractions."""

EPOCHS, ROUNDS = 4, 2
"""Of retraining at each sparsity, whatever the strategy; and of strategies that prune step by step."""


_kept = lru_cache(maxsize=32)
"""A page asks for the lines of its study at every event."""


@dataclass(frozen=True)
class Line:
    """One line of a figure: its name, and a cell for each seed."""

    name: str
    cells: tuple[Cell, ...]


@_kept
def networks(name: str, recipe: str, collection: Collection = FASHION) -> tuple[RunConfig, ...]:
    """The networks of a study on a data set: one training for each of `SEEDS`."""
    training = recipe_for(NETWORKS[name].recipes[recipe], mirrored=collection.mirrored)
    return tuple(RunConfig(network=name, training=training, data=collection.config, seed=seed) for seed in SEEDS)


@_kept
def by_criterion(configs: Sequence[RunConfig], scope: str, repair: str = AS_IS) -> tuple[Line, ...]:
    """The criteria at the same sparsities, on the same networks, each followed by the repair."""
    return tuple(
        Line(criterion, tuple(_criterion_cell(config, criterion, scope, repair) for config in configs))
        for criterion in CRITERIA
        if repair == AS_IS or criterion not in CONTROLS
    )


def _criterion_cell(config: RunConfig, criterion: str, scope: str, repair: str) -> Cell:
    sparsities = SPARSITIES if repair == AS_IS else REPAIRED
    pruning = PruningConfig(criterion=criterion, scope=scope, repair=repair)
    return Cell(config=config, pruning=pruning, sparsities=sparsities)


@_kept
def by_layer(configs: Sequence[RunConfig]) -> tuple[Line, ...]:
    """One layer pruned at a time, by magnitude, the others left as they are, at all stops of the slider."""
    return tuple(
        Line(layer, tuple(Cell(config=config, layer=layer, sparsities=FRACTIONS) for config in configs))
        for layer in layers(configs)
    )


def layers(configs: Sequence[RunConfig]) -> tuple[str, ...]:
    """The kernels of such networks, in order; their names are those of any problem."""
    return tuple(NETWORKS[configs[0].network].kernels(Problem()))


@_kept
def by_retraining(configs: Sequence[RunConfig]) -> tuple[Line, ...]:
    """What follows the pruning, by magnitude in all layers, with the same number of epochs."""
    return tuple(Line(how, tuple(_retrained(config, how) for config in configs)) for how in get_args(Retraining))


def _retrained(config: RunConfig, how: Retraining) -> Cell:
    budget = {"none": (0, 1), "fine-tune": (EPOCHS, 1)}.get(how, (EPOCHS, ROUNDS))
    return Cell(config=config, retraining=how, epochs=budget[0], rounds=budget[1], sparsities=RETRAINED)


OPTIMIZERS: Mapping[str, Mapping[str, Any]] = {
    "muon": {"optimizer": "muon", "learning_rate": 0.01, "weight_decay": 0.1},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.12, "weight_decay": 5e-4},
}
"""Optimizers that are compared, each with the values that suit it."""


@_kept
def by_optimizer(configs: Sequence[RunConfig]) -> tuple[Line, ...]:
    """The same networks trained by each optimizer, pruned by magnitude and by LAMP; all else is as their recipe has it.

    LAMP compares a weight with the others of its layer: it shows what is due to the sizes of the layers' weights.
    """
    return tuple(
        Line(
            name if criterion == "magnitude" else f"{name} {criterion}",
            tuple(_criterion_cell(_optimized(config, values), criterion, "global", AS_IS) for config in configs),
        )
        for criterion in ("magnitude", "lamp")
        for name, values in OPTIMIZERS.items()
    )


def _optimized(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    known = config.training.optimizer == values["optimizer"]
    return config if known else replace(config, training=replace(config.training, **values))


def repairs(configs: Sequence[RunConfig]) -> list[str]:
    """The names of none, and of the repairs that change such networks."""
    normalised = NETWORKS[configs[0].network].normalised
    return [name for name, repair in REPAIRS.items() if name == AS_IS or repair.changes(normalised)]


def default() -> list[Cell]:
    """The cells that ship with the product."""
    lenet, small = networks("lenet", "quick"), networks("convnet-small", "quick")
    some = networks("convnet", "quick")[:3]  # retraining one of them takes half an hour of a core
    lines = [line for scope in SCOPES for line in by_criterion(lenet, scope)]
    lines += [*by_layer(lenet), *by_retraining(lenet), *by_retraining(some)]
    lines += [*by_optimizer(lenet), *by_optimizer(small)]
    for configs in (lenet, small):
        lines += [line for repair in SHIPPED for line in by_criterion(configs, "global", repair)]
    return list(dict.fromkeys(cell for line in lines for cell in line.cells))


# --- summaries over seeds ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Band:
    """A line over n networks: mean accuracy on the test images, with Student's 95 % interval of the mean.

    Attributes:
        name: the line's.
        n: networks, one a training seed.
        sparsity: (S,) fractions.
        values: (n, S) accuracy of each network.
        mean, low, high: (S,) accuracies, fractions from 0 to 1; with one network low and high are its own.
        dense: (n,) accuracies of the networks before pruning.
        areas: (n,) the mean accuracy from the first to the last sparsity of each.
        compression: (S,) how many times fewer weights are left than there were; infinite where none is.
        speedup: (S,) how many times fewer multiplications there are if every zero is skipped; theoretical.
        zeros: (S, L) the share of each of the network's kernels that is zero, a fraction; the mean over networks.
    """

    name: str
    n: int
    sparsity: NDArray[np.float64]
    values: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    dense: NDArray[np.float64]
    areas: NDArray[np.float64]
    compression: NDArray[np.float64]
    speedup: NDArray[np.float64]
    zeros: NDArray[np.float64]


def band(name: str, curves: Sequence[Curve]) -> Band:
    """Summarise the curves of a line, at least one, all at the same sparsities; cached."""
    return _band(name, tuple(curves))


@lru_cache(maxsize=128)
def _band(name: str, curves: tuple[Curve, ...]) -> Band:
    values = np.array([curve.accuracy for curve in curves])
    dense = np.array([curve.test[0].dense.value for curve in curves])
    sparsity = curves[0].cell.sparsities
    mean, half = student(values)
    return Band(
        name,
        len(curves),
        np.array(sparsity),
        values,
        mean,
        np.maximum(mean - half, 0.0),
        np.minimum(mean + half, 1.0),
        dense,
        np.array([area(sparsity, row) for row in values]),
        np.mean([_ratio(curve, weighted=False) for curve in curves], axis=0),
        np.mean([_ratio(curve, weighted=True) for curve in curves], axis=0),
        np.mean([np.array(curve.layer_k) / np.array(curve.sizes) for curve in curves], axis=0),
    )


def difference(one: Band, other: Band) -> tuple[float, float, float]:
    """The mean of the areas' differences, one - other, network by network, and the ends of its 95 % interval."""
    return paired(one.areas - other.areas)


def paired(differences: NDArray[np.float64]) -> tuple[float, float, float]:
    """The mean of (n,) differences of accuracies, one for each network, and the ends of its 95 % interval."""
    mean, half = map(float, student(differences))
    return mean, max(mean - half, -1.0), min(mean + half, 1.0)


def _ratio(curve: Curve, *, weighted: bool) -> NDArray[np.float64]:
    """(S,) all weights over those left, each counted as often as it is used if `weighted`."""
    sizes = np.array(curve.sizes)
    uses = np.array(curve.uses) if weighted else np.ones(len(sizes))
    left = ((sizes - np.array(curve.layer_k)) * uses).sum(axis=1)
    with np.errstate(divide="ignore"):
        return np.asarray((sizes * uses).sum() / left)


def to_csv(bands: Sequence[Band]) -> str:
    """One row for each line and sparsity."""
    columns = ("sparsity", "mean", "low", "high", "compression", "speedup")
    rows: list[Sequence[str]] = [("line", "networks", *columns)]
    for b in bands:
        for values in zip(*(getattr(b, column) for column in columns), strict=True):
            rows.append((b.name, str(b.n), *(f"{value:.10g}" for value in values)))
    return csv_of(rows)


def csv_of(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as text that spreadsheets read."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
