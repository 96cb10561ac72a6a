"""Compare the answers of a pruned run with those of the same run with float16, int8 and int4 kernels."""

import numpy as np

from core.cost.encodings import rounded
from core.cost.ledger import ROUNDED
from core.cost.rounding import Rounded, Rounding
from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation import compare
from core.pruning import kernels


@task(Rounding)
def rounding(job: Rounding, work: Work) -> Rounded:
    """One comparison for each type."""
    ranked = work.ranked(job)
    pruned, test = ranked.at(job.sparsity), ranked.network.test()

    def answers(to: str | None = None) -> np.ndarray:
        written = pruned if to is None else {**pruned, **{name: rounded(w, to) for name, w in kernels(pruned).items()}}
        return np.asarray(test.infer(written).argmax(axis=1))

    exact = answers()
    return Rounded(**{to: compare(test.labels, exact, answers(to)) for to in work.each(ROUNDED)})
