"""What float16 and int8 do to the answers of a pruned network."""

from dataclasses import dataclass

from core.evaluation import Comparison
from core.job import AtSparsity


@dataclass(frozen=True)
class Rounded:
    """The pruned network with its kernels as float32 against the same with its kernels of another type, by its name."""

    float16: Comparison
    int8: Comparison


@dataclass(frozen=True, kw_only=True)
class Rounding(AtSparsity[Rounded]):
    """The answers of a run, pruned and rounded."""

    kind = "rounding"
    noun = "evaluation of rounded weights"
    unit = "number type"
