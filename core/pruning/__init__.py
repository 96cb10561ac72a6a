"""Which weights go: criteria and scopes, their ranking, masks; whole filters; distributions of what is left."""

from core.pruning.config import PruningConfig
from core.pruning.criteria import CRITERIA, GRADIENTS, INPUTS, REMOVAL, STATISTICS, Criterion
from core.pruning.ranking import At, Ranking, Weights, checked, is_kernel, kernels, prune, rank
from core.pruning.repairs import AS_IS, REPAIRS, Repair
from core.pruning.scopes import SCOPES, Scope

__all__ = [
    "AS_IS",
    "CRITERIA",
    "GRADIENTS",
    "INPUTS",
    "REMOVAL",
    "REPAIRS",
    "SCOPES",
    "STATISTICS",
    "At",
    "Criterion",
    "PruningConfig",
    "Ranking",
    "Repair",
    "Scope",
    "Weights",
    "checked",
    "is_kernel",
    "kernels",
    "prune",
    "rank",
]
