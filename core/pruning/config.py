"""How a network is pruned, as a value that ids and links are made of."""

from dataclasses import dataclass

from core.config import Checked, ranged
from core.errors import ConfigError
from core.pruning.criteria import CRITERIA, Criterion
from core.pruning.scopes import SCOPES, Scope


@dataclass(frozen=True, kw_only=True)
class PruningConfig(Checked):
    """Which weights go first: the criterion that ranks them and the scope within which they compete.

    Raises:
        ConfigError: there is no such criterion or scope, or the seed is out of range.
    """

    criterion: str = "magnitude"
    scope: str = "global"
    seed: int = ranged(0, 2**31 - 1, "Seed of the random criterion", 0)

    def __post_init__(self) -> None:
        for name, value, choices in (("criterion", self.criterion, CRITERIA), ("scope", self.scope, SCOPES)):
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
        """A file-name-safe name, such as `magnitude-global` or `random-layerwise-7`."""
        seed = f"-{self.seed}" if self.ranks_by.is_random else ""
        return f"{self.criterion}-{self.scope}{seed}"
