"""The workers' tasks on a tiny synthetic data set, so that a test trains for real within a second."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from core.config import DataConfig, RunConfig, TrainingConfig
from core.data import Dataset, Split
from core.data.fashion import CLASSES
from core.engine import tasks
from core.engine.source import Source


@cache
def source(name: str = "fashion-mnist") -> Source:
    """1,100 training and 200 test images, in place of the data set of that name."""
    return Source(Dataset(stripes(1100, 0), stripes(200, 1), CLASSES), {"synthetic": "0" * 32})


def stripes(n: int, seed: int) -> Split:
    """Noise, with a bright stripe whose row tells the class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10).astype(np.uint8)
    images = rng.integers(0, 100, (n, 28, 28), np.uint8)
    images[np.arange(n), 2 * labels + 4] = 255
    return Split(images, labels)


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


def train(config: RunConfig, **rest: Any) -> None:
    """As `core.engine.tasks.train`, on the tiny data."""
    if config.seed == CRASH:
        raise ZeroDivisionError("by tests/tiny.py")
    tasks.train(config, source=source, **_lasting(config, **rest))


def network(config: RunConfig, **rest: Any) -> None:
    """As `core.engine.tasks.network`, on the tiny data."""
    tasks.network(config, source=source, **_lasting(config, **rest))


def _lasting(config: RunConfig, should_stop: Callable[[], bool] = lambda: False, **rest: Any) -> dict[str, Any]:
    """The same, with a rest at each step if it is to last: a processor is left to the test that watches."""

    def rested() -> bool:
        time.sleep(0.03)
        return should_stop()

    return {**rest, "should_stop": rested if config.training.epochs >= LONG else should_stop}


profile = partial(tasks.profile, source=source)
point = partial(tasks.point, source=source)
cell = partial(tasks.cell, source=source)
audit = partial(tasks.audit, source=source)
search = partial(tasks.search, source=source)
ledger = tasks.ledger
export = partial(tasks.export, source=source)
tradeoff = partial(tasks.tradeoff, source=source)
timing = partial(tasks.timing, source=source)
rounding = partial(tasks.rounding, source=source)
trace = tasks.trace
