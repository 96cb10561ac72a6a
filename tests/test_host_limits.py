"""The host's limits hold for whatever trains or retrains a network, and for nothing else."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.cost.files import Exporting
from core.cost.rounding import Rounding
from core.cost.times import Timing
from core.cost.tradeoff import Comparing
from core.errors import JobError
from core.evaluation.profile import Evaluating
from core.jobs import Engine, JobState
from core.jobs.limits import Allowance
from core.pruning import PruningConfig
from core.run import Network, Training
from core.study.audit import Auditing
from core.study.cells import Cell
from tests import shelf, tiny
from tests.patience import until

pytestmark = pytest.mark.slow

RULE = PruningConfig()


def refused(ask: Callable[[], object], why: str) -> None:
    with pytest.raises(JobError, match=why):
        ask()


def cells(*seeds: int, **more: Any) -> list[Cell]:
    return [Cell(config=tiny.config(seed=seed), sparsities=(s,), **more) for seed in seeds for s in (0.5, 0.7)]


ASKS: dict[str, Callable[[Engine, str, str], object]] = {
    "training": lambda engine, run_id, owner: engine.submit(Training(config=tiny.config(seed=9), owner=owner), owner),
    "comparison": lambda engine, run_id, owner: engine.submit(Comparing(run_id=run_id, pruning=RULE), owner),
    "study": lambda engine, run_id, owner: engine.submit_all(cells(8), owner),
    "audit": lambda engine, run_id, owner: engine.submit_all([Auditing(config=tiny.config(seed=7))], owner),
}


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[tuple[Engine, str]]:
    """An engine whose scheduler is not there, so that nothing is begun, and a run in its store."""
    _, run = shelf.fill(tmp_path)
    engine = Engine(tmp_path, address="tcp://127.0.0.1:1", queue_limit=1000, trainings_per_hour=1)
    yield engine, run.id
    engine.close()


@pytest.mark.parametrize("first", ASKS)
def test_whatever_trains_counts_and_is_refused_where_enough_was_asked_for(
    nobody: tuple[Engine, str], first: str
) -> None:
    engine, run_id = nobody
    refused(lambda: ASKS[first](engine, run_id, "ann"), "does not answer")
    for ask in ASKS.values():
        refused(partial(ask, engine, run_id, "ann"), r"one training within an hour.* ask again in 60 min")
    refused(lambda: ASKS[first](engine, run_id, "bob"), "does not answer")


def test_what_trains_nothing_is_not_counted(nobody: tuple[Engine, str]) -> None:
    engine, run_id = nobody
    for kind in (Timing, Rounding, Exporting, Evaluating):
        refused(partial(engine.submit, kind(run_id=run_id, sparsity=0.123), "ann"), "does not answer")
    refused(lambda: engine.submit(Training(config=tiny.config(), owner="ann"), "ann"), "does not answer")


def test_a_study_counts_the_networks_that_it_trains_or_retrains(nobody: tuple[Engine, str]) -> None:
    engine, _ = nobody
    refused(
        lambda: engine.submit_all(cells(1, 2), "ann"), "trains 2 networks, more than the one training within an hour"
    )
    many = cells(1, retraining="none")  # two cells of one network
    refused(lambda: engine.submit_all(many, "ann"), "does not answer")
    refused(lambda: engine.submit_all(many, "ann"), "one training within an hour")
    engine.results.put(Network(config=tiny.config(seed=3)), {"fc.weight": np.zeros((10, 4), np.float32)})
    refused(lambda: engine.submit_all(cells(3), "ann"), "does not answer")  # only evaluated
    retrained = [replace(cell, retraining="fine-tune", epochs=1) for cell in cells(3)]
    refused(lambda: engine.submit_all(retrained, "ann"), "one training within an hour")
    refused(lambda: engine.submit_all(retrained, "bob"), "does not answer")


def test_a_visitor_may_ask_again_when_an_hour_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    allowance = Allowance(5)
    allowance.take("ann", 3)
    now += 600
    allowance.take("ann", 2)
    refused(lambda: allowance.take("ann"), r"5 of the 5 trainings within an hour .* in 50 min")
    refused(lambda: allowance.take("ann", 4), r"and this would be 4 more; ask again in 60 min")
    refused(lambda: allowance.take("ann", 6), "trains 6 networks, more than the 5 trainings")
    allowance.take("ann", 0)
    allowance.take("bob", 5)
    now += 3000
    allowance.take("ann", 3)
    refused(lambda: allowance.take("ann"), "in 10 min")
    Allowance(None).take("ann", 1000)


# --- how long a job may train -----------------------------------------------------------------------------------


def over(engine: Engine, job_id: str) -> JobState:
    until(lambda: (state := engine.state(job_id)) is not None and not state.active, lambda: engine.state(job_id))
    state = engine.state(job_id)
    assert state is not None
    return state


RUN = tiny.config().run_id
ENDLESS = [Cell(config=tiny.config(100, 5), sparsities=(0.5,))]
SILENT = [Cell(config=tiny.config(), sparsities=(0.5,), retraining="fine-tune", epochs=100)]

AUDITED = Auditing(config=tiny.config(100, 6))

SLOW: dict[str, tuple[Callable[[Engine], object], str, str]] = {
    "comparison": (
        lambda e: e.submit(Comparing(run_id=RUN)),
        f"tradeoff-{tiny.config().run_id}-magnitude-global",
        "compar",
    ),
    "network": (
        lambda e: e.submit_all(ENDLESS),
        f"network-{tiny.config(100, 5).run_id}",
        "training of a network",
    ),
    "audit": (
        lambda e: e.submit_all([AUDITED]),
        f"network-{tiny.config(100, 6).run_id}",
        "training of a network",
    ),
}
"""How to ask for it, the id of the job that trains, and what that is called."""


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on which nothing may train for long."""
    root = tmp_path_factory.mktemp("runs")
    tiny.train(tiny.config(), root=root)
    engine = Engine(root, tasks="tests.tiny", longest_training=1.5)
    yield engine
    engine.close()


@pytest.mark.parametrize("name", SLOW)
def test_whatever_trains_for_too_long_is_stopped_with_the_reason(short: Engine, name: str) -> None:
    ask, job_id, noun = SLOW[name]
    ask(short)
    state = over(short, job_id)
    assert state.status == "cancelled" and "took over 1 min, the longest that this server allows" in str(state.message)
    assert noun in str(state.message)


def test_a_cell_whose_network_was_stopped_says_why(short: Engine) -> None:
    job_id = ENDLESS[0].id
    for _ in range(2):  # and can be asked for again
        short.submit_all(ENDLESS)
        until(lambda: (state := short.state(job_id)) is not None and state.active)
        state = over(short, job_id)
        assert "training of a network took over 1 min" in str(state.message)


def test_an_audit_whose_network_was_stopped_says_why(short: Engine) -> None:
    short.submit_all([AUDITED])
    state = over(short, AUDITED.id)
    assert "training of a network took over 1 min" in str(state.message)
    assert short.results.own(AUDITED) is None


def test_a_job_that_says_nothing_while_it_retrains_is_stopped_too(short: Engine) -> None:
    """A cell tells how far it is between its sparsities only."""
    short.submit_all(SILENT)
    state = over(short, SILENT[0].id)
    assert state.status == "cancelled" and "The cell of a study took over 1 min" in str(state.message)


def test_what_trains_nothing_may_take_longer(short: Engine) -> None:
    job_id = short.submit(Timing(run_id=RUN, sparsity=0.5))
    assert over(short, job_id).status == "finished"
