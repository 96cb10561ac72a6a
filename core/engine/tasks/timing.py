"""Time a stored run, dense and pruned."""

import numpy as np

from core.cost.times import BATCHES, Times, Timing
from core.engine.tasks import task
from core.engine.timing import measure
from core.engine.work import Work
from core.pruning import prune


@task(Timing)
def timing(job: Timing, work: Work) -> Times:
    """The rounds, in which all variants took turns."""
    of = work.ranked(job)
    pruned, images = prune(of.weights, of.ranking, job.sparsity), of.data.test.images
    enough = np.resize(images, (max(BATCHES), *images.shape[1:]))
    return measure(of.run.design, of.weights, pruned, enough, lambda done, n: work.report(done, n, at_most=True))
