"""Dense against pruned on the same images: intervals, tests, profiles over the stops, and single answers."""

from core.evaluation.comparison import (
    ClassComparison,
    Comparison,
    Labels,
    Proportion,
    accuracy,
    bonett_price,
    by_class,
    compare,
    confusion_matrix,
    holm,
    mcnemar,
    most_confused,
    wilson,
)

__all__ = [
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
    "wilson",
]
