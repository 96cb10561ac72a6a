"""Dense against pruned on the same images: intervals, tests, profiles over the stops, and single answers."""

from core.evaluation.comparison import (
    ALPHA,
    MARGIN,
    ClassComparison,
    Comparison,
    Labels,
    Proportion,
    accuracy,
    by_class,
    compare,
    confusion_matrix,
    most_confused,
)
from core.evaluation.intervals import bonett_price, holm, mcnemar, student, wilson

__all__ = [
    "ALPHA",
    "MARGIN",
    "ClassComparison",
    "Comparison",
    "Labels",
    "Proportion",
    "accuracy",
    "bonett_price",
    "by_class",
    "compare",
    "confusion_matrix",
    "holm",
    "mcnemar",
    "most_confused",
    "student",
    "wilson",
]
