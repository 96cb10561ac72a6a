"""Time a stored run, dense and pruned."""

import numpy as np

from core.cost.times import BATCHES, Times, Timing
from core.engine.tasks import task
from core.engine.timing import measure
from core.engine.work import Work


@task(Timing)
def timing(job: Timing, work: Work) -> Times:
    """Run the rounds, in which all variants take turns."""
    ranked = work.ranked(job)
    pruned, images = ranked.at(job.sparsity), ranked.data.test.images
    enough = np.resize(images, (max(BATCHES), *images.shape[1:]))
    return measure(
        ranked.run.design, ranked.weights, pruned, enough, lambda done, n: work.report(done, n, at_most=True)
    )
