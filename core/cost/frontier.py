"""The frontier: the bytes of whole networks against their accuracy, of several runs at all their stops.

Bytes are those of one compact file with everything that a network needs (`Ledger.file`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.cost.ledger import DENSE, Ledger
from core.evaluation import Labels, Proportion, accuracy
from core.evaluation.profile import Profile
from core.job import percentage

BUDGETS = (2_000, 8_000, 16_000, 20_000)
"""Bytes within which the most accurate network is named."""

FLOAT32 = 4
"""Bytes of a number."""

SOURCE = "https://github.com/zalandoresearch/fashion-mnist#benchmark"
"""The table of submitted results in the README of Fashion-MNIST, whose authors “haven't yet tested these results”."""


@dataclass(frozen=True)
class Point:
    """One network: a run pruned to a sparsity.

    Attributes:
        run: the run's id.
        sparsity: a fraction.
        k: weights pruned.
        bytes: of the whole file.
        accuracy: on the test images.
    """

    run: str
    sparsity: float
    k: int
    bytes: int
    accuracy: Proportion

    @property
    def name(self) -> str:
        """Unique among all points: `8eb9a6882564@90`."""
        return f"{self.run}@{percentage(self.sparsity)}"


@dataclass(frozen=True)
class Landmark:
    """A network for comparison, dense, with four bytes for each number and no file around them.

    Attributes:
        name: what it is called.
        bytes: `FLOAT32` for each parameter.
        accuracy: on the test images.
        source: a URL; empty if it was measured here.
    """

    name: str
    bytes: int
    accuracy: Proportion
    source: str = ""


@dataclass(frozen=True)
class Line:
    """A run over its stops, by increasing sparsity, and the same network dense, as float32."""

    run: str
    title: str
    points: tuple[Point, ...]
    dense: Landmark


def _published(name: str, parameters: int, thousandths: int) -> Landmark:
    """The table gives accuracies in thousandths; Fashion-MNIST has 10,000 test images."""
    return Landmark(name, FLOAT32 * parameters, Proportion(10 * thousandths, 10_000), SOURCE)


PUBLISHED = (
    _published("2 Conv, <100K", 100_000, 925),
    _published("2 Conv, 113K", 113_000, 922),
    _published("DenseNet-BC, 768K", 768_000, 954),
    _published("2 Conv with 3 FC, 1.8M", 1_800_000, 932),
    _published("Capsule Network, 8M", 8_000_000, 936),
    _published("WRN40-4, 8.9M", 8_900_000, 967),
    _published("VGG16, 26M", 26_000_000, 935),
)
"""The networks of `SOURCE` whose number of parameters is stated there; of the first, an upper bound."""


def at(run: str, profile: Profile, ledger: Ledger, row: int, labels: Labels) -> Point:
    """The point of a row of the ledger.

    Args:
        run: the run's id.
        profile: its answers.
        ledger: its bytes, pruned in the same way at the same sparsities.
        row: of both.
        labels: the true classes, of the profile's images or more.
    """
    right = accuracy(labels[: profile.images], profile.predicted[row])
    return Point(run, float(ledger.sparsity[row]), int(ledger.k[row]), int(ledger.file[row]), right)


def line(run: str, title: str, profile: Profile, ledger: Ledger, labels: Labels) -> Line:
    """A run, called `title`, at all rows; the arguments are those of `at`."""
    points = tuple(at(run, profile, ledger, row, labels) for row in range(len(ledger.k)))
    size = ledger.unpruned[DENSE.key] + ledger.rest
    return Line(run, title, points, Landmark(title, size, accuracy(labels[: profile.images], profile.predicted[0])))


def pareto(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points to which no other is better in bytes or accuracy and at least equal in both, by increasing bytes.

    Of points that are equal in both, the first.
    """
    found = list[Point]()
    for point in sorted(points, key=lambda point: (point.bytes, -point.accuracy.value)):
        if not found or point.accuracy.value > found[-1].accuracy.value:
            found.append(point)
    return tuple(found)


def at_most(points: Sequence[Point], bytes: int) -> Point | None:
    """The most accurate point within so many bytes, of equally accurate ones the smallest; None if none is so small."""
    within = [point for point in points if point.bytes <= bytes]
    return max(within, key=lambda point: (point.accuracy.value, -point.bytes), default=None)
