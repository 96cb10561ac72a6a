"""Is magnitude a good metric? Cells over seeds, the lines and bands that sum them up, the audit, and bisection."""

from core.study.lines import (
    EPOCHS,
    RETRAINED,
    ROUNDS,
    SEEDS,
    Band,
    Line,
    band,
    by_criterion,
    by_layer,
    by_retraining,
    csv_of,
    default,
    difference,
    networks,
    repairs,
    to_csv,
)
from core.study.verdicts import comparison, enough, span, verdict

__all__ = [
    "EPOCHS",
    "RETRAINED",
    "ROUNDS",
    "SEEDS",
    "Band",
    "Line",
    "band",
    "by_criterion",
    "by_layer",
    "by_retraining",
    "comparison",
    "csv_of",
    "default",
    "difference",
    "enough",
    "networks",
    "repairs",
    "span",
    "to_csv",
    "verdict",
]
