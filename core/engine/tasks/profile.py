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
from core.pruning import PruningConfig, Weights


@task(Profiling)
def profile(job: Profiling, work: Work) -> Profile:
    """The table over the stops."""
    return _judged(job, work, None)


@task(Evaluating)
def point(job: Evaluating, work: Work) -> Profile:
    """The one row."""
    return _judged(job, work, (job.sparsity,))


def _judged(job: OfRun[Profile], work: Work, sparsities: tuple[float, ...] | None) -> Profile:
    run, weights = work.store.get(job.run_id), work.weights(job)
    data = work.data(run.config).data
    slopes = work.gradients(run, weights, job.pruning, data)
    judge = Judge(run.design, data.test.images, work, run.history)
    return judge.profile(weights, job.pruning, work.store.labels(run.id), slopes, sparsities)


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
        pruning: PruningConfig,
        labels: np.ndarray,
        gradients: Weights | None = None,
        sparsities: tuple[float, ...] | None = None,
    ) -> Profile:
        """As `core.evaluation.profile.compute`; raises as it does, and JobCancelled."""
        classifier = Classifier(self.design, self.images)
        return compute(
            weights,
            pruning,
            lambda pruned: classifier.infer(pruned, on_batch=self.work.check),
            labels,
            sparsities=sparsities,
            gradients=gradients,
            on_stop=self._report,
        )

    def _report(self, done: int, of: int) -> None:
        self.work.on_progress(Progress("evaluating", done, of, epochs=self.epochs, unit=self.work.job.unit))
