"""The workers' tasks on a tiny synthetic data set, so that a test trains for real within a second."""

from functools import cache, partial

import numpy as np

from core.config import DataConfig, RunConfig, TrainingConfig
from core.data import Dataset, Split
from core.engine import tasks


@cache
def source() -> tasks.Source:
    """1,100 training and 200 test images: noise, with a bright stripe whose row tells the class."""
    return tasks.Source(Dataset(_split(1100, 0), _split(200, 1)), {"synthetic": "0" * 32})


def _split(n: int, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10).astype(np.uint8)
    images = rng.integers(0, 100, (n, 28, 28), np.uint8)
    images[np.arange(n), 2 * labels + 4] = 255
    return Split(images, labels)


def config(epochs: int = 1, seed: int = 0) -> RunConfig:
    """A training of 63 steps an epoch."""
    training = TrainingConfig(epochs=epochs, batch_size=16, learning_rate=0.05)
    return RunConfig(network="lenet", training=training, data=DataConfig(validation=100), seed=seed)


train = partial(tasks.train, source=source)
profile = partial(tasks.profile, source=source)
point = partial(tasks.point, source=source)
