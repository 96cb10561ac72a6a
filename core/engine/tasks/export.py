"""Write a pruned run to files that work without PruneLab."""

from core.cost.files import Export, Exporting
from core.engine.network import ToExport
from core.engine.tasks import task
from core.engine.work import Work


@task(Exporting)
def export(job: Exporting, work: Work) -> Export:
    """Write all files, and read or run each of them."""
    ranked = work.ranked(job)
    asked = ToExport(ranked.weights, ranked.at(job.sparsity), ranked.ranking, job.sparsity)
    return ranked.network.export(asked, work.each)
