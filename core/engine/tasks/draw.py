"""What a worker draws for the web server: the panels of large networks."""

from core import drawing
from core.cost.hardware import Fit
from core.drawing import Drawing, Fitting
from core.engine.tasks import task
from core.engine.work import Work


@task(Drawing)
def draw(job: Drawing, work: Work) -> bytes:
    """One panel."""
    return drawing.draw(work.results, job)


@task(Fitting)
def pattern(job: Fitting, work: Work) -> Fit:
    """How far the masks follow the pattern."""
    return drawing.pattern(work.results, job.run_id, job.pruning, job.sparsity)
