"""What the tasks ask of a stored run's network, whether it was trained here or brought."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.cost.files import Export
from core.cost.times import Times
from core.evaluation import Labels
from core.evaluation.parts import Infer
from core.evaluation.trace import Look
from core.pruning import PruningConfig, Ranking, Weights

Repaired = Callable[[Weights, dict[str, NDArray[np.bool_]], Callable[[int, int], object]], Weights]
"""From pruned weights, masks and a function that is told the layers done, to repaired weights."""
OnRound = Callable[[int, int], object]
T = TypeVar("T")


class Each(Protocol):
    """`core.engine.work.Work.each`: the parts of a job in turn, with a report of how many are done."""

    def __call__(self, parts: Sequence[T]) -> Iterator[T]:
        """As it does."""


@dataclass(frozen=True, eq=False)
class Images:
    """Some images of a run's data set: their labels (n,), and the answers of any version of its network, (n, C)."""

    labels: Labels
    infer: Infer


@dataclass(frozen=True, eq=False)
class ToExport:
    """A pruned network to be written into files: the weights at both ends, their order, and the fraction pruned."""

    dense: Weights
    pruned: Weights
    ranking: Ranking
    sparsity: float


class Network(Protocol):
    """A network without weights, with its data set. What takes long raises JobCancelled if the job is to stop."""

    def test(self, start: int = 0, stop: int | None = None) -> Images:
        """The test images of the run in its order, or some of them; raises DataError, StoreError."""

    def held_out(self) -> Images:
        """Images that are not reported on, for choosing; raises DataError, StoreError."""

    def repairer(self, dense: Weights, pruning: PruningConfig) -> Repaired:
        """A repair without labels; raises PruningError if this network cannot be repaired so."""

    def statistic(self, needs: str, dense: Weights) -> dict[str, NDArray[np.float32]]:
        """What a criterion needs besides the weights; raises PruningError if this network does not give it."""

    def viewer(self, image: NDArray[np.uint8]) -> Look:
        """Answers and first feature maps for one image, of the run's shape."""

    def times(self, dense: Weights, pruned: Weights, on_round: OnRound) -> Times:
        """How long both networks take."""

    def export(self, asked: ToExport, each: Each) -> Export:
        """The files to take home, each checked; raises PruningError if one does not pass."""
