"""Which weights go: criteria, their ranking, masks; whole filters; distributions of what is left."""

from core.pruning.ranking import (
    GRADIENT_CRITERIA,
    SCORES,
    Ranking,
    Weights,
    erdos_renyi_kernel,
    kernels,
    prune,
    rank,
)

__all__ = ["GRADIENT_CRITERIA", "SCORES", "Ranking", "Weights", "erdos_renyi_kernel", "kernels", "prune", "rank"]
