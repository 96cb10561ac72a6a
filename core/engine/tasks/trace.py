"""The answers of a stored run to one image."""

from core.engine.inference import Viewer
from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.trace import Trace, Tracing, compute


@task(Tracing)
def trace(job: Tracing, work: Work) -> Trace:
    """Its answers at each sparsity."""
    viewer = Viewer(work.store.get(job.run_id).design, job.image)
    weights = work.weights(job)
    return compute(weights, work.store.ranking(job.run_id, weights, job.pruning), job.sparsities, viewer.look)
