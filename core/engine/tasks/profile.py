"""Evaluate a stored run over the stops, all images at once or part by part, or at one sparsity between the stops."""

from collections.abc import Sequence
from typing import Any

from core.engine.network import Images
from core.engine.tasks import task
from core.engine.work import Ranked, Work
from core.errors import StoreError
from core.evaluation.parts import Part, check_finite, compute, head, measured, part_of
from core.evaluation.profile import Evaluating, Profile, Profiling, stops
from core.evaluation.rounds import Measuring, measurings
from core.progress import Progress
from core.pruning import PruningConfig
from core.run import Run


@task(Profiling)
def profile(job: Profiling, work: Work) -> Profile:
    """The table over the stops."""
    run = work.store.get(job.run_id)
    if run.parts > 1:
        return _of_parts(run, job.pruning, work)
    ranked = work.ranked(job)
    return _table(ranked, ranked.network.test(), work, None)


@task(Evaluating)
def point(job: Evaluating, work: Work) -> Profile:
    """The one row."""
    ranked = work.ranked(job)
    return _table(ranked, ranked.network.test(), work, (job.sparsity,))


@task(Measuring)
def part(job: Measuring, work: Work) -> Part:
    """Some images at every stop."""
    ranked = work.ranked(job)
    return measured_part(ranked, ranked.run.chunk, job.number, work)


def _table(ranked: Ranked, images: Images, work: Work, sparsities: Sequence[float] | None) -> Profile:
    def on_stop(done: int, of: int) -> None:
        work.say(Progress("evaluating", done, of, epochs=ranked.run.history, unit=work.job.unit))

    labels = work.store.labels(ranked.run.id)
    return compute(
        ranked.weights, ranked.ranking, images.infer, labels, sparsities=sparsities, at=ranked.at, on_stop=on_stop
    )


def _of_parts(run: Run, pruning: PruningConfig, work: Work) -> Profile:
    """The table of all parts; those that are missing are computed first."""
    found, ranked = list[Part](), None
    work.take(work.store.weights(run.id))
    jobs = measurings(run.id, pruning, run.parts)
    for job in work.each(jobs):
        known = work.results.get(job)
        if known is None:
            ranked = ranked or work.ranked(job)
            known = measured_part(ranked, run.chunk, job.number, work)
            work.results.put(job, known, of=work.of)
        found.append(known)
    if sum(part.images for part in found) != run.images:
        raise StoreError(f"The parts of run {run.id} do not have all of its images; ask for the evaluation again.")
    return Part.joined(found).profile(pruning)


def measured_part(ranked: Ranked, chunk: int, number: int, work: Work) -> Part:
    """The part of that number, of `chunk` images.

    Every second one goes through the stops from the end, so that two workers repair different stops.
    """
    images = ranked.network.test(number * chunk, (number + 1) * chunk)
    sparsities = stops(ranked.ranking)
    dense = images.infer(ranked.weights)
    rows, answered = dict[float, dict[str, Any]](), {0: dense}
    for done, sparsity in enumerate(sparsities[::-1] if number % 2 else sparsities):
        work.report(done, len(sparsities))
        k = ranked.ranking.count(sparsity)
        logits = answered.get(k)
        if logits is None:
            answered = {0: dense, k: (logits := images.infer(ranked.at(sparsity)))}
        check_finite(logits, sparsity)
        rows[sparsity] = {
            **head(ranked.weights, ranked.ranking, sparsity),
            **measured(logits, dense, images.labels),
        }
    work.report(len(sparsities), len(sparsities))
    return part_of(ranked.ranking, sparsities, [rows[sparsity] for sparsity in sparsities])
