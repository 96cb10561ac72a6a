"""Encode a stored run's kernels in every way."""

from core.cost.ledger import Ledger, Weighing
from core.cost.weighing import weigh
from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.profile import stops


@task(Weighing)
def ledger(job: Weighing, work: Work) -> Ledger:
    """Their sizes over the stops, or at one sparsity. Needs no data set."""
    weights = work.weights(job)
    ranking = work.store.ranking(job.run_id, weights, job.pruning)
    sparsities = stops(ranking) if job.sparsity is None else (job.sparsity,)
    return weigh(weights, ranking, sparsities, work.report)
