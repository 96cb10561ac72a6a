"""Write a pruned run to files that work without PruneLab."""

from core.cost.files import Export, Exporting
from core.engine.formats import FORMATS, Pruned
from core.engine.formats import export as export_network
from core.engine.inference import Classifier
from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation import compare


@task(Exporting)
def export(job: Exporting, work: Work) -> Export:
    """Write all files, and read or run each of them."""
    ranked = work.ranked(job)
    pruned, test = ranked.at(job.sparsity), ranked.data.test
    classifier = Classifier(ranked.run.design, test.images)
    before, logits = (classifier.infer(weights, on_batch=work.check) for weights in (ranked.weights, pruned))
    comparison = compare(test.labels, before.argmax(axis=1), logits.argmax(axis=1))
    k = ranked.ranking.count(job.sparsity)
    network = Pruned(ranked.run, pruned, job.pruning, k, comparison, test.images, logits, work.check)
    return export_network(network, work.each(FORMATS))
