"""What a run is: frozen dataclasses, one per concern, checked when they are built.

The id of a run is a hash of every field here plus `FORMAT`, so equal configurations are the same run,
and a changed default makes a new run. Standard library only: the web server, the workers and the tests all read it.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal, get_args

from core.errors import ConfigError

FORMAT = 1
"""Version of the run format. Raise it when the same configuration would no longer mean the same run."""

Optimizer = Literal["sgd", "adamw", "muon"]
Schedule = Literal["constant", "one-cycle"]
Pruned = Literal["gradual", "iterative"]
Start = Literal["new", "dense"]
Teacher = Literal["none", "dense", "resnet"]


@dataclass(frozen=True)
class Shown:
    """How a field is shown: its label, its help text, and the range of a number, both ends included."""

    label: str
    help: str = ""
    low: float = -math.inf
    high: float = math.inf

    def span(self, kind: type) -> str:
        """The range of a field of this type: `0 to 2,147,483,647`, `0.001 to 10`."""
        return f"{_number(self.low, kind)} to {_number(self.high, kind)}"


def _number(value: float, kind: type) -> str:
    return f"{value:,}" if kind is int else f"{value:g}"


def shown(default: Any, label: str, help: str = "") -> Any:
    """A field with a label on the screen."""
    return field(default=default, metadata={"shown": Shown(label, help)})


def ranged(low: float, high: float, label: str, default: Any, help: str = "") -> Any:
    """A number with a label on the screen and a range."""
    return field(default=default, metadata={"shown": Shown(label, help, low, high)})


def shown_as(owner: type, name: str) -> Shown:
    """How a field is shown, for the widget on the page."""
    metadata = next(f.metadata for f in fields(owner) if f.name == name)
    field_shown: Shown = metadata.get("shown", Shown(name))
    return field_shown


class Checked:
    """A base that checks each field against its annotation and its range, and raises ConfigError."""

    def __post_init__(self) -> None:
        for f in fields(self):  # type: ignore[arg-type]
            _check(type(self).__name__, f.name, getattr(self, f.name), f.type, f.metadata.get("shown"))


def _check(owner: str, name: str, value: Any, kind: Any, allowed: Shown | None) -> None:
    choices = get_args(kind)
    if choices:
        if value not in choices:
            raise ConfigError(f"{name} is {value!r}; choose one of {', '.join(map(str, choices))}.")
    elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{owner}.{name} is {value!r}; it must be of type {kind.__name__}.")
    if kind in (int, float) and allowed and not (-math.inf < value < math.inf and allowed.low <= value <= allowed.high):
        raise ConfigError(f"{allowed.label} is {_number(value, kind)}; choose a value from {allowed.span(kind)}.")


@dataclass(frozen=True)
class Problem:
    """The task of a network: to sort images of `side` x `side` pixels and `channels` colours into `classes` classes."""

    side: int = 28
    channels: int = 1
    classes: int = 10


@dataclass(frozen=True)
class Design:
    """Everything that determines a network's layers and its output.

    Attributes:
        network: its name in `core.networks.NETWORKS`.
        problem: its task.
        mirrored: whether a network that can do so outputs the mean over an image and its mirror image.
    """

    network: str
    problem: Problem = Problem()
    mirrored: bool = True


@dataclass(frozen=True, kw_only=True)
class DataConfig(Checked):
    """Which images: a data set, and the seeded, stratified validation split held out from its training images.

    `name` is "fashion-mnist" or, for a data set of the host's own, its name and a digest of its content.
    """

    name: str = "fashion-mnist"
    validation: int = ranged(100, 30_000, "Validation images", 5_000)
    split_seed: int = ranged(0, 2**31 - 1, "Seed of the split", 0)


@dataclass(frozen=True, kw_only=True)
class Compression(Checked):
    """What makes a network small while it is trained: pruning, rounding and a teacher. The defaults do nothing.

    Gradual pruning raises the share of pruned weights along a cubic curve: Zhu and Gupta, "To prune, or not to prune",
    2017. Iterative pruning divides the training into `rounds` + 1 equal parts, the first of which is dense; before each
    other one it prunes an equal ratio of what is left, and the learning rate goes through its schedule again: Renda et
    al., "Comparing rewinding and fine-tuning in neural network pruning", 2020.
    """

    start: Start = shown("new", "Start", "Dense: from the network that the longest dense recipe trains with this seed.")
    sparsity: float = ranged(0.0, 0.999, "Share of weights pruned", 0.0, "At the end of the training; 0 prunes none.")
    pruning: Pruned = shown(
        "gradual", "Pruning", "Gradual: a few weights at a time. Iterative: in rounds, each with its own schedule."
    )
    rounds: int = ranged(1, 20, "Rounds of iterative pruning", 4)
    begin: float = ranged(0.0, 1.0, "Gradual pruning begins", 0.1, "As a share of the training.")
    end: float = ranged(0.0, 1.0, "Gradual pruning ends", 0.7, "As a share of the training; the rest repairs.")
    criterion: Literal["magnitude", "lamp"] = shown("magnitude", "Weights are ranked by")
    scope: Literal["global", "layerwise"] = shown("global", "Weights compete")
    bits: Literal[32, 8, 4, 2] = shown(
        32, "Bits of a weight", "Below 32, each filter's weights become whole numbers times one number."
    )
    rounded: float = ranged(
        0.01, 1.0, "Share of the training with rounded weights", 0.3, "The last part; only below 32 bits."
    )
    teacher: Teacher = shown(
        "none", "Teacher", "A trained network whose answers are learned too: the same network, dense, or ResNet."
    )
    taught: float = ranged(0.05, 1.0, "Weight of the teacher's answers in the loss", 0.5)
    temperature: float = ranged(0.5, 20.0, "Temperature of the teacher's answers", 2.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prunes and self.pruning == "gradual" and self.begin >= self.end:
            raise ConfigError(
                f"Gradual pruning begins at {self.begin:g} and ends at {self.end:g} of the training; let it end later."
            )

    @property
    def prunes(self) -> bool:
        """Whether weights are pruned."""
        return self.sparsity > 0

    @property
    def rounds_weights(self) -> bool:
        """Whether weights are rounded."""
        return self.bits < 32

    @property
    def shrinks(self) -> bool:
        """Whether the network becomes small."""
        return self.prunes or self.rounds_weights

    @property
    def has_teacher(self) -> bool:
        """Whether there is a teacher."""
        return self.teacher != "none"

    @property
    def cycles(self) -> int:
        """How often the learning rate goes through its schedule."""
        return self.rounds + 1 if self.prunes and self.pruning == "iterative" else 1

    def share(self, done: float) -> float:
        """The share of weights that are pruned when a share `done` of the training is done, both fractions."""
        if not self.prunes:
            return 0.0
        if self.pruning == "iterative":
            return float(1 - (1 - self.sparsity) ** (int(done * self.cycles) / self.rounds))
        left = 1 - min(max((done - self.begin) / (self.end - self.begin), 0.0), 1.0)
        return self.sparsity * (1 - left**3)

    @property
    def unused(self) -> set[str]:
        """The fields that have no effect, as the others are."""
        unused = set() if self.prunes else {"pruning", "rounds", "begin", "end", "criterion", "scope"}
        unused |= {"rounds"} if self.pruning == "gradual" else {"begin", "end"}
        unused |= set() if self.rounds_weights else {"rounded"}
        return unused | (set() if self.has_teacher else {"taught", "temperature"})

    def plain(self) -> "Compression":
        """The same with the default of every field that has no effect, so that equal trainings are equal."""
        none = Compression()
        return replace(self, **{name: getattr(none, name) for name in self.unused})


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Checked):
    """How a network is trained. Every field changes the result, so every field is part of the run id."""

    epochs: int = ranged(1, 100, "Epochs", 10, "Passes over the training images.")
    batch_size: int = ranged(16, 2048, "Batch size", 256, "Images per step.")
    optimizer: Optimizer = shown("sgd", "Optimizer", "Muon updates the kernels of convolutions, AdamW the rest.")
    learning_rate: float = ranged(1e-5, 2.0, "Learning rate", 0.1, "The highest value in the schedule.")
    momentum: float = ranged(
        0.0,
        0.999,
        "Momentum",
        0.9,
        "SGD uses Nesterov momentum; 0 is plain SGD. AdamW and Muon average gradients with it.",
    )
    weight_decay: float = ranged(0.0, 1.0, "Weight decay", 5e-4)
    schedule: Schedule = shown("one-cycle", "Schedule", "How the learning rate changes during training.")
    label_smoothing: float = ranged(0.0, 0.5, "Label smoothing", 0.0)
    flip: bool = shown(False, "Random horizontal flips")
    shift: int = ranged(0, 4, "Random shift in pixels", 0)
    cutout: int = ranged(0, 16, "Side of a blanked square in pixels", 0)
    skip: float = ranged(
        0.0,
        0.7,
        "Share of images skipped",
        0.0,
        "From the second epoch on; drawn from the easiest three quarters, whose other images count more.",
    )

    compression: Compression = Compression()

    @property
    def passes(self) -> float:
        """The number of passes over all training images; partial ones count as fractions."""
        return 1 + (self.epochs - 1) * (1 - self.skip)


@dataclass(frozen=True, kw_only=True)
class RunConfig(Checked):
    """Everything that determines a trained network."""

    network: str
    training: TrainingConfig
    data: DataConfig = DataConfig()
    seed: int = ranged(
        0, 2**31 - 1, "Seed", 0, "The same configuration and seed give the same bits on the same machine."
    )

    @cached_property
    def run_id(self) -> str:
        """Twelve hexadecimal digits: SHA-256 over `FORMAT` and all fields as canonical JSON."""
        text = json.dumps({"format": FORMAT, **self.to_dict()}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def design(self, problem: Problem) -> Design:
        """The network's design; trained with flips, it outputs the mean over an image and its mirror image."""
        return Design(self.network, problem, mirrored=self.training.flip)

    def to_dict(self) -> dict[str, Any]:
        """All fields; without compression, as before there was one: without its fields."""
        values = asdict(self)
        if self.training.compression == Compression():
            del values["training"]["compression"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunConfig":
        """The inverse of `to_dict`.

        Raises:
            ConfigError: a field is missing, unknown, of the wrong type or out of range.
        """
        try:
            return cls(
                **{
                    **values,
                    "training": _training(values["training"]),
                    "data": DataConfig(**values["data"]),
                }
            )
        except (TypeError, KeyError) as error:
            raise ConfigError(f"This is not a run configuration: {error}.") from error


def _training(values: Mapping[str, Any]) -> TrainingConfig:
    return TrainingConfig(**{**values, "compression": Compression(**values.get("compression", {}))})
