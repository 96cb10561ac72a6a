"""Time a stored run, dense and pruned."""

from core.cost.times import Times, Timing
from core.engine.tasks import task
from core.engine.work import Work


@task(Timing)
def timing(job: Timing, work: Work) -> Times:
    """Run the rounds, in which all variants take turns."""
    ranked = work.ranked(job)
    pruned = ranked.at(job.sparsity)
    return ranked.network.times(ranked.weights, pruned, lambda done, of: work.report(done, of, at_most=True))
