"""Answers of `core.study.bisection`, by evaluating the pruned network at one number of weights after another."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

from core.config import Design
from core.data import Split, split
from core.engine.inference import Classifier
from core.engine.source import GetSource, OnProgress, ShouldStop, check, official, ranked
from core.evaluation import Comparison, compare
from core.evaluation.profile import stops
from core.progress import Progress
from core.pruning import Ranking, Weights, prune
from core.store.curves import CurveStore
from core.store.runs import RunStore, digest
from core.study.bisection import Found, Search, between, border, significant, within


def search(
    search: Search,
    *,
    root: Path | str,
    on_progress: OnProgress = lambda progress: None,
    should_stop: ShouldStop = lambda: False,
    source: GetSource = official,
) -> None:
    """Answer a question about a stored run and store the answer.

    Raises:
        DataError, PruningError, StoreError: with a sentence for the visitor.
        JobCancelled: `should_stop` returned True.
    """
    runs = RunStore(root)
    of = ranked(runs, search.run_id, search.pruning, source, on_progress, should_stop)
    run, weights, ranking, data = of.run, of.weights, of.ranking, of.data
    tried, most = 0, _most(_ks(ranking))

    def report() -> None:
        nonlocal tried
        tried += 1
        on_progress(Progress("evaluating", tried, most, unit="evaluation", at_most=True))

    def on(images: Split) -> Callable[[int], Comparison]:
        return _comparer(run.design, weights, ranking, images, partial(check, should_stop), report)

    test = on(data.test)
    if search.goal == "margin":
        held_out = split(data.train, run.config.data)[1]
        found = _largest(ranking, on(held_out), test, search.margin)
    else:
        holds = significant if search.goal == "loss" else _changes
        found = _smallest(ranking, test, holds)
    k, at, beyond, reported = found
    answer = Found(k=k, total=ranking.total, at=at, beyond=beyond, test=reported, evaluations=tried)
    CurveStore(runs).save_answer(search, answer, of=digest(weights))


_Answer = tuple[int | None, Comparison | None, Comparison | None, Comparison | None]


def _changes(c: Comparison) -> bool:
    return c.changed > 0


def _smallest(ranking: Ranking, at: Callable[[int], Comparison], holds: Callable[[Comparison], bool]) -> _Answer:
    """The border where it begins to hold: the first between two stops."""
    ends = between(lambda k: holds(at(k)), _ks(ranking))
    if ends is None:
        return None, None, None, None
    k = border(lambda k: holds(at(k)), *ends)
    return k, at(k), at(k - 1), at(k)


def _largest(
    ranking: Ranking, at: Callable[[int], Comparison], test: Callable[[int], Comparison], margin: float
) -> _Answer:
    """The last k of the stretch, from the dense network on, whose interval lies within the margin."""
    ends = between(lambda k: not within(at(k), margin), _ks(ranking))
    first_outside = ranking.total + 1 if ends is None else border(lambda k: not within(at(k), margin), *ends)
    k = first_outside - 1
    if k < 1 or not within(at(k), margin):
        return None, None, None, None
    return k, at(k), at(k + 1) if k < ranking.total else None, test(k)


def _ks(ranking: Ranking) -> list[int]:
    """The numbers of weights at the stops, each once, ascending."""
    return sorted({ranking.count(sparsity) for sparsity in stops(ranking)})


def _most(ks: Sequence[int]) -> int:
    """Evaluations that a search may take: one a stop, the bisection between two, and the two sides of the border."""
    return len(ks) - 1 + max((high - low - 1).bit_length() for low, high in pairwise(ks)) + 2


def _comparer(
    design: Design,
    weights: Weights,
    ranking: Ranking,
    images: Split,
    on_batch: Callable[[], object],
    on_answer: Callable[[], object],
) -> Callable[[int], Comparison]:
    """What compares the dense network with the one that has k weights pruned, each k once."""
    classifier = Classifier(design, images.images)
    before = classifier.infer(weights, on_batch=on_batch).argmax(1)

    @cache
    def at(k: int) -> Comparison:
        pruned = prune(weights, ranking, k / ranking.total)
        answers = classifier.infer(pruned, on_batch=on_batch).argmax(1)
        on_answer()
        return compare(images.labels, before, answers)

    return at
