"""How a network is pruned, as a value that ids and links are made of."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from core.config import Checked, ranged
from core.errors import ConfigError
from core.pruning.criteria import CRITERIA, Criterion
from core.pruning.repairs import AS_IS, REPAIRS, Repair
from core.pruning.scopes import SCOPES, Scope

_OF_REPAIR = ("repair", "sample", "sample_seed")


@dataclass(frozen=True, kw_only=True)
class PruningConfig(Checked):
    """Which weights go first, and what follows: the criterion that ranks them, the scope within which they compete, and
    the repair, with its sample of training images.

    Raises:
        ConfigError: there is no such criterion, scope or repair, or a number is out of range.
    """

    criterion: str = "magnitude"
    scope: str = "global"
    seed: int = ranged(0, 2**31 - 1, "Seed of the random criterion", 0)
    repair: str = AS_IS
    sample: int = ranged(100, 60_000, "Images for the repair", 10_000)
    sample_seed: int = ranged(0, 2**31 - 1, "Seed of the images for the repair", 0)

    def __post_init__(self) -> None:
        for name, choices in (("criterion", CRITERIA), ("scope", SCOPES), ("repair", REPAIRS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in choices:
                raise ConfigError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")
        super().__post_init__()

    @property
    def ranks_by(self) -> Criterion:
        """The criterion."""
        return CRITERIA[self.criterion]

    @property
    def within(self) -> Scope:
        """The scope."""
        return SCOPES[self.scope]

    @property
    def is_global(self) -> bool:
        """Whether all weights compete; only then can every number of weights from 0 to N be pruned."""
        return self.within.shares is None

    @property
    def key(self) -> str:
        """A file-name-safe name, such as `magnitude-global`, `random-layerwise-7` or `lamp-global-refit-10000-0`."""
        seed = f"-{self.seed}" if self.ranks_by.is_random else ""
        repair = f"-{self.repair}-{self.sample}-{self.sample_seed}" if self.repaired else ""
        return f"{self.criterion}-{self.scope}{seed}{repair}"

    def to_dict(self) -> dict[str, Any]:
        """Its fields; without a repair, as before there was one: in ids and files, without its fields."""
        return {name: value for name, value in asdict(self).items() if self.repaired or name not in _OF_REPAIR}

    @property
    def repaired(self) -> bool:
        """Whether anything follows the pruning."""
        return self.repair != AS_IS

    @property
    def followed_by(self) -> Repair:
        """The repair."""
        return REPAIRS[self.repair]

    def then(self, repair: str) -> "PruningConfig":
        """The same weights pruned, followed by another repair; raises ConfigError if there is none of that name."""
        return replace(self, repair=repair)
