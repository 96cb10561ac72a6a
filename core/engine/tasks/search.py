"""Answers of `core.study.bisection`, by evaluating the network at one number of pruned weights after another."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

from core.engine.network import Images
from core.engine.tasks import task
from core.engine.work import Ranked, Work
from core.evaluation import Comparison, compare
from core.evaluation.profile import stops
from core.pruning import Ranking
from core.study.bisection import Bisection, Search, bisect, bracket, loses


@task(Search)
def search(job: Search, work: Work) -> Bisection:
    """Answer a question about a stored run."""
    ranked = work.ranked(job)
    ranking = ranked.ranking
    tried, most = 0, _most(_ks(ranking))

    def report() -> None:
        nonlocal tried
        tried += 1
        work.report(tried, most, at_most=True)

    test = _comparer(ranked, ranked.network.test(), report)
    if job.goal == "margin":
        held_out = _comparer(ranked, ranked.network.held_out(), report)
        answer = _largest(ranking, held_out, test, job.margin)
    else:
        holds = loses if job.goal == "loss" else _changes
        answer = _smallest(ranking, test, holds)
    k, at, beyond, reported = answer
    return Bisection(k=k, total=ranking.total, at=at, beyond=beyond, test=reported, evaluations=tried)


_Answer = tuple[int | None, Comparison | None, Comparison | None, Comparison | None]


def _changes(c: Comparison) -> bool:
    return c.changed > 0


def _smallest(ranking: Ranking, at: Callable[[int], Comparison], holds: Callable[[Comparison], bool]) -> _Answer:
    """The k where it begins to hold, between the first stop where it holds and the one before."""
    ends = bracket(lambda k: holds(at(k)), _ks(ranking))
    if ends is None:
        return None, None, None, None
    k = bisect(lambda k: holds(at(k)), *ends)
    return k, at(k), at(k - 1), at(k)


def _largest(
    ranking: Ranking, at: Callable[[int], Comparison], test: Callable[[int], Comparison], margin: float
) -> _Answer:
    """The last k, counting up from the dense network, before the interval first leaves the margin."""
    ends = bracket(lambda k: not at(k).within(margin), _ks(ranking))
    first_outside = ranking.total + 1 if ends is None else bisect(lambda k: not at(k).within(margin), *ends)
    k = first_outside - 1
    if k < 1 or not at(k).within(margin):
        return None, None, None, None
    return k, at(k), at(k + 1) if k < ranking.total else None, test(k)


def _ks(ranking: Ranking) -> list[int]:
    """The numbers of weights at the stops, each once, ascending."""
    return sorted({ranking.count(sparsity) for sparsity in stops(ranking)})


def _most(ks: Sequence[int]) -> int:
    """The most evaluations of a search: one per stop, the bisection between two, and the two sides of the limit."""
    return len(ks) - 1 + max((high - low - 1).bit_length() for low, high in pairwise(ks)) + 2


def _comparer(ranked: Ranked, images: Images, on_answer: Callable[[], object]) -> Callable[[int], Comparison]:
    """A function that compares the dense network with the one that has k weights pruned, each k once."""
    before = images.infer(ranked.weights).argmax(1)

    @cache
    def at(k: int) -> Comparison:
        answers = images.infer(ranked.at(k / ranked.ranking.total)).argmax(1)
        on_answer()
        return compare(images.labels, before, answers)

    return at
