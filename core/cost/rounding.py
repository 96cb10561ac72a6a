"""How rounding to float16, int8 and int4 changes the answers of a pruned network."""

from dataclasses import dataclass

from core.evaluation import Comparison
from core.job import AtSparsity


@dataclass(frozen=True)
class Rounded:
    """The pruned network in float32 compared with the same network rounded, by type."""

    float16: Comparison
    int8: Comparison
    int4: Comparison


@dataclass(frozen=True, kw_only=True)
class Rounding(AtSparsity[Rounded]):
    """Evaluate a pruned run with rounded kernels."""

    kind = "rounding"
    noun = "evaluation of rounded weights"
    unit = "number type"
