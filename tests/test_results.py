"""Every stored answer knows the weights it was computed from, and one of other weights is computed again."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from core.config import PruningConfig
from core.cost.files import Export
from core.cost.times import BATCHES, Times, Variant
from core.cost.tradeoff import Tradeoff
from core.engine import tasks, tradeoff
from core.errors import StoreError
from core.evaluation.profile import compute
from core.progress import Progress
from core.pruning import Weights
from core.reference import study as shipped_study
from core.store import results
from core.store.curves import CurveStore
from core.store.ledgers import LedgerStore
from core.store.runs import RunStore, digest
from core.study.audit import Audit
from core.study.bisection import Found, Search
from core.study.cells import Cell, Curve
from tests import small, tiny

CONFIG = tiny.config()
RULE, TAYLOR = PruningConfig(), PruningConfig(criterion="taylor")
RUN = CONFIG.run_id
SEARCH = Search(run_id=RUN)
CELL = Cell(config=CONFIG, sparsities=(0.5,))


@dataclass(frozen=True)
class Answer:
    """What can be asked of a run: what computes it, and what the store has of it."""

    task: Callable[..., None]
    known: Callable[[RunStore], Any]


ANSWERS = {
    "search": Answer(partial(tiny.search, SEARCH), lambda store: CurveStore(store).answer(SEARCH)),
    "ledger": Answer(partial(tiny.ledger, RUN, RULE), lambda store: LedgerStore(store).ledger(RUN, RULE)),
    "own ledger": Answer(partial(tiny.ledger, RUN, RULE, 0.123), lambda s: LedgerStore(s).ledger(RUN, RULE, 0.123)),
    "rounding": Answer(
        partial(tiny.rounding, RUN, RULE, 0.5), lambda store: LedgerStore(store).rounding(RUN, RULE, 0.5)
    ),
    "timing": Answer(partial(tiny.timing, RUN, RULE, 0.5), lambda store: LedgerStore(store).times(RUN, RULE, 0.5)),
    "tradeoff": Answer(partial(tiny.tradeoff, RUN, RULE), lambda store: LedgerStore(store).tradeoff(RUN, RULE)),
    "export": Answer(partial(tiny.export, RUN, RULE, 0.5), lambda store: LedgerStore(store).export(RUN, RULE, 0.5)),
    "profile": Answer(partial(tiny.profile, RUN, TAYLOR), lambda store: store.profile(RUN, TAYLOR)),
    "point": Answer(partial(tiny.point, RUN, RULE, 0.123), lambda store: store.point(RUN, RULE, 0.123)),
    "gradients": Answer(partial(tiny.point, RUN, TAYLOR, 0.5), lambda store: store.gradients(RUN)),
    "cell": Answer(partial(tiny.cell, CELL), lambda store: CurveStore(store).curve(CELL)),
    "audit": Answer(partial(tiny.audit, CONFIG), lambda store: CurveStore(store).audit(CONFIG)),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one run."""
    root = tmp_path_factory.mktemp("runs")
    tiny.train(CONFIG, root=root)
    return root


@pytest.fixture
def store(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """A store of its own with that run, whose workers take no minutes for a clock."""
    shutil.copytree(trained, tmp_path / "runs")
    seconds = {batch: {variant: [1.0] for variant in get_args(Variant)} for batch in BATCHES}

    def measured(*args: Any) -> Times:
        args[-1](1, 1)
        return Times(seconds, 0, 1, 1, {})

    def compared(work: Any) -> Tradeoff:
        work._report()
        return small.tradeoff()

    monkeypatch.setattr(tasks, "measure", measured)
    monkeypatch.setattr(tasks, "stops", lambda ranking: (0.0, 0.9))  # of ledgers
    monkeypatch.setattr(tradeoff._Work, "found", compared)
    return RunStore(tmp_path / "runs", tmp_path / "none")


def train_again(store: RunStore) -> None:
    """Delete the run and train it to other bits, as another processor would."""
    run, weights, labels = store.get(RUN), store.weights(RUN), store.labels(RUN)
    other: Weights = {name: np.nextafter(w, np.float32(np.inf)) for name, w in weights.items()}
    store.delete(RUN, run.owner)
    of_study = (f".study/audit-{RUN}.json", f".study/{RUN}.safetensors")  # but these, which are a study's
    assert not [name for name in files(store) if RUN in name and name not in of_study]
    store.save(run, other, labels, compute(other, RULE, lambda pruned: np.eye(10, dtype=np.float32)[labels], labels))
    assert digest(store.weights(RUN)) != digest(weights)


def files(store: RunStore) -> dict[str, bytes]:
    """Content by name."""
    return {str(path.relative_to(store.root)): path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_goes_with_its_run_and_is_not_taken_for_that_of_other_weights(store: RunStore, name: str) -> None:
    answer, before = ANSWERS[name], {*files(store)}
    answer.task(root=store.root)
    assert answer.known(store) is not None
    made = {path: content for path, content in files(store).items() if path not in before}
    assert made
    train_again(store)
    assert answer.known(store) is None
    for path, content in made.items():  # had it been left, or stored late by a worker that began before
        if not path.startswith(RUN):
            store.keep(path, content)
    assert answer.known(store) is None


@pytest.mark.parametrize("name", ANSWERS)
def test_what_was_computed_from_weights_that_are_gone_is_not_stored_as_the_new_ones_answer(
    store: RunStore, name: str
) -> None:
    """The run is trained again while a worker computes."""
    left = ["once"]

    def meanwhile(progress: Progress) -> None:
        if progress.phase == "evaluating" and left:
            left.clear()
            train_again(RunStore(store.root, store.root / "none"))

    with pytest.raises(
        StoreError, match="trained again while this was computed from its old weights; ask for it again"
    ):
        ANSWERS[name].task(root=store.root, on_progress=meanwhile)
    assert not left and ANSWERS[name].known(store) is None


def test_a_run_that_expires_takes_its_answers_with_it(store: RunStore) -> None:
    found = Found(k=None, total=1, at=None, beyond=None, test=None, evaluations=1)
    CurveStore(store).save_answer(SEARCH, found)
    LedgerStore(store).save_export(RUN, RULE, 0.5, Export({}, ()))
    assert CurveStore(store).answer(SEARCH) == found and len(files(store)) > 4
    assert store.expire(datetime.now(UTC) + timedelta(days=1)) == [RUN]
    assert files(store) == {}


def test_deleting_a_run_leaves_others_answers_and_the_studys(store: RunStore) -> None:
    other = tiny.config(seed=1)
    tiny.train(other, root=store.root)
    tiny.search(Search(run_id=other.run_id), root=store.root)
    tiny.ledger(other.run_id, RULE, root=store.root)
    tiny.cell(CELL, root=store.root)
    before = files(store)
    store.delete(RUN, None)
    assert {name: content for name, content in before.items() if RUN not in name} == files(store)
    assert CurveStore(store).curve(CELL) is not None  # nothing contradicts it


def test_an_answer_about_a_run_that_was_deleted_meanwhile_is_not_stored(store: RunStore) -> None:
    def gone(progress: Progress) -> None:
        if store.has(RUN):
            store.delete(RUN, None)

    with pytest.raises(StoreError, match="There is no run"):
        tiny.search(SEARCH, root=store.root, on_progress=gone)
    assert files(store) == {}


def test_a_study_keeps_its_network_when_a_run_of_the_same_configuration_is_trained(tmp_path: Path) -> None:
    tiny.cell(CELL, root=tmp_path)
    store = RunStore(tmp_path, tmp_path / "none")
    curves = CurveStore(store)
    first, own = curves.curve(CELL), curves.weights(CONFIG)
    assert first is not None and own is not None and first.weights == digest(own)
    tiny.train(CONFIG, root=tmp_path)
    train_again(store)
    assert curves.curve(CELL) == first and digest(curves.weights(CONFIG) or {}) == first.weights
    curves.save_weights(CONFIG, {name: w + 1 for name, w in own.items()})
    assert curves.curve(CELL) is None


def test_what_ships_stands_whether_it_says_its_weights_or_not(store: RunStore, tmp_path: Path) -> None:
    tiny.cell(CELL, root=store.root)
    tiny.audit(CONFIG, root=store.root)
    shipped_study.write(tmp_path / "study.json", CurveStore(store), [CELL], [CONFIG])
    shipped = CurveStore(RunStore(tmp_path / "elsewhere", tmp_path / "none"), tmp_path / "study.json")
    curve, audit = shipped.curve(CELL), shipped.audit(CONFIG)
    assert curve is not None and audit is not None
    assert curve.weights == audit.weights == store.digest(RUN)
    for kind, made in ((Curve, curve), (Audit, audit)):
        values = made.to_dict()
        del values["weights"]
        assert kind.from_dict(values) == replace(made, weights="")


def test_a_profile_beside_a_shipped_run_of_an_earlier_version_is_computed_again(
    store: RunStore, tmp_path: Path
) -> None:
    """The run ships with other weights than before; what was computed from the old ones lies in the visitors' store."""
    here = RunStore(tmp_path / "here", shipped=store.root)
    tiny.profile(RUN, TAYLOR, root=store.root)
    profile, slopes = store.profile(RUN, TAYLOR), store.gradients(RUN)
    assert profile is not None and slopes is not None
    here.save_profile(RUN, profile)
    here.save_gradients(RUN, slopes)
    assert here.profile(RUN, TAYLOR) is not None and here.gradients(RUN) is not None
    train_again(store)
    here = RunStore(tmp_path / "here", shipped=store.root)
    assert here.profile(RUN, TAYLOR) is None and here.gradients(RUN) is None
    assert here.damaged() == []


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"3", b'{"weights": 3}', b'{"value": 1}', b"\xff"])
def test_an_envelope_that_says_nothing_of_its_weights_is_not_opened(content: bytes) -> None:
    assert results.opened(lambda values: values["value"], content, "abc") is None


def test_an_envelope_is_opened_for_its_own_weights_or_where_there_are_none(tmp_path: Path) -> None:
    store = RunStore(tmp_path, tmp_path / "none")
    results.keep(store, "ledgers/any.json", {"value": 7}, present=None, of="abc")
    opened = partial(results.opened, lambda values: values["value"], store.kept("ledgers/any.json"))
    assert (opened("abc"), opened(None), opened("abd")) == (7, 7, None)
    with pytest.raises(StoreError, match="trained again"):
        results.keep(store, "ledgers/any.json", {"value": 8}, present="abd", of="abc")
    assert opened("abc") == 7
