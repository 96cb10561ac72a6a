"""Encode a stored run's kernels in every way."""

from core.cost.ledger import Ledger, Weighing
from core.cost.weighing import weigh
from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.profile import stops


@task(Weighing)
def ledger(job: Weighing, work: Work) -> Ledger:
    """Their sizes over the stops, or at one sparsity. Needs no data set."""
    ranked = work.ranked(job)
    sparsities = stops(ranked.ranking) if job.sparsity is None else (job.sparsity,)
    return weigh(ranked.weights, ranked.ranking, sparsities, work.report, ranked.at)
