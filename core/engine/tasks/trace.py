"""The answers of a stored run to one image."""

from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.trace import Trace, Tracing, compute


@task(Tracing)
def trace(job: Tracing, work: Work) -> Trace:
    """Its answers at each sparsity."""
    ranked = work.ranked(job)
    return compute(ranked.weights, ranked.ranking, job.sparsities, ranked.network.viewer(job.image), ranked.at)
