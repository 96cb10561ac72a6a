"""Each job says what it really counts, in its own words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from core.cost.times import BATCHES, Times, Variant
from core.engine import trained
from core.engine.formats import FORMATS
from core.engine.tasks import ledger, tradeoff
from core.evaluation.profile import FRACTIONS
from core.evaluation.rounds import Measuring
from core.jobs import JobState
from core.progress import Progress, Unit
from core.pruning import PruningConfig
from core.store.results import Results
from core.store.runs import RunStore
from core.study.bisection import Search
from core.study.cells import Cell
from core.words.wording import counted
from pages.ui.view.rounds import time_left, to_do
from pages.ui.view.watching import in_words, share
from tests import small, tiny

CONFIG, RULE = tiny.config(), PruningConfig()
RUN = CONFIG.run_id
STOPS = len(FRACTIONS)

JOBS: dict[str, tuple[Callable[..., None], str]] = {
    "training": (lambda **how: tiny.train(tiny.config(seed=4), **how), f"{STOPS} of {STOPS} stops"),
    "profile": (lambda **how: tiny.profile(RUN, PruningConfig(scope="layerwise"), **how), f"{STOPS} of {STOPS} stops"),
    "point": (lambda **how: tiny.point(RUN, RULE, 0.123, **how), "1 of 1 sparsity"),
    "ledger": (lambda **how: tiny.ledger(RUN, RULE, **how), "2 of 2 stops"),
    "own ledger": (lambda **how: tiny.ledger(RUN, RULE, 0.123, **how), "1 of 1 sparsity"),
    "rounding": (lambda **how: tiny.rounding(RUN, RULE, 0.5, **how), "3 of 3 number types"),
    "timing": (lambda **how: tiny.timing(RUN, RULE, 0.5, **how), "9 of at most 9 rounds"),
    "tradeoff": (lambda **how: tiny.tradeoff(RUN, RULE, **how), "1 of at most 1 step"),
    "export": (lambda **how: tiny.export(RUN, RULE, 0.5, **how), f"{len(FORMATS)} of {len(FORMATS)} steps"),
    "search": (lambda **how: tiny.search(Search(run_id=RUN), **how), " evaluations"),
    "cell": (lambda **how: tiny.cell(Cell(config=CONFIG, sparsities=(0.5,)), **how), "1 of 1 sparsity"),
    "audit": (lambda **how: tiny.audit(CONFIG, **how), "8 of 8 readings"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    tiny.train(CONFIG, root=root)
    return root


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name == "export" else []) for name in JOBS]
)
def test_the_progress_of_a_job_counts_in_its_own_unit(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(*args: Any) -> Times:
        for done in range(1, 10):
            args[-1](done, 9)
        return Times({b: {v: [1.0] for v in get_args(Variant)} for b in BATCHES}, 0, 1, 1, {})

    monkeypatch.setattr(trained, "measure", measured)  # the clock itself has tests of its own
    monkeypatch.setattr(ledger, "stops", lambda ranking: (0.0, 0.9))  # of ledgers
    monkeypatch.setattr(tradeoff._Comparison, "tradeoff", lambda work: work._report() or small.tradeoff())
    told = list[Progress]()
    job, words = JOBS[name]
    job(root=root, on_progress=told.append)
    counts = [progress for progress in told if progress.phase == "evaluating"]
    assert len({(progress.unit, progress.of, progress.at_most) for progress in counts}) == 1
    assert [progress.done for progress in counts] == [*range(counts[0].done, counts[-1].done + 1)]
    assert counts[-1].done <= counts[-1].of and in_words(counts[-1]).endswith(words)
    assert "stop" in in_words(counts[-1]) or counts[-1].unit != "stop"


@pytest.mark.parametrize("margin", [0.06, 0.2])
def test_a_search_never_takes_more_evaluations_than_it_says(margin: float, root: Path) -> None:
    for criterion in ("magnitude", "largest"):
        for goal in ("change", "loss", "margin"):
            told = list[Progress]()
            rule = PruningConfig(criterion=criterion)
            search = Search(run_id=RUN, pruning=rule, goal=goal, margin=margin)
            Results(RunStore(root)).drop(search)  # what is stored is not searched for again
            tiny.search(search, root=root, on_progress=told.append)
            last = told[-1]
            assert last.unit == "evaluation" and 1 < last.done <= last.of == told[1].of and last.at_most


def test_a_repair_says_its_stop_and_its_layer() -> None:
    at = Progress("evaluating", 2, 43, unit="stop", layers=(1, 6))
    assert in_words(at) == "Repairing · stop 3 of 43 · layer 2 of 6" and share(at) == (2 + 1 / 6) / 43
    last = Progress("evaluating", 42, 43, unit="stop", layers=(6, 6))
    assert in_words(last) == "Repairing · stop 43 of 43 · layer 6 of 6" and share(last) == 1
    search = Progress("evaluating", 0, 20, unit="evaluation", at_most=True, layers=(0, 5))
    assert in_words(search) == "Repairing · evaluation 1 of at most 20 · layer 1 of 5" and share(search) == 0
    assert in_words(Progress("evaluating", 3, 43, unit="stop")) == "Evaluating · 3 of 43 stops"


def test_the_time_left_counts_from_what_was_done_when_a_visitor_came() -> None:
    """A part that was half done then is no speed of this visitor's."""
    job = Measuring(run_id=RUN, number=1)

    def running(done: int) -> list[JobState]:
        told = Progress("evaluating", done, 42, unit="stop")
        return [JobState(job=job, submitted=0.0, status="running", progress=told)]

    assert [to_do(3, running(done)) for done in (0, 21, 42)] == [3, 2.5, 2]
    assert to_do(3, []) == to_do(3, [JobState(job=job, submitted=0.0)]) == 3
    assert time_left(60.0, to_do(3, running(21)), to_do(3, running(42))) == ", about 4 min 0 s left"
    assert time_left(1.0, to_do(3, running(21)), to_do(3, running(21))) == ""


def test_one_is_singular_whatever_is_counted() -> None:
    for unit in get_args(Unit):
        assert counted(1, unit) == f"1 {unit}" and counted(2, unit).endswith("s") and counted(0, unit).startswith("0 ")
    assert [counted(n, "sparsity") for n in (1, 1600)] == ["1 sparsity", "1,600 sparsities"]
    assert in_words(Progress("evaluating", 0, 1, unit="round")) == "Evaluating · 0 of 1 round"
    assert (
        in_words(Progress("training", 3, 63, 900.0, 61.0, 0.5))
        == "Training · 900 images/s · loss 0.500 · 1 min 1 s left"
    )
