"""Curves of a study that nobody had to compute: accuracies as they are asked for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core import study
from core.config import Problem, RunConfig
from core.evaluation import Comparison
from core.networks import NETWORKS
from core.pruning import CRITERIA, PruningConfig
from core.store.results import Results
from core.store.runs import RunStore
from core.study.cells import Cell, Curve

LENET = study.networks("lenet", "quick")
SIZES = (150, 2_400, 30_720, 10_080, 840)
USES = tuple(layer.uses for layer in NETWORKS["lenet"].kernels(Problem()).values())


def curve(cell: Cell, accuracies: Sequence[float], dense: float = 0.9, n: int = 1000) -> Curve:
    """Accuracies as counts of n images, whatever k would really do."""
    right = round(dense * n)
    rows = []
    for value in accuracies:
        kept = min(round(value * n), right)
        rows.append(Comparison(n, kept, right - kept, 0, n - right, right - kept))
    layer_k = tuple(tuple(round(s * size) for size in SIZES) for s in cell.sparsities)
    return Curve(
        cell=cell,
        total=sum(SIZES),
        k=tuple(map(sum, layer_k)),
        sizes=SIZES,
        uses=USES,
        layer_k=layer_k,
        test=tuple(rows),
        seconds=1.0,
        created="2026-11-25T00:00:00+00:00",
        versions={},
        machine={},
    )


def cell(config: RunConfig, criterion: str = "magnitude", seed: int = 0) -> Cell:
    return Cell(config=config, pruning=PruningConfig(criterion=criterion, seed=seed), sparsities=(0.2, 0.5, 0.9))


VALUES = np.array([[0.9, 0.8, 0.4], [0.88, 0.8, 0.3], [0.89, 0.77, 0.2], [0.9, 0.82, 0.5], [0.87, 0.79, 0.1]])


def studied(root: Path) -> dict[str, float]:
    """Put the curves of all criteria, global, into the store; returns the accuracy of each at every sparsity."""
    store = Results(RunStore(root))
    levels = {criterion: 0.8 - 0.1 * i for i, criterion in enumerate(CRITERIA)}
    for line in study.by_criterion(LENET, "global"):
        for i, cell in enumerate(line.cells):
            store.put(cell, curve(cell, [levels[line.name] + 0.001 * i] * len(cell.sparsities)))
    return levels
