"""What a stored run answers to one image."""

from core.engine.inference import Viewer
from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.trace import Trace, Tracing, compute


@task(Tracing)
def trace(job: Tracing, work: Work) -> Trace:
    """Its answers at each sparsity."""
    viewer = Viewer(work.store.get(job.run_id).design, job.image)
    slopes = work.store.gradients(job.run_id) if job.pruning.ranks_by.needs_gradient else None
    return compute(work.weights(job), job.pruning, job.sparsities, viewer.look, slopes)
