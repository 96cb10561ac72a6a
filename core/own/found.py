"""How a network's pictures are read, as it was found by measuring."""

from dataclasses import dataclass

from core.evaluation import Proportion
from core.own.reading import Reading


@dataclass(frozen=True)
class Tried:
    """A reading and its accuracy on the first so many of the pictures."""

    reading: Reading
    accuracy: Proportion


@dataclass(frozen=True)
class Found:
    """The readings that were tried, the one to use first.

    Attributes:
        tried: all of them.
        classes: how many the network tells apart.
        reordered: if another order of the classes fits better than chance would explain: the accuracy that it gives the
            first reading, on the half of the pictures that it was not found on, and the order itself, for each output
            the class that it would stand for.
    """

    tried: tuple[Tried, ...]
    classes: int
    reordered: tuple[Proportion, tuple[int, ...]] | None = None

    @property
    def best(self) -> Tried:
        """The reading to use."""
        return self.tried[0]

    @property
    def near_chance(self) -> bool:
        """Whether even the best is not shown to be better than guessing."""
        return all(tried.accuracy.low <= 1 / self.classes for tried in self.tried)
