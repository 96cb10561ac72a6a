"""A run: a network, trained here or brought, and everything that determined it, without its arrays."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core import data
from core.config import Design, Problem, RunConfig
from core.data import problem
from core.errors import ConfigError
from core.evaluation import Proportion
from core.job import OfConfig, OfFuture
from core.networks import NETWORKS, Kernel, multiplications, passes, recipe_for
from core.own.brought import Brought
from core.own.outline import Outline
from core.progress import Epoch
from core.pruning import PruningConfig, Weights

_SAMPLE = 40_000_000
"""Bytes of the images that a repair of a network that was brought may see: 265 of 224 x 224 in colours."""

_WORK = 500_000_000_000
"""Multiplications of a part at one stop, at most: three seconds of two good cores, so two minutes at all stops."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A network, without its arrays.

    Attributes:
        config: everything that determined it: how it was trained here, or what was brought.
        created: when it was finished, ISO 8601, UTC.
        seconds: how long the training took; 0 for a network that was brought.
        versions: of Python and the libraries.
        machine: processor, threads, device, whether bfloat16 was used.
        data_md5: MD5 of each file of the data set.
        history: one entry per epoch.
        classes: the names of the data set's classes, in the order of the labels.
        shape: shape of one image, (side, side) or (side, side, 3); of a network that was brought, of its input.
        owner: who asked for it and may delete it; None if nobody in particular.
        images: the number of test images. Set by `RunStore.save`.
        right, answered: test images that the dense network classifies correctly, of the first how many; 0 for all. Set
            by `RunStore.save`.
        weights: N, the number of weights that can be pruned. Set by `RunStore.save`.
        bytes: size of the stored weights. Set by `RunStore.save`.
        reference: whether it ships with PruneLab.
        outline: what is known of the graph that was brought; None for a network that was trained here.
        chunk: of a network that was brought, the number of images in a part of its evaluation; 0 for all at once.
    """

    config: RunConfig | Brought
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
    answered: int = 0
    outline: Outline | None = None
    chunk: int = 0

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits, the hash of the configuration."""
        return self.config.run_id

    @property
    def trained(self) -> RunConfig:
        """How it was trained here.

        Raises:
            ConfigError: it was brought.
        """
        if isinstance(self.config, Brought):
            raise ConfigError("This network was brought, not trained here; choose one that was trained here for this.")
        return self.config

    @property
    def brought(self) -> Brought | None:
        """What was brought; None if it was trained here."""
        return self.config if isinstance(self.config, Brought) else None

    @property
    def network(self) -> str:
        """The name of its network in `core.networks.NETWORKS`, or of the file that was brought."""
        return self.config.name if isinstance(self.config, Brought) else self.config.network

    @property
    def title(self) -> str:
        """The name of its network on the screen."""
        known = None if self.brought else NETWORKS.get(self.network)
        return known.title if known else self.network

    @property
    def data_set(self) -> str:
        """The id of its data set."""
        return self.config.data if isinstance(self.config, Brought) else self.config.data.name

    @property
    def data_title(self) -> str:
        """The name of its data set on the screen."""
        return data.title(self.data_set)

    @property
    def problem(self) -> Problem:
        """The task of a network that was trained here."""
        return problem(self.shape, self.classes)

    @property
    def design(self) -> Design:
        """The network's layers and how it computes its output; raises ConfigError if it was brought."""
        return self.trained.design(self.problem)

    @property
    def normalised(self) -> bool:
        """Whether it has batch normalisation that can be measured again."""
        if self.outline is not None:
            return self.outline.norms > 0
        return self.network in NETWORKS and NETWORKS[self.network].normalised

    @property
    def kernels(self) -> dict[str, Kernel]:
        """The kernels by name, with the number of places of an image at which each weight is multiplied."""
        if self.outline is not None:
            return {layer.name: Kernel(layer.weights, layer.uses) for layer in self.outline.layers}
        return NETWORKS[self.network].kernels(self.problem)

    @property
    def sparse(self) -> float:
        """The share of its weights, at least, that are zero since its training, a fraction; 0 for other networks."""
        return 0.0 if self.brought else self.trained.training.compression.sparsity

    @property
    def passes(self) -> int:
        """Forward passes for an image."""
        return 1 if self.brought else passes(self.design)

    def pruned(self, **how: str) -> PruningConfig:
        """A way to prune it, by criterion, scope and repair; raises ConfigError.

        A repair of a network that was brought sees fewer images: at most 1,000, and fewer if they are large.
        """
        if self.brought is None:
            return PruningConfig(**how)  # type: ignore[arg-type]
        few = max(100, min(1_000, _SAMPLE // math.prod(self.shape)))
        return PruningConfig(**how, sample=few)  # type: ignore[arg-type]

    @property
    def parts(self) -> int:
        """How many parts its test images are evaluated in, each at every stop."""
        if self.brought:
            return -(-self.images // (self.chunk or self.images))
        once = self.passes * multiplications(self.kernels)
        return max(1, -(-self.images * once // _WORK))

    @property
    def at_once(self) -> int:
        """How many test images are in a part; perhaps fewer in the last."""
        return self.chunk or -(-self.images // self.parts)

    @property
    def accuracy(self) -> Proportion:
        """Accuracy of the dense network on the test images, perhaps the first of them."""
        return Proportion(self.right, self.answered or self.images)


@dataclass(frozen=True, kw_only=True)
class Network(OfConfig[Weights]):
    """The network of a configuration alone, as a teacher or for a study; a run of that configuration is one as well."""

    kind = "network"
    noun = "training of a network"
    trains = True
    background = True
    kept = ".study/{key}.safetensors"

    @property
    def needs(self) -> "tuple[Network, ...]":
        """As a training needs them."""
        return _others(self.config)


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

    @property
    def needs(self) -> tuple[Network, ...]:
        """The networks that it starts from and learns from, if there are any."""
        return _others(self.config)


def _others(config: RunConfig) -> tuple[Network, ...]:
    others = (start_of(config), teacher_of(config))
    return (*dict.fromkeys(Network(config=other) for other in others if other),)


def start_of(config: RunConfig) -> RunConfig | None:
    """How the network is trained that a training starts from; None if it starts from a new one."""
    return _dense(config, config.network, config.seed) if config.training.compression.start == "dense" else None


def teacher_of(config: RunConfig) -> RunConfig | None:
    """How the teacher of a training is trained itself; None if there is none. ResNet has seed 0, whatever the seed."""
    match config.training.compression.teacher:
        case "none":
            return None
        case "dense":
            return _dense(config, config.network, config.seed)
        case larger:
            return _dense(config, larger, 0)


def _dense(config: RunConfig, network: str, seed: int) -> RunConfig:
    """The training of a dense network on the same images, by its longest recipe."""
    *_, longest = NETWORKS[network].dense.values()
    recipe = recipe_for(longest, mirrored=config.training.flip)
    return RunConfig(network=network, training=recipe, data=config.data, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Bringing(OfFuture[Run]):
    """Open a network that was brought, evaluate the first part of the test images at every stop, and keep it as a run.

    `owner` will own the run, and `pictures` is the SHA-256 of a zip of pictures that was uploaded, if any; neither is
    part of the job's identity.
    """

    kind = "bring"
    noun = "evaluation of this network"
    unit = "stop"
    kept = "{key}/run.json"

    config: Brought
    owner: str | None = field(default=None, compare=False)
    pictures: str | None = field(default=None, compare=False)


def timestamp() -> str:
    """The current time to the second, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
