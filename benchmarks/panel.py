"""The panel that the Prune page shows when it opens."""

from core import panels
from core.panels import Panel
from core.pruning import AS_IS, REPAIRS, PruningConfig
from core.store.runs import RunStore


def pruning_panel(store: RunStore, run_id: str) -> Panel:
    """The panel of a run, by the default pruning, beside every repair of it that is stored."""
    pruning, weights = PruningConfig(), store.weights(run_id)
    profile = store.profile(run_id, pruning)
    assert profile is not None
    others = (store.profile(run_id, pruning.then(name)) for name in REPAIRS if name != AS_IS)
    stored = [other for other in others if other is not None]
    ranking, labels, classes = store.ranking(run_id, weights, pruning), store.labels(run_id), store.get(run_id).classes
    return panels.pruning(profile, weights, ranking, labels, classes, stored)
