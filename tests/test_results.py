"""Every stored answer knows the weights it was computed from, and one of other weights is computed again."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from core.codec import from_json, to_json
from core.cost.files import Export, Exporting
from core.cost.ledger import Weighing
from core.cost.rounding import Rounded, Rounding
from core.cost.times import BATCHES, Times, Timing, Variant
from core.cost.tradeoff import Comparing, Tradeoff
from core.engine import trained as trained_network
from core.engine.tasks import ledger, tradeoff
from core.errors import StoreError
from core.evaluation import Comparison
from core.evaluation.parts import compute
from core.evaluation.profile import Evaluating, Profiling
from core.evaluation.trace import Tracing
from core.job import Job
from core.jobs import JobState, sharing
from core.progress import Progress
from core.pruning import GRADIENTS, PruningConfig, Weights, rank
from core.reference import study as shipped_study
from core.run import Training
from core.store import results
from core.store.arrays import digest
from core.store.results import Results
from core.store.runs import RunStore
from core.study.audit import Audit, Auditing
from core.study.bisection import Bisection, Search
from core.study.cells import Cell, Curve, Network
from tests import small, tiny

CONFIG = tiny.config()
RULE, TAYLOR = PruningConfig(), PruningConfig(criterion="taylor")
RUN = CONFIG.run_id
SEARCH = Search(run_id=RUN)
CELL = Cell(config=CONFIG, sparsities=(0.5,))


JOBS: dict[str, Job[Any]] = {
    "search": SEARCH,
    "ledger": Weighing(run_id=RUN),
    "own ledger": Weighing(run_id=RUN, sparsity=0.123),
    "rounding": Rounding(run_id=RUN, sparsity=0.5),
    "timing": Timing(run_id=RUN, sparsity=0.5),
    "tradeoff": Comparing(run_id=RUN),
    "export": Exporting(run_id=RUN, sparsity=0.5),
    "profile": Profiling(run_id=RUN, pruning=TAYLOR),
    "point": Evaluating(run_id=RUN, sparsity=0.123),
    "gradients": Evaluating(run_id=RUN, pruning=TAYLOR, sparsity=0.5),
    "cell": CELL,
    "audit": Auditing(config=CONFIG),
}
"""What can be asked of a run."""


def known(store: RunStore, name: str) -> Any:
    """What the store has of it."""
    return store.statistic(RUN, GRADIENTS) if name == "gradients" else Results(store).get(JOBS[name])


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

    monkeypatch.setattr(trained_network, "measure", measured)
    monkeypatch.setattr(ledger, "stops", lambda ranking: (0.0, 0.9))
    monkeypatch.setattr(tradeoff._Comparison, "tradeoff", compared)
    return RunStore(tmp_path / "runs", tmp_path / "none")


def train_again(store: RunStore) -> None:
    """Delete the run and train it to other bits, as another processor would."""
    run, weights, labels = store.get(RUN), store.weights(RUN), store.labels(RUN)
    other: Weights = {name: np.nextafter(w, np.float32(np.inf)) for name, w in weights.items()}
    store.delete(RUN, run.owner)
    of_study = (f".study/audit-{RUN}.json", f".study/{RUN}.safetensors")  # but these, which are a study's
    assert not [name for name in files(store) if RUN in name and name not in of_study]
    store.save(
        run,
        other,
        labels,
        compute(other, rank(other, RULE), lambda pruned: np.eye(10, dtype=np.float32)[labels], labels),
    )
    assert digest(store.weights(RUN)) != digest(weights)


def files(store: RunStore) -> dict[str, bytes]:
    """Content by name."""
    return {str(path.relative_to(store.root)): path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


ELSEWHERE = """
import json, sys
from core.jobs import sharing
for job_id, found in json.load(sys.stdin).items():
    state = sharing.recognised(found, job_id)
    print(state and state.job)
"""


def test_a_server_knows_a_job_of_another_whose_class_it_never_met() -> None:
    published = {job.id: sharing.description(JobState(job=job, submitted=1.0)) for job in JOBS.values()}
    told = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input=json.dumps(published), capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines() == [str({job.id: job for job in JOBS.values()}[name]) for name in published]


@pytest.mark.parametrize(
    "named", ["core.nowhere:Job", "core.job:Nothing", "core.errors:StoreError", "os:system", "", 3]
)
def test_what_a_server_of_another_version_published_is_passed_over(named: Any) -> None:
    assert sharing.recognised({**sharing.description(JobState(job=CELL, submitted=1.0)), "job": named}, CELL.id) is None


each_computed = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name == "export" else []) for name in JOBS]
)
"""Torch and ONNX Runtime take seconds for the files of an export."""


@each_computed
def test_an_answer_goes_with_its_run_and_is_not_taken_for_that_of_other_weights(store: RunStore, name: str) -> None:
    before = {*files(store)}
    tiny.perform(JOBS[name], store.root)
    assert known(store, name) is not None
    made = {path: content for path, content in files(store).items() if path not in before}
    assert made
    train_again(store)
    assert known(store, name) is None
    for path, content in made.items():  # had it been left, or stored late by a worker that began before
        if not path.startswith(RUN):
            store.keep(path, content)
    assert known(store, name) is None


@each_computed
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
        tiny.perform(JOBS[name], store.root, on_progress=meanwhile)
    assert not left and known(store, name) is None


def test_a_run_that_expires_takes_its_answers_with_it(store: RunStore) -> None:
    found = Bisection(k=None, total=1, at=None, beyond=None, test=None, evaluations=1)
    Results(store).put(SEARCH, found)
    Results(store).put(Exporting(run_id=RUN, sparsity=0.5), Export({}, ()))
    assert Results(store).get(SEARCH) == found and len(files(store)) > 4
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
    assert Results(store).get(CELL) is not None  # nothing contradicts it


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
    curves = Results(store)
    first, own = curves.get(CELL), curves.get(Network(config=CONFIG))
    assert first is not None and own is not None and first.weights == digest(own)
    tiny.train(CONFIG, root=tmp_path)
    train_again(store)
    assert curves.get(CELL) == first and digest(curves.get(Network(config=CONFIG)) or {}) == first.weights
    curves.put(Network(config=CONFIG), {name: w + 1 for name, w in own.items()})
    assert curves.get(CELL) is None


def test_what_ships_stands_whether_it_says_its_weights_or_not(store: RunStore, tmp_path: Path) -> None:
    tiny.cell(CELL, root=store.root)
    tiny.audit(CONFIG, root=store.root)
    shipped_study.write(tmp_path / "study.json", Results(store), [CELL], [Auditing(config=CONFIG)])
    shipped = Results(RunStore(tmp_path / "elsewhere", tmp_path))
    curve, audit = shipped.get(CELL), shipped.get(Auditing(config=CONFIG))
    assert curve is not None and audit is not None
    assert curve.weights == audit.weights == store.digest(RUN)
    for kind, made in ((Curve, curve), (Audit, audit)):
        values = to_json(made)
        del values["weights"]
        assert from_json(kind, values) == replace(made, weights="")


def test_a_profile_beside_a_shipped_run_of_an_earlier_version_is_computed_again(
    store: RunStore, tmp_path: Path
) -> None:
    """The run ships with other weights than before; what was computed from the old ones lies in the visitors' store."""
    here = RunStore(tmp_path / "here", shipped=store.root)
    tiny.profile(RUN, TAYLOR, root=store.root)
    profile, slopes = store.profile(RUN, TAYLOR), store.statistic(RUN, GRADIENTS)
    assert profile is not None and slopes is not None
    here.save_profile(RUN, profile)
    here.save_statistic(RUN, GRADIENTS, slopes)
    assert here.profile(RUN, TAYLOR) is not None and here.statistic(RUN, GRADIENTS) is not None
    train_again(store)
    here = RunStore(tmp_path / "here", shipped=store.root)
    assert here.profile(RUN, TAYLOR) is None and here.statistic(RUN, GRADIENTS) is None
    assert here.damaged() == []


C = Comparison(10, 5, 1, 1, 3, 2)
ROUNDED, ROUNDING = Rounded(C, C, C), Rounding(run_id=RUN, sparsity=0.5)
WHOLE = json.dumps(to_json(ROUNDED)).encode()


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"3", b'{"weights": 3}', b'{"value": 1}', b"\xff", WHOLE])
def test_an_envelope_that_says_nothing_of_its_weights_is_not_opened(store: RunStore, content: bytes) -> None:
    store.keep(ROUNDING.file(""), content)
    assert Results(store).get(ROUNDING) is None and not Results(store).has(ROUNDING)


def test_an_envelope_is_opened_for_its_own_weights_or_where_there_are_none(store: RunStore, tmp_path: Path) -> None:
    here, other = Results(store), Rounded(C, C, replace(C, lost=2))
    here.put(ROUNDING, ROUNDED, of=store.digest(RUN))
    assert here.get(ROUNDING) == ROUNDED
    with pytest.raises(StoreError, match="trained again"):
        here.put(ROUNDING, other, of="abc")
    assert here.get(ROUNDING) == ROUNDED
    values = json.loads(store.kept(ROUNDING.file("")) or b"")
    store.keep(ROUNDING.file(""), json.dumps({**values, "weights": "abc"}).encode())
    assert here.get(ROUNDING) is None

    tiny.cell(CELL, root=tmp_path / "elsewhere")
    found = RunStore(tmp_path / "elsewhere").kept(CELL.file("")) or b""
    nowhere = Results(RunStore(tmp_path / "empty", tmp_path / "none"))
    nowhere.runs.keep(CELL.file(""), found)
    assert nowhere.get(CELL) is not None  # no network here contradicts it
    train_again(store)
    here.runs.keep(CELL.file(""), found)
    assert here.get(CELL) is None


@pytest.mark.parametrize("name", JOBS)
def test_the_id_of_a_job_is_what_earlier_versions_call_it_who_share_a_scheduler(name: str) -> None:
    expected = {
        "search": f"search-{RUN}-magnitude-global-change",
        "ledger": f"ledger-{RUN}-magnitude-global",
        "own ledger": f"ledger-{RUN}-magnitude-global@12.3",
        "rounding": f"rounding-{RUN}-magnitude-global@50",
        "timing": f"timing-{RUN}-magnitude-global@50",
        "tradeoff": f"tradeoff-{RUN}-magnitude-global",
        "export": f"export-{RUN}-magnitude-global@50",
        "profile": f"profile-{RUN}-taylor-global",
        "point": f"point-{RUN}-magnitude-global@12.3",
        "gradients": f"point-{RUN}-taylor-global@50",
        "cell": f"cell-{CELL.key}",
        "audit": f"audit-{RUN}",
    }
    assert JOBS[name].id == expected[name]


@pytest.mark.parametrize("name", ["profile", "point"])
def test_a_profile_is_stored_under_the_name_that_its_job_says(store: RunStore, name: str) -> None:
    tiny.perform(JOBS[name], store.root)
    assert (store.root / JOBS[name].file("")).is_file()


def test_no_file_of_the_product_is_opened_for_a_profile(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[Path]()
    monkeypatch.setattr(results, "_bytes", opened.append)
    assert Results(store).get(JOBS["profile"]) is None and Results(store).get(JOBS["point"]) is None
    assert not opened


def test_traces_of_different_images_or_sparsities_of_one_run_are_different_jobs() -> None:
    image = np.zeros((28, 28), np.uint8)
    trace = Tracing(run_id=RUN, sparsities=(0.5,), image=image)
    again = Tracing(run_id=RUN, sparsities=(0.5,), image=image.copy())
    assert trace == again and trace.id == again.id and hash(trace) == hash(again)
    for other in (replace(trace, image=image + np.uint8(1)), replace(trace, sparsities=(0.6,))):
        assert trace != other and trace.id != other.id


def test_a_training_is_the_same_whoever_asks_for_it() -> None:
    assert Training(config=CONFIG, owner="ann").id == f"train-{RUN}" and Network(config=CONFIG).id == f"network-{RUN}"
    assert Training(config=CONFIG, owner="ann") == Training(config=CONFIG)
