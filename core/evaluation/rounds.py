"""Evaluation of a run part by part: some of its test images at every stop, as jobs that workers share.

`Profiling` joins the parts; what is done of them is kept, and shown before.
"""

from dataclasses import dataclass

from core.evaluation.parts import Part
from core.job import OfRun
from core.pruning import PruningConfig


@dataclass(frozen=True, kw_only=True)
class Measuring(OfRun[Part]):
    """The part of that number of a run's test images, counted from 0, at every stop."""

    kind = "part"
    noun = "evaluation of some images"
    unit = "stop"
    background = True
    kept = "parts/{key}-{weights}.safetensors"

    number: int

    @property
    def variant(self) -> str:
        """Such as `magnitude-global.3`."""
        return f"{self.pruning.key}.{self.number}"


def measurings(run_id: str, pruning: PruningConfig, parts: int) -> tuple[Measuring, ...]:
    """The jobs for all parts of a run, in order."""
    return tuple(Measuring(run_id=run_id, pruning=pruning, number=number) for number in range(parts))
