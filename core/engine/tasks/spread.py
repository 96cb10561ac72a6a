"""Count the weights of a refitted run over the stops."""

from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.profile import stops
from core.evaluation.spread import Spread, Spreading, spread


@task(Spreading)
def spreading(job: Spreading, work: Work) -> Spread:
    """The distributions of its layers."""
    ranked = work.ranked(job)
    return spread(ranked.weights, ranked.ranking, stops(ranked.ranking), ranked.at, work.report)
