"""A run: a trained network and everything that determined it, without its arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.config import Design, Problem, RunConfig
from core.data import problem
from core.evaluation import Proportion
from core.job import OfConfig
from core.progress import Epoch


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trained network, without its arrays.

    Attributes:
        config: everything that determined it.
        created: when it was finished, ISO 8601, UTC.
        seconds: how long the training took.
        versions: of Python and the libraries.
        machine: processor, threads, device, whether bfloat16 was used.
        data_md5: MD5 of each file of the data set.
        history: one entry per epoch.
        classes: the names of the data set's classes, in the order of the labels.
        shape: shape of one image, (side, side) or (side, side, 3).
        owner: who asked for it and may delete it; None if nobody in particular.
        right, images: test images that the dense network classifies correctly, of how many. Set by `RunStore.save`.
        weights: N, the number of weights that can be pruned. Set by `RunStore.save`.
        bytes: size of the stored weights. Set by `RunStore.save`.
        reference: whether it ships with PruneLab.
    """

    config: RunConfig
    created: str
    seconds: float
    versions: Mapping[str, str]
    machine: Mapping[str, str | int | bool]
    data_md5: Mapping[str, str]
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    history: tuple[Epoch, ...] = ()
    owner: str | None = None
    right: int = 0
    images: int = 0
    weights: int = 0
    bytes: int = 0
    reference: bool = False

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits, the hash of the configuration."""
        return self.config.run_id

    @property
    def problem(self) -> Problem:
        """The network's task."""
        return problem(self.shape, self.classes)

    @property
    def design(self) -> Design:
        """The network's layers and how it computes its output."""
        return self.config.design(self.problem)

    @property
    def accuracy(self) -> Proportion:
        """Accuracy of the dense network on the test images."""
        return Proportion(self.right, self.images)


@dataclass(frozen=True, kw_only=True)
class Training(OfConfig[Run]):
    """Train a network and evaluate it over the stops. `owner` will own the run and is not part of the job's identity.

    The result is stored by the worker, with its arrays, as one folder.
    """

    kind = "train"
    noun = "training"
    unit = "stop"
    trains = True
    too_long = "ask for fewer epochs"
    kept = "{key}/run.json"

    owner: str | None = field(default=None, compare=False)


def timestamp() -> str:
    """The current time to the second, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
