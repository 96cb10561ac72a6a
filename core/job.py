"""A job is a value: it says what is wanted, and its id, its name on the screen and its place in the store follow."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_args

from core.config import RunConfig
from core.progress import Unit
from core.pruning import PruningConfig, checked

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Job(Generic[R]):
    """A computation for a worker, with a result of type R. Equal jobs have equal ids and are done once.

    Attributes:
        kind: the first word of its id, unique to this class of jobs.
        noun: its name in a sentence.
        too_long: what a visitor can do if it takes longer than the host allows.
        background: whether it runs after all other jobs, next to another background job, without filling the queue.
        repeats: whether it is computed again at each request; other jobs are computed once.
        kept: the file name of the result in the store, with `{id}`, `{key}`, `{weights}` and fields of `{job}`; None if
            the result is not stored.
        result: R, set for each class from the type argument of its base class.
    """

    kind: ClassVar[str]
    noun: ClassVar[str]
    too_long: ClassVar[str] = "choose a smaller network"
    background: ClassVar[bool] = False
    repeats: ClassVar[bool] = False
    kept: ClassVar[str | None] = "ledgers/{id}.json"
    result: ClassVar[type]

    def __init_subclass__(cls) -> None:
        """Set `result` from the type argument."""
        for base in getattr(cls, "__orig_bases__", ()):
            for kind in get_args(base):
                if not isinstance(kind, TypeVar):
                    cls.result = kind

    @property
    def trains(self) -> bool:
        """Whether it trains a network itself; the host's limits on training then apply."""
        return False

    @property
    def unit(self) -> Unit:
        """What its progress counts, in the singular."""
        return "step"

    @property
    def key(self) -> str:
        """A name that is safe in file names and unique within this class."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """A name that is unique among all jobs, on any server."""
        return f"{self.kind}-{self.key}"

    @property
    def subject(self) -> str:
        """The id of the run whose network it is about."""
        raise NotImplementedError

    @property
    def needs(self) -> "tuple[Job[Any], ...]":
        """Jobs that must be done before this one begins."""
        return ()

    def file(self, weights: str) -> str:
        """The file name of the result in the store; `weights` is the digest of the weights it was computed from."""
        return str(self.kept).format(job=self, id=self.id, key=self.key, weights=weights[:12])

    def fits(self, result: R) -> bool:
        """Whether a result stored under this job's name really belongs to it."""
        return True


@dataclass(frozen=True, kw_only=True)
class OfRun(Job[R]):
    """A job about a stored run, pruned in one way, over all stops of the slider."""

    run_id: str
    pruning: PruningConfig = field(default_factory=PruningConfig)

    @property
    def variant(self) -> str:
        """How the run is pruned, such as `magnitude-global`."""
        return self.pruning.key

    @property
    def key(self) -> str:
        """Such as `0123456789ab-magnitude-global`."""
        return f"{self.run_id}-{self.variant}"

    @property
    def subject(self) -> str:
        """The run."""
        return self.run_id


class Configuration(Protocol):
    """What determines a run."""

    @property
    def run_id(self) -> str:
        """The id of the run."""


@dataclass(frozen=True, kw_only=True)
class OfFuture(Job[R]):
    """A job about the run of a configuration, whether it exists or not."""

    config: Configuration

    @property
    def key(self) -> str:
        """The id of the run of that configuration."""
        return self.config.run_id

    @property
    def subject(self) -> str:
        """The id of the run of that configuration."""
        return self.config.run_id


@dataclass(frozen=True, kw_only=True)
class OfConfig(OfFuture[R]):
    """A job about the network that a configuration trains, whether such a run exists or not."""

    config: RunConfig


@dataclass(frozen=True, kw_only=True)
class AtSparsity(OfRun[R]):
    """A job about a stored run, pruned to one sparsity.

    Raises:
        PruningError: the sparsity is not a fraction from 0 to 1.
    """

    sparsity: float

    def __post_init__(self) -> None:
        percentage(self.sparsity)

    @property
    def variant(self) -> str:
        """Such as `magnitude-global@12.5`."""
        return at(self.pruning, self.sparsity)


def at(pruning: PruningConfig, sparsity: float) -> str:
    """A file-name-safe name of one evaluation, such as `magnitude-global@12.5`; raises PruningError."""
    return f"{pruning.key}@{percentage(sparsity)}"


def percentage(sparsity: float) -> str:
    """A sparsity as a percentage with up to ten significant digits, such as `12.5`.

    Raises:
        PruningError: the sparsity is not a fraction from 0 to 1.
    """
    return f"{100 * checked(sparsity):.10g}"
