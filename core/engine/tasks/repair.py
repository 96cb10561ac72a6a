"""Repair a run at every stop, and count the refitted weights."""

from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.profile import stops
from core.evaluation.repaired import Repaired, Repairing, Spread, Spreading, spread


@task(Repairing)
def repair(job: Repairing, work: Work) -> Repaired:
    """Its weights at all stops, which the store keeps."""
    ranked = work.ranked(job)
    sparsities = stops(ranked.ranking)
    for sparsity in work.each(sparsities):
        ranked.at(sparsity)
    return Repaired(sum(ranked.ranking.count(sparsity) > 0 for sparsity in sparsities))


@task(Spreading)
def spreading(job: Spreading, work: Work) -> Spread:
    """The distributions of its layers."""
    ranked = work.ranked(job)
    return spread(ranked.weights, ranked.ranking, stops(ranked.ranking), ranked.at, work.report)
