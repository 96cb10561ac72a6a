"""A store with two finished runs, made without torch: real rankings and profiles of random weights."""

from pathlib import Path

import numpy as np

from core.config import RunConfig
from core.data.fashion import CLASSES
from core.evaluation.parts import compute
from core.networks import NETWORKS
from core.progress import Epoch
from core.pruning import PruningConfig, Weights, rank
from core.run import Run, timestamp
from core.store.runs import RunStore

IMAGES = 400
SEED = 7
"""Not that of the runs that ship, whose ids would be the same."""

SHAPES = {
    "conv1.weight": (8, 1, 3, 3),
    "conv1.bias": (8,),
    "conv2.weight": (16, 8, 3, 3),
    "conv3.weight": (24, 16, 3, 3),
    "fc.weight": (10, 24),
}


def fill(root: Path) -> tuple[Run, Run]:
    """Put a `convnet` and a `lenet` run into the store at `root`, with their global magnitude profiles."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(IMAGES) % 10).astype(np.uint8)
    return _run(root, "convnet", "quick", labels, rng), _run(root, "lenet", "report", labels, rng)


def train(root: Path, owner: str) -> Run:
    """Put one more `lenet` run there, of its owner."""
    labels = (np.arange(IMAGES) % 10).astype(np.uint8)
    return _run(root, "lenet", "quick", labels, np.random.default_rng(1), owner)


def named(root: Path, classes: tuple[str, ...]) -> Run:
    """Put a `lenet` run of a data set with these classes there."""
    labels = (np.arange(IMAGES) % len(classes)).astype(np.uint8)
    return _run(root, "lenet", "quick", labels, np.random.default_rng(2), classes=classes)


def _run(
    root: Path,
    network: str,
    recipe: str,
    labels: np.ndarray,
    rng: np.random.Generator,
    owner: str | None = None,
    classes: tuple[str, ...] = CLASSES,
) -> Run:
    weights = {name: (rng.normal(size=shape) / 10).astype(np.float32) for name, shape in SHAPES.items()}
    right = np.eye(len(classes), dtype=np.float32)[labels] * 3
    right += rng.normal(size=right.shape).astype(np.float32)
    noise = 3 * rng.normal(size=right.shape).astype(np.float32)

    def infer(pruned: Weights) -> np.ndarray:
        share = np.mean([np.mean(w == 0) for w in pruned.values()])
        return np.asarray(right * (1 - share) + noise * share, np.float32)

    config = RunConfig(network=network, training=NETWORKS[network].recipes[recipe], seed=SEED)
    epochs = tuple(Epoch(i, 10.0, 1 / i, 0.8, 1 / i, 0.85) for i in range(1, 4))
    run = Run(
        config=config,
        created=timestamp(),
        seconds=30.0,
        versions={},
        machine={},
        data_md5={"synthetic": "0" * 32},
        classes=classes,
        shape=(28, 28),
        history=epochs,
        owner=owner,
    )
    return RunStore(root).save(run, weights, labels, compute(weights, rank(weights, PruningConfig()), infer, labels))
