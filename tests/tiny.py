"""The workers' tasks on a tiny synthetic data set, so that a test trains for real within a second."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from core.config import DataConfig, RunConfig, TrainingConfig
from core.cost.files import Exporting
from core.cost.ledger import Weighing
from core.cost.rounding import Rounding
from core.cost.times import Timing
from core.cost.tradeoff import Comparing
from core.data import Dataset
from core.data.fashion import CLASSES
from core.engine import tasks
from core.engine.work import Source
from core.evaluation.profile import Evaluating, Profiling
from core.job import Job
from core.pruning import PruningConfig
from core.run import Network, Training
from core.study.audit import Auditing
from core.study.bisection import Search
from core.study.cells import Cell
from tests.own_data import stripes as stripes


@cache
def source(name: str = "fashion-mnist") -> Source:
    """1,100 training and 200 test images, in place of the data set of that name."""
    return Source(Dataset(stripes(1100, 0), stripes(200, 1), CLASSES), {"synthetic": "0" * 32})


def config(epochs: int = 1, seed: int = 0) -> RunConfig:
    """A training of 63 steps an epoch."""
    training = TrainingConfig(epochs=epochs, batch_size=16, learning_rate=0.05)
    return RunConfig(network="lenet", training=training, data=DataConfig(validation=100), seed=seed)


def diverging() -> RunConfig:
    """A training whose loss does not stay a number."""
    return RunConfig(
        network="lenet",
        training=TrainingConfig(epochs=2, batch_size=16, learning_rate=2.0, momentum=0.999, schedule="constant"),
        data=DataConfig(validation=100),
    )


def unknown() -> RunConfig:
    """A training of a network that does not exist."""
    return replace(config(), network="perceptron")


def crashing() -> RunConfig:
    """A training that ends in an error of Python's own."""
    return config(seed=CRASH)


CRASH = 666
LONG = 3
"""Trainings of so many epochs last, on any machine, for as long as it takes to do something about them."""


def perform(job: Job[Any], where: Path | str, **how: Any) -> Any:
    """As `core.engine.tasks.perform`, on the tiny data."""
    if isinstance(job, Training) and job.config.seed == CRASH:
        raise ZeroDivisionError("by tests/tiny.py")
    if isinstance(job, Training | Network):
        how = _lasting(job.config, **how)
    return tasks.perform(job, where, **{"source": source, **how})


def _lasting(config: RunConfig, should_stop: Callable[[], bool] = lambda: False, **rest: Any) -> dict[str, Any]:
    """The same, with a rest at each step if it is to last: a processor is left to the test that watches."""

    def rested() -> bool:
        time.sleep(0.03)
        return should_stop()

    return {**rest, "should_stop": rested if config.training.epochs >= LONG else should_stop}


def train(config: RunConfig, *, root: Path | str, owner: str | None = None, **how: Any) -> Any:
    """A run."""
    return perform(Training(config=config, owner=owner), root, **how)


def network(config: RunConfig, *, root: Path | str, **how: Any) -> Any:
    """A study's network."""
    return perform(Network(config=config), root, **how)


def profile(run_id: str, pruning: PruningConfig, *, root: Path | str, **how: Any) -> Any:
    """A run's profile over the stops."""
    return perform(Profiling(run_id=run_id, pruning=pruning), root, **how)


def point(run_id: str, pruning: PruningConfig, sparsity: float, *, root: Path | str, **how: Any) -> Any:
    """A run at one sparsity."""
    return perform(Evaluating(run_id=run_id, pruning=pruning, sparsity=sparsity), root, **how)


def ledger(run_id: str, pruning: PruningConfig, sparsity: float | None = None, *, root: Path | str, **how: Any) -> Any:
    """A run's byte ledger."""
    return perform(Weighing(run_id=run_id, pruning=pruning, sparsity=sparsity), root, **how)


def rounding(run_id: str, pruning: PruningConfig, sparsity: float, *, root: Path | str, **how: Any) -> Any:
    """A run, rounded."""
    return perform(Rounding(run_id=run_id, pruning=pruning, sparsity=sparsity), root, **how)


def timing(run_id: str, pruning: PruningConfig, sparsity: float, *, root: Path | str, **how: Any) -> Any:
    """A run, timed."""
    return perform(Timing(run_id=run_id, pruning=pruning, sparsity=sparsity), root, **how)


def tradeoff(run_id: str, pruning: PruningConfig, *, root: Path | str, **how: Any) -> Any:
    """A run's weights and filters."""
    return perform(Comparing(run_id=run_id, pruning=pruning), root, **how)


def export(run_id: str, pruning: PruningConfig, sparsity: float, *, root: Path | str, **how: Any) -> Any:
    """A run's files."""
    return perform(Exporting(run_id=run_id, pruning=pruning, sparsity=sparsity), root, **how)


def search(search: Search, *, root: Path | str, **how: Any) -> Any:
    """A limit."""
    return perform(search, root, **how)


def cell(cell: Cell, *, root: Path | str, **how: Any) -> Any:
    """A curve."""
    return perform(cell, root, **how)


def audit(config: RunConfig, *, root: Path | str, **how: Any) -> Any:
    """An audit."""
    return perform(Auditing(config=config), root, **how)
