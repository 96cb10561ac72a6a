"""Evaluate a stored run over the stops, or at one sparsity between them."""

from dataclasses import dataclass

import numpy as np

from core.config import Design
from core.engine.inference import Classifier
from core.engine.tasks import task
from core.engine.work import Work
from core.evaluation.profile import Evaluating, Profile, Profiling, compute
from core.job import OfRun
from core.progress import Epoch, Progress
from core.pruning import At, Ranking, Weights


@task(Profiling)
def profile(job: Profiling, work: Work) -> Profile:
    """The table over the stops."""
    return _judged(job, work, None)


@task(Evaluating)
def point(job: Evaluating, work: Work) -> Profile:
    """The one row."""
    return _judged(job, work, (job.sparsity,))


def _judged(job: OfRun[Profile], work: Work, sparsities: tuple[float, ...] | None) -> Profile:
    ranked = work.ranked(job)
    run = ranked.run
    judge = Judge(run.design, ranked.data.test.images, work, run.history)
    return judge.profile(ranked.weights, ranked.ranking, work.store.labels(run.id), sparsities, ranked.at)


@dataclass(frozen=True, eq=False)
class Judge:
    """Evaluates weights on images (n, h, w) or (n, h, w, c), reports each stop, and stops between batches if asked."""

    design: Design
    images: np.ndarray
    work: Work
    epochs: tuple[Epoch, ...]

    def profile(
        self,
        weights: Weights,
        ranking: Ranking,
        labels: np.ndarray,
        sparsities: tuple[float, ...] | None = None,
        at: At | None = None,
    ) -> Profile:
        """As `core.evaluation.profile.compute`; raises as it does, and JobCancelled."""
        classifier = Classifier(self.design, self.images)
        return compute(
            weights,
            ranking,
            lambda pruned: classifier.infer(pruned, on_batch=self.work.check),
            labels,
            sparsities=sparsities,
            at=at,
            on_stop=self._report,
        )

    def _report(self, done: int, of: int) -> None:
        self.work.say(Progress("evaluating", done, of, epochs=self.epochs, unit=self.work.job.unit))
