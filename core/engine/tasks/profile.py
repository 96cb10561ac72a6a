"""Evaluate a stored run over the stops, all images at once or part by part, or at one sparsity between the stops."""

from collections.abc import Sequence

from core.engine.tasks import task
from core.engine.work import Ranked, Work
from core.errors import StoreError
from core.evaluation.parts import Part, compute, measure
from core.evaluation.profile import Evaluating, Profile, Profiling
from core.evaluation.rounds import Measuring, measurings
from core.progress import Progress
from core.pruning import PruningConfig
from core.run import Run


@task(Profiling)
def profile(job: Profiling, work: Work) -> Profile:
    """The table over the stops."""
    run = work.store.get(job.run_id)
    return _of_parts(run, job.pruning, work) if run.parts > 1 else _table(work.ranked(job), None)


@task(Evaluating)
def point(job: Evaluating, work: Work) -> Profile:
    """The one row."""
    return _table(work.ranked(job), (job.sparsity,))


@task(Measuring)
def part(job: Measuring, work: Work) -> Part:
    """Some images at every stop."""
    return measured(work.ranked(job), job.number)


def _table(ranked: Ranked, sparsities: Sequence[float] | None) -> Profile:
    """Of all images at once."""
    work = ranked.work

    def on_stop(done: int, of: int) -> None:
        work.say(Progress("evaluating", done, of, epochs=ranked.run.history, unit=work.job.unit))

    infer, labels = ranked.network.test().infer, work.store.labels(ranked.run.id)
    return compute(ranked.weights, ranked.ranking, infer, labels, sparsities=sparsities, at=ranked.at, on_stop=on_stop)


def _of_parts(run: Run, pruning: PruningConfig, work: Work) -> Profile:
    """The table of all parts; those that are missing are computed first."""
    found, ranked = list[Part](), None
    work.take(work.store.weights(run.id))
    for job in work.each(measurings(run.id, pruning, run.parts)):
        known = work.results.get(job)
        if known is None:
            ranked = ranked or work.ranked(job)
            known = measured(ranked, job.number)
            work.results.put(job, known, of=work.of)
        found.append(known)
    if sum(part.images for part in found) != run.images:
        raise StoreError(f"The parts of run {run.id} do not have all of its images; ask for the evaluation again.")
    return Part.joined(found).profile(pruning)


def measured(ranked: Ranked, number: int) -> Part:
    """The part of that number of a run's images.

    Every second one goes through the stops from the end, so that two workers repair different stops.
    """
    images = ranked.network.test(number * ranked.run.at_once, (number + 1) * ranked.run.at_once)
    return measure(
        ranked.weights,
        ranked.ranking,
        images.infer,
        images.labels,
        at=ranked.at,
        on_stop=ranked.work.report,
        backwards=number % 2 == 1,
    )
