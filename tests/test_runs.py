"""A run is on disk whole or not at all, never changes, and is not trusted when it is read."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.config import FORMAT, RunConfig, TrainingConfig
from core.errors import PruningError, StoreError
from core.evaluation.parts import compute
from core.evaluation.profile import Evaluating, Profile
from core.progress import Epoch
from core.pruning import PruningConfig, Weights, rank
from core.run import Run
from core.store import derived
from core.store.places import default, folder
from core.store.runs import RunStore
from tests import shelf
from tests.patience import PATIENCE

LABELS = (np.arange(50) % 10).astype(np.uint8)
LAYERWISE = PruningConfig(scope="layerwise")


def make_run(seed: int = 0, owner: str | None = "ann", created: str = "2026-01-01T00:00:00+00:00") -> Run:
    return Run(
        config=RunConfig(network="lenet", training=TrainingConfig(epochs=1), seed=seed),
        created=created,
        seconds=1.5,
        versions={"python": "3.11"},
        machine={"processor": "abacus", "threads": 2},
        data_md5={"train": "0" * 32},
        classes=tuple("abcdefghij"),
        shape=(28, 28),
        history=(Epoch(1, 1.5, 2.0, 0.1, 2.1, 0.2),),
        owner=owner,
    )


def make_weights(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"z.weight": (4, 1, 3, 3), "z.bias": (4,), "a.weight": (10, 4), "a.running_mean": (10,)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def infer(weights: Weights) -> np.ndarray:
    inputs = np.random.default_rng(9).standard_normal((50, 4)).astype(np.float32)
    return np.asarray(inputs @ weights["a.weight"].T + weights["z.weight"].sum(), np.float32)


def make_profile(weights: Weights, pruning: PruningConfig | None = None) -> Profile:
    return compute(weights, rank(weights, pruning or PruningConfig()), infer, LABELS, sparsities=(0.0, 0.25, 1.0))


def put(store: RunStore, seed: int = 0, **details: str) -> Run:
    weights = make_weights(seed)
    return store.save(make_run(seed, **details), weights, LABELS, make_profile(weights))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs", tmp_path / "shipped")


@pytest.fixture
def reference(tmp_path: Path) -> Run:
    """A run that came with the product."""
    return put(RunStore(tmp_path / "shipped", tmp_path / "none"), 7, owner="maker")


def same(one: Profile, other: Profile) -> bool:
    arrays, others = one.to_arrays(), other.to_arrays()
    return one.names == other.names and all(np.array_equal(arrays[name], others[name]) for name in arrays)


def leftovers(store: RunStore) -> list[str]:
    return [path.name for path in store.root.iterdir() if path.name.startswith(".tmp-")]


def edit(store: RunStore, run: Run, **changes: object) -> None:
    path = store.root / run.id / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_was_saved_is_what_is_read_in_the_same_order(store: RunStore) -> None:
    weights, run = make_weights(), put(store)
    again = RunStore(store.root, store.root / "none")

    assert again.get(run.id) == run
    assert again.runs() == [run]
    read = again.weights(run.id)
    assert list(read) == list(weights)
    assert all(np.array_equal(read[name], weights[name]) and read[name].dtype == np.float32 for name in weights)
    assert np.array_equal(again.labels(run.id), LABELS)
    profile = again.profile(run.id, PruningConfig())
    assert profile is not None and same(profile, make_profile(weights))


def test_a_stored_run_knows_its_accuracy_and_its_weights(store: RunStore) -> None:
    run = put(store)
    assert run.right == int((infer(make_weights()).argmax(1) == LABELS).sum())
    assert (run.images, run.weights) == (50, 36 + 40)
    assert run.accuracy.value == run.right / 50
    assert run.bytes == (store.root / run.id / "weights.safetensors").stat().st_size


def test_runs_are_listed_newest_first_without_reading_an_array(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = put(store, 0, created="2026-01-01T00:00:00+00:00"), put(store, 1, created="2026-02-01T00:00:00+00:00")
    monkeypatch.setattr("core.store.arrays.safe_open", None)
    assert [run.id for run in RunStore(store.root).runs() if not run.reference] == [new.id, old.id]


def test_no_file_of_a_run_is_a_pickle_or_names_this_machine(store: RunStore) -> None:
    run = put(store)
    folder = store.root / run.id
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert kinds == {".json", ".safetensors"}
    text = (folder / "run.json").read_text()
    assert str(store.root) not in text and os.uname().nodename not in text


def test_the_first_of_two_writers_of_one_run_wins_and_the_other_is_content(store: RunStore) -> None:
    first = put(store)
    second = store.save(replace(make_run(), owner="bob"), make_weights(5), LABELS, make_profile(make_weights(5)))
    assert second == first
    assert np.array_equal(store.weights(first.id)["a.weight"], make_weights()["a.weight"])


def test_servers_that_store_the_same_run_at_the_same_moment_leave_one_whole_run(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier, rename = threading.Barrier(4, timeout=PATIENCE), folder._rename
    monkeypatch.setattr(folder, "_rename", lambda old, new: (barrier.wait(), rename(old, new)))
    saved: list[Run] = []
    servers = [RunStore(store.root, store.root / "none") for _ in range(4)]
    threads = [threading.Thread(target=lambda one=one: saved.append(put(one))) for one in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(saved) == 4 and len({run.id for run in saved}) == 1
    assert len(store.runs()) == 1 and store.damaged() == [] and leftovers(store) == []
    assert store.weights(saved[0].id)


def test_further_profiles_and_points_are_kept_with_the_run(store: RunStore) -> None:
    run, weights = put(store), make_weights()
    assert store.profile(run.id, LAYERWISE) is None
    store.save_profile(run.id, make_profile(weights, LAYERWISE))
    kept = store.profile(run.id, LAYERWISE)
    assert kept is not None and same(kept, make_profile(weights, LAYERWISE))

    assert store.point(run.id, LAYERWISE, 0.125) is None
    point = compute(weights, rank(weights, LAYERWISE), infer, LABELS, sparsities=(0.125,))
    store.save_point(run.id, point)
    kept = store.point(run.id, LAYERWISE, 0.125)
    assert kept is not None and same(kept, point)
    assert leftovers(store) == []


def test_of_the_points_that_visitors_ask_for_the_latest_are_kept(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derived, "POINTS", 2)
    run, weights, asked = put(store), make_weights(), (0.3, 0.1, 0.4, 0.2)
    before = store.profile(run.id, PruningConfig())
    for sparsity in asked:
        store.save_point(run.id, compute(weights, rank(weights, LAYERWISE), infer, LABELS, sparsities=(sparsity,)))
        time.sleep(0.02)  # as a clock of files may count
    kept = [sparsity for sparsity in asked if store.point(run.id, LAYERWISE, sparsity)]
    assert kept == [0.4, 0.2] and before is not None and store.profile(run.id, PruningConfig()) is not None


def test_a_sparsity_names_its_file_and_must_be_a_fraction() -> None:
    assert Evaluating(run_id="0" * 12, sparsity=0.125).key == "000000000000-magnitude-global@12.5"
    assert Evaluating(run_id="0" * 12, sparsity=0.00001).key == "000000000000-magnitude-global@0.001"
    for sparsity in (-0.1, 1.5, float("nan"), float("inf")):
        with pytest.raises(PruningError, match="choose a fraction from 0 to 1"):
            Evaluating(run_id="0" * 12, sparsity=sparsity)


@pytest.mark.parametrize("run_id", ["", "../../etc", "0123456789AB", "0123456789abc", "0123456789a\n", ".set-aside", 7])
def test_what_is_no_run_id_is_refused_before_any_path_is_made(store: RunStore, run_id: str) -> None:
    for method in (store.get, store.weights, store.labels, lambda name: store.delete(name, None)):
        with pytest.raises(StoreError, match="is not a run id"):
            method(run_id)
    assert not store.root.exists()


def test_an_unknown_run_is_named(store: RunStore) -> None:
    with pytest.raises(StoreError, match=r"no run 0123456789ab in this store; choose another, or train it again"):
        store.get("0123456789ab")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def reshape(path: Path) -> None:
    arrays = load_file(path)
    save_file({name: value.reshape(-1) for name, value in arrays.items()}, path, {"digest": "0" * 64})


def replace_in(path: Path, pattern: str, new: str) -> None:
    text, found = re.subn(pattern, new, path.read_text())
    assert found == 1
    path.write_text(text)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "truncated weights": ("weights.safetensors", truncate),
    "no weights": ("weights.safetensors", Path.unlink),
    "empty weights": ("weights.safetensors", lambda path: path.write_bytes(b"")),
    "a flipped bit": ("weights.safetensors", flip_a_bit),
    "other shapes": ("weights.safetensors", reshape),
    "no labels": ("labels.safetensors", Path.unlink),
    "half a run.json": ("run.json", lambda path: path.write_text(path.read_text()[:100])),
    "an empty run.json": ("run.json", lambda path: path.write_bytes(b"")),
    "a list for a run.json": ("run.json", lambda path: path.write_text("[1, 2]")),
    "bytes for a run.json": ("run.json", lambda path: path.write_bytes(b"\xff\xfe\x00")),
    "a seed of 400 digits": ("run.json", lambda path: replace_in(path, r'"seed": 1\b', '"seed": 1' + 400 * "0")),
    "an infinite shape": (
        "run.json",
        lambda path: replace_in(path, r'("shapes": \[\s*\[\s*"[^"]+",\s*\[\s*)\d+', r"\g<1>1e400"),
    ),
    "a bottomless run.json": ("run.json", lambda path: path.write_text("[" * 100_000)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_run_is_set_aside_with_a_reason_and_the_others_stay(store: RunStore, kind: str) -> None:
    good, bad = put(store, 0), put(store, 1)
    name, damage = DAMAGE[kind]
    damage(store.root / bad.id / name)
    fresh = RunStore(store.root, store.root / "none")

    with pytest.raises(StoreError, match=re.escape(bad.id)):
        fresh.weights(bad.id)
        fresh.labels(bad.id)
    assert [run.id for run in fresh.runs()] == [good.id]
    [(run_id, reason)] = fresh.damaged()
    assert run_id == bad.id and reason.endswith(".") and str(store.root) not in reason
    assert put(fresh, 1).id == bad.id  # it can be trained again


CHANGES: dict[str, dict[str, object]] = {
    "newer format": {"format": FORMAT + 1},
    "another configuration": {"config": make_run(99).config.to_dict()},
    "a setting out of range": {"config": {**make_run(1).config.to_dict(), "seed": -1}},
    "an unknown field": {"surprise": 1},
    "a history of words": {"history": [{**vars(make_run().history[0]), "loss": "low"}]},
    "more right than images": {"right": 51},
    "no date": {"created": "yesterday"},
    "no count": {"weights": None},
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_run_that_does_not_say_what_it_has_to_is_set_aside_by_the_list(store: RunStore, kind: str) -> None:
    good, bad = put(store, 0), put(store, 1)
    edit(store, bad, **CHANGES[kind])
    assert store.runs() == [good]
    [(run_id, _)] = store.damaged()
    assert run_id == bad.id


def test_a_newer_format_is_named(store: RunStore) -> None:
    edit(store, put(store), format=FORMAT + 1)
    store.runs()
    assert f"format {FORMAT + 1}" in store.damaged()[0][1]


def test_weights_of_another_run_are_not_taken_for_its_own(store: RunStore) -> None:
    one, other = put(store, 0), put(store, 1)
    shutil.copy(store.root / other.id / "weights.safetensors", store.root / one.id / "weights.safetensors")
    with pytest.raises(StoreError, match="belongs to another run"):
        store.weights(one.id)


def test_a_damaged_profile_is_set_aside_alone_and_can_be_asked_for_again(store: RunStore) -> None:
    run = put(store)
    path = store.root / run.id / "profiles" / "magnitude-global.safetensors"
    for damage in (truncate, flip_a_bit, lambda path: path.write_bytes(b"nonsense")):
        damage(path)
        with pytest.raises(StoreError, match=r"A profile of .* ask for it again"):
            store.profile(run.id, PruningConfig())
        assert store.profile(run.id, PruningConfig()) is None
        assert store.weights(run.id)
        store.save_profile(run.id, make_profile(make_weights()))
        assert store.profile(run.id, PruningConfig()) is not None


def test_a_profile_of_other_weights_is_not_taken_for_its_own(store: RunStore) -> None:
    one, other = put(store, 0), put(store, 1)
    name = Path("profiles") / "magnitude-global.safetensors"
    shutil.copy(store.root / other.id / name, store.root / one.id / name)
    with pytest.raises(StoreError, match="other weights"):
        store.profile(one.id, PruningConfig())


def test_a_profile_that_answers_a_class_which_the_run_has_not_is_refused(store: RunStore) -> None:
    run, profile = put(store), make_profile(make_weights())
    store.save_profile(run.id, replace(profile, predicted=profile.predicted + np.uint8(10)))
    with pytest.raises(StoreError, match="to other images"):
        store.profile(run.id, PruningConfig())


def test_what_is_no_run_does_no_harm(store: RunStore) -> None:
    run = put(store)
    (store.root / "notes").mkdir()
    (store.root / "0123456789ab").mkdir()
    (store.root / "0123456789ac").write_text("a file")
    assert store.runs() == [run] and store.damaged() == []


def test_something_in_the_place_of_a_run_makes_way_for_it(store: RunStore) -> None:
    run_id = make_run().id
    (store.root / run_id / "profiles").mkdir(parents=True)
    assert put(store).id == run_id
    assert store.weights(run_id)


def test_what_a_dead_writer_left_is_removed_and_a_live_writer_is_left_alone(store: RunStore) -> None:
    store.root.mkdir()
    dead, live = store.root / ".tmp-0123456789ab-dead", store.root / ".tmp-0123456789ab-live"
    for path in (dead, live):
        path.mkdir()
        (path / "run.json").write_text("{")
    os.utime(dead, (0, 0))
    fresh = RunStore(store.root)
    assert not dead.exists() and live.exists()
    assert [run for run in fresh.runs() if not run.reference] == []


def test_a_full_disk_leaves_nothing_behind_and_says_what_to_do(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, weights = put(store, 1), make_weights()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for write in (lambda: put(store), lambda: store.save_profile(run.id, make_profile(make_weights(1), LAYERWISE))):
        with pytest.raises(StoreError, match=r"is full; free some space or name another folder in PRUNELAB_RUNS"):
            write()
    monkeypatch.undo()
    assert leftovers(store) == [] and store.runs() == [run]
    assert put(store).id == make_run().id and weights


def test_a_folder_that_cannot_be_written_is_named_and_can_still_be_read(tmp_path: Path, reference: Run) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = RunStore(tmp_path / "file" / "runs", tmp_path / "shipped")
    with pytest.raises(StoreError, match=r"cannot be written \(Not a directory\); make it writable or name another"):
        put(store)
    assert store.problem() is not None and "PRUNELAB_RUNS" in str(store.problem())
    assert store.runs() == [store.get(reference.id)]


def test_a_good_folder_is_no_problem(store: RunStore) -> None:
    assert store.problem() is None and store.problem() is None
    assert leftovers(store) == []


def test_only_the_owner_deletes_a_run(store: RunStore) -> None:
    run = put(store, owner="ann")
    for stranger in ("bob", None):
        with pytest.raises(StoreError, match="belongs to another visitor"):
            store.delete(run.id, stranger)
    store.delete(run.id, "ann")
    assert store.runs() == [] and not (store.root / run.id).exists() and leftovers(store) == []
    with pytest.raises(StoreError, match="no run"):
        store.get(run.id)


def test_a_shipped_run_is_read_and_neither_deleted_nor_written(store: RunStore, reference: Run, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "shipped").rglob("*")}
    assert store.get(reference.id).reference and store.runs()[0].reference
    with pytest.raises(StoreError, match="came with PruneLab"):
        store.delete(reference.id, "maker")
    store.save_profile(reference.id, make_profile(make_weights(7), LAYERWISE))
    assert store.profile(reference.id, LAYERWISE) is not None
    assert put(store, 7).reference
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "shipped").rglob("*")}


def test_a_damaged_shipped_run_is_left_out_and_named(store: RunStore, reference: Run, tmp_path: Path) -> None:
    truncate(tmp_path / "shipped" / reference.id / "weights.safetensors")
    assert store.runs() == []
    assert store.damaged()[0][0] == reference.id
    assert (tmp_path / "shipped" / reference.id).exists()
    assert not put(store, 7).reference  # it can be trained in its place


def test_the_folder_is_the_variables_or_the_users(tmp_path: Path) -> None:
    assert default({"PRUNELAB_RUNS": str(tmp_path)}) == str(tmp_path)
    assert Path(default({})).parts[-2:] == ("prunelab", "runs")


def test_reading_runs_needs_no_torch() -> None:
    code = "import sys, core.store.runs, core.jobs; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_visitors_runs_expire_with_all_that_was_kept_about_them_and_others_stay(tmp_path: Path) -> None:
    store = RunStore(tmp_path, shipped=tmp_path / "none")
    old, new = shelf.fill(tmp_path)
    for run in (old, new):
        store.keep(f"ledgers/{run.id}-magnitude-global.json", b"{}")
        store.keep(f"exports/{run.id}-magnitude-global@50-0123.zip", b"zip")
    when = datetime.fromisoformat(new.created)
    assert store.expire(when - timedelta(days=1)) == []
    assert {*store.expire(when + timedelta(days=1))} == {old.id, new.id}
    assert store.runs() == [] and not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(run.reference for run in store.runs()) and RunStore(tmp_path).runs()  # those that ship do not expire


def test_a_store_that_vanishes_and_returns_has_lost_nothing(tmp_path: Path) -> None:
    root, away = tmp_path / "mounted", tmp_path / "away"
    store = RunStore(root, shipped=tmp_path / "none")
    run, _ = shelf.fill(root)
    assert len(store.runs()) == 2
    root.rename(away)
    assert store.runs() == [] and not store.has(run.id) and store.kept("ledgers/any.json") is None
    with pytest.raises(StoreError, match=f"no run {run.id} in this store; choose another"):
        store.weights(run.id)
    away.rename(root)
    assert store.get(run.id) == run and store.profile(run.id, PruningConfig()) is not None
    assert store.damaged() == []


def test_two_writers_of_the_same_run_at_the_same_moment_store_it_once(tmp_path: Path) -> None:
    made = RunStore(tmp_path / "made", shipped=tmp_path / "none")
    run, _ = shelf.fill(made.root)
    weights, labels, profile = made.weights(run.id), made.labels(run.id), made.profile(run.id, PruningConfig())
    assert profile is not None
    stores = [RunStore(tmp_path / "shared", shipped=tmp_path / "none") for _ in range(8)]
    barrier, found = threading.Barrier(len(stores)), list[Run]()

    def write(store: RunStore) -> None:
        barrier.wait()
        found.append(store.save(run, weights, labels, profile))

    threads = [threading.Thread(target=write, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [run] * len(stores) and stores[0].runs() == [run] and stores[0].damaged() == []
    assert [path.name for path in stores[0].root.iterdir() if not path.name.startswith(".")] == [run.id]


def test_runs_are_kept_where_the_system_opens_no_folders(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, which refuses to open one."""
    opened = os.open

    def refusing(path: "str | Path", *how: int, **more: int) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *how, **more)

    monkeypatch.setattr(os, "open", refusing)
    run = put(store)
    store.save_profile(run.id, make_profile(make_weights(), LAYERWISE))
    store.keep("ledgers/any.json", b"{}")
    assert store.get(run.id) == run and store.profile(run.id, LAYERWISE) is not None
    assert store.kept("ledgers/any.json") == b"{}" and store.problem() is None
    store.delete(run.id, run.owner)
    assert store.runs() == []
