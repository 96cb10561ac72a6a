"""A run store in a folder, in memory through fsspec, and in a bucket of a local S3 server keeps the same promises."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fsspec import get_filesystem_class
from fsspec.implementations.memory import MemoryFileSystem

from core.errors import StoreError
from core.pruning import GRADIENTS, PruningConfig
from core.run import Network, Run
from core.store.places import Bucket, Folder, Place, bucket, opened, waiting
from core.store.results import Results
from core.store.runs import RunStore
from core.study.bisection import Search
from tests import local_s3, shelf, tiny
from tests.patience import PATIENCE, until

GLOBAL = PruningConfig()

Parts = tuple[Run, Any, Any, Any]
"""A run, its weights, its labels and its profile."""


@pytest.fixture
def server(where: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], RunStore]:
    """Makes a store as a process of its own would see it: with its own listing, and copies of its own."""

    def make() -> RunStore:
        made = Bucket(where, tmp_path / uuid.uuid4().hex) if isinstance(where, str) else Folder(where)
        monkeypatch.setattr("core.store.runs.opened", lambda where: made)
        return RunStore(where, shipped=tmp_path / "none")

    return make


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """A run and its arrays, from a store of their own."""
    root = tmp_path_factory.mktemp("made")
    made = RunStore(root, shipped=root / "none")
    run, _ = shelf.fill(root)
    return run, made.weights(run.id), made.labels(run.id), made.profile(run.id, GLOBAL)


def test_what_one_server_stores_another_reads(server: Callable[[], RunStore], parts: Parts) -> None:
    run, weights, labels, profile = parts
    one, two = server(), server()
    assert two.runs() == [] and two.problem() is None
    assert one.save(run, weights, labels, profile) == run
    one.save_statistic(run.id, GRADIENTS, {"fc.weight": weights["fc.weight"]})
    one.keep(f"ledgers/{run.id}-magnitude-global.json", b"{}")
    two.refresh()
    assert two.runs() == [run] == server().runs() and two.has(run.id)
    assert all(np.array_equal(value, weights[name]) for name, value in two.weights(run.id).items())
    assert np.array_equal(two.labels(run.id), labels)
    found, gradients = two.profile(run.id, GLOBAL), two.statistic(run.id, GRADIENTS)
    assert found is not None and np.array_equal(found.predicted, profile.predicted)
    assert gradients is not None and np.array_equal(gradients["fc.weight"], weights["fc.weight"])
    assert two.kept(f"ledgers/{run.id}-magnitude-global.json") == b"{}"


def test_a_file_that_is_replaced_is_seen_anew_and_one_that_is_dropped_is_gone(server: Callable[[], RunStore]) -> None:
    one, two = server(), server()
    for content in (b"first", b"other", b"third and longer"):
        one.keep("ledgers/any.json", content)
        two.refresh()
        assert two.kept("ledgers/any.json") == content
    one.keep_arrays("ledgers/arrays.safetensors", {"b": np.arange(3), "a": np.zeros(2)})
    two.refresh()
    assert [*(two.kept_arrays("ledgers/arrays.safetensors") or {})] == ["b", "a"]
    one.drop("ledgers/any.json")
    one.drop("ledgers/never.json")
    two.refresh()
    assert two.kept("ledgers/any.json") is None and one.kept("ledgers/any.json") is None


def test_deleted_runs_are_gone_with_all_that_was_kept_about_them_for_every_server(
    server: Callable[[], RunStore], parts: Parts
) -> None:
    run, weights, labels, profile = parts
    one, two = server(), server()
    one.save(run, weights, labels, profile)
    one.keep(f"ledgers/{run.id}-magnitude-global.json", b"{}")
    two.refresh()
    assert two.weights(run.id)
    with pytest.raises(StoreError, match="belongs to another visitor"):
        two.delete(run.id, "somebody")
    assert one.expire(datetime.fromisoformat(run.created) + timedelta(days=1)) == [run.id]
    two.refresh()
    assert two.runs() == [] and not two.has(run.id) and two.kept(f"ledgers/{run.id}-magnitude-global.json") is None
    with pytest.raises(StoreError, match=f"no run {run.id} in this store"):
        two.weights(run.id)
    other = two.save(run, {**weights, "fc.weight": weights["fc.weight"] + 1}, labels, profile)  # may be trained anew
    one.refresh()
    assert one.get(run.id) == other and one.weights(run.id)["fc.weight"][0, 0] == weights["fc.weight"][0, 0] + 1


def test_eight_servers_that_store_one_run_at_once_leave_one_and_never_mix_two(
    server: Callable[[], RunStore], parts: Parts
) -> None:
    run, weights, labels, profile = parts
    stores, barrier = [server() for _ in range(8)], threading.Barrier(8)
    if str(stores[0].where).startswith("memory"):
        pytest.skip("this one's dictionary cannot be listed while another thread writes")
    found = list[Run]()

    def write(number: int) -> None:
        mine = {**weights, "fc.weight": weights["fc.weight"] + np.float32(number)}  # no two machines round alike
        barrier.wait()
        found.append(stores[number].save(run, mine, labels, profile))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = [store.weights(run.id)["fc.weight"] for store in (*stores, server())]
    assert len(found) == 8 and all(np.array_equal(each, read[0]) for each in read)
    fresh = server()
    assert fresh.runs() == found[:1] and fresh.damaged() == []
    assert len([held for held in _names(fresh) if held.endswith("weights.safetensors")]) == 1


def _names(store: RunStore) -> list[str]:
    """Every file of a place."""
    place = store._place
    if isinstance(place, Bucket):
        return [*place._listed(0)]
    return [str(path.relative_to(place.root)) for path in place.root.rglob("*") if path.is_file()]


def test_a_reader_never_sees_half_a_run(server: Callable[[], RunStore], parts: Parts) -> None:
    """Another server looks after each single write of the first, and finds nothing or all."""
    run, weights, labels, profile = parts
    one, seen = server(), list[int]()
    place = one._place
    if isinstance(place, Folder):
        pytest.skip("a folder appears by one rename")
    assert isinstance(place, Bucket)
    pipe = place._files.pipe_file

    def slow(*args: Any, **options: Any) -> None:
        pipe(*args, **options)
        reader = server()
        seen.append(len(reader.runs()))
        assert reader.damaged() == []
        if seen[-1]:
            reader.weights(run.id), reader.labels(run.id), reader.profile(run.id, GLOBAL)

    place._files.pipe_file = slow
    try:
        one.save(run, weights, labels, profile)
    finally:
        del place._files.pipe_file
    assert seen == [0, 0, 0, 1]


@pytest.mark.parametrize("file", ["run.json", "weights.safetensors", "magnitude-global.safetensors"])
def test_what_is_damaged_is_set_aside_with_a_reason_and_can_be_made_again(
    server: Callable[[], RunStore], parts: Parts, file: str
) -> None:
    run, weights, labels, profile = parts
    one = server()
    one.save(run, weights, labels, profile)
    name = next(name for name in _names(one) if name.endswith(file))
    one.keep(name, b"\0" * run.bytes)
    reader = server()
    with pytest.raises(StoreError, match="is damaged and was left out"):
        reader.weights(run.id), reader.profile(run.id, GLOBAL)
    [(run_id, reason)] = server().damaged()
    assert run_id == run.id and reason.endswith(".")
    is_run = file != "magnitude-global.safetensors"
    assert server().runs() == ([] if is_run else [run])
    again = server()
    if is_run:
        again.save(run, weights, labels, profile)
    else:
        assert again.profile(run.id, GLOBAL) is None
        again.save_profile(run.id, profile)
    assert server().profile(run.id, GLOBAL) is not None and server().weights(run.id)


def test_whoever_misses_a_damaged_run_knows_the_reason_at_every_moment(
    server: Callable[[], RunStore], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, weights, labels, profile = parts
    one = server()
    one.save(run, weights, labels, profile)
    one.keep(next(name for name in _names(one) if name.endswith("weights.safetensors")), b"\0" * run.bytes)
    other, said = server(), list[str]()

    def looking(does: Callable[..., Any]) -> Callable[..., Any]:
        """Has another server look for the run each time that something was moved or removed."""

        def done(*values: Any, **more: Any) -> Any:
            result = does(*values, **more)
            other.refresh()
            try:
                other.get(run.id)
            except StoreError as error:
                said.append(str(error))
            return result

        return done

    place = one._place
    if isinstance(place, Bucket):
        for name in ("cp_file", "rm_file"):
            monkeypatch.setattr(place._files, name, looking(getattr(place._files, name)), raising=False)
    else:
        monkeypatch.setattr(Path, "rename", looking(Path.rename))
    with pytest.raises(StoreError, match="is damaged and was left out"):
        one.weights(run.id)
    assert said and all("weights.safetensors" in sentence for sentence in said)


def test_old_exports_make_room(server: Callable[[], RunStore]) -> None:
    store = server()
    for number in range(3):
        store.keep(f"exports/{number}.zip", bytes(100))
    store.trim("exports", 250)
    assert sum(store.kept(f"exports/{number}.zip") is not None for number in range(3)) == 2


def test_workers_train_profile_and_study_in_it(server: Callable[[], RunStore], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks themselves, each opening the place by its name."""
    store = server()
    config = tiny.config()
    tiny.train(config, root=store.where)
    run = store.get(config.run_id)
    layerwise = PruningConfig(scope="layerwise")
    tiny.profile(run.id, layerwise, root=store.where)
    search = Search(run_id=run.id)
    tiny.search(search, root=store.where)
    assert store.profile(run.id, layerwise) is not None and store.weights(run.id)
    assert Results(store).get(Network(config=config)) and Results(store).get(search) is not None


# --- what only a bucket can do -------------------------------------------------------------------------------------


@pytest.fixture
def in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Bucket, RunStore]:
    """A bucket that no test has used, and the store in it."""
    place = Bucket(f"memory://{uuid.uuid4().hex}", tmp_path / "copies")
    with monkeypatch.context() as patch:
        patch.setattr("core.store.runs.opened", lambda where: place)
        return place, RunStore(place.where, shipped=tmp_path / "none")


@pytest.fixture
def held(in_memory: tuple[Bucket, RunStore], parts: Parts) -> tuple[Bucket, RunStore, Run]:
    """A bucket with one run, whose weights were read once."""
    place, store = in_memory
    run, weights, labels, profile = parts
    store.save(run, weights, labels, profile)
    assert store.weights(run.id)
    return place, store, run


def test_a_place_that_vanishes_is_told_and_what_was_read_before_stays(
    held: tuple[Bucket, RunStore, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, store, run = held

    def gone(*args: Any, **options: Any) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(MemoryFileSystem, "find", gone)
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", gone)
    store.refresh()
    assert store.runs() == [run] and store.weights(run.id)
    assert "memory://" in str(store.problem()) and "cannot be reached" in str(store.problem())
    with pytest.raises(StoreError, match=r"cannot be reached \(ConnectionError\); try again"):
        store.get("0123456789ab")
    with pytest.raises(StoreError, match=r"cannot be written \(ConnectionError: no route to host\)"):
        store.keep("ledgers/any.json", b"{}")
    monkeypatch.undo()
    place._listed_at = -float("inf")  # its patience is over
    assert store.problem() is None and store.runs() == [run]


def test_a_place_that_says_nothing_keeps_nobody_waiting(
    held: tuple[Bucket, RunStore, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, store, run = held
    find, silent, asked, answered = MemoryFileSystem.find, threading.Event(), list[str](), list[str]()

    def hang(*args: Any, **options: Any) -> Any:
        asked.append(args[1])
        silent.wait(PATIENCE)
        answered.append(args[1])
        return find(*args, **options)

    monkeypatch.setattr(bucket, "_LISTING", 0.2)
    monkeypatch.setattr(MemoryFileSystem, "find", hang)
    store.refresh()
    for _ in range(3):  # also when its patience is over, while the first listing still hangs
        assert store.runs() == [run] and store.weights(run.id)
        assert "cannot be reached (TimeoutError)" in str(store.problem())
        place._listed_at = -float("inf")
    assert len(asked) == 1 and not answered
    silent.set()
    monkeypatch.setattr(MemoryFileSystem, "find", find)

    def reached() -> bool:
        place._listed_at = -float("inf")
        return store.problem() is None

    until(reached)
    assert store.runs() == [run]


def test_a_server_that_accepts_and_never_answers_is_one_that_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = get_filesystem_class("s3")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name, value in local_s3.settings(f"http://127.0.0.1:{silent.getsockname()[1]}").items():
            monkeypatch.setenv(name, value)
        client.clear_instance_cache()  # they are kept by URL, and know another server
        place = Bucket(f"s3://school/{uuid.uuid4().hex}", tmp_path)
        client.clear_instance_cache()
        begun, beside = list[Any](), waiting.beside

        def counted(call: Callable[..., Any]) -> Any:
            begun.append(call)
            return beside(call)

        monkeypatch.setattr(bucket, "beside", counted)
        monkeypatch.setattr(bucket, "_LISTING", 0.5)
        monkeypatch.setattr(bucket, "_PATIENCE", float("inf"))
        with pytest.raises(StoreError, match=r"cannot be reached \(TimeoutError\)"):
            place.find("run.json")
        assert place.published() == [] and len(begun) == 1  # it is not asked again
        monkeypatch.setattr(bucket, "_TRANSFER", 0.5)
        with pytest.raises(StoreError, match=r"cannot be written \(TimeoutError: no answer within 0\.5 s\)"):
            place.write("any", b"")


@pytest.mark.parametrize("lost", ["an array", "the manifest's answer"])
def test_a_write_that_fails_leaves_nothing_and_one_whose_answer_is_lost_stands(
    in_memory: tuple[Bucket, RunStore], parts: Parts, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    store, pipe = in_memory[1], MemoryFileSystem.pipe_file
    run, weights, labels, profile = parts

    def broken(self: MemoryFileSystem, path: str, value: bytes, mode: str = "overwrite") -> None:
        if mode == "create":  # the store has it, the answer is lost, and the client asks again
            pipe(self, path, value, mode=mode)
            raise FileExistsError(path)
        if lost == "an array" and path.endswith("labels.safetensors"):
            raise ConnectionError("no route to host")
        pipe(self, path, value, mode=mode)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", broken)
    if lost == "an array":
        with pytest.raises(StoreError, match="cannot be written"):
            store.save(run, weights, labels, profile)
        assert not _names(store) and store.runs() == []
    else:
        assert store.save(run, weights, labels, profile) == run and store.weights(run.id)


def test_what_a_dead_writer_left_is_removed_and_copies_of_what_is_gone_too(
    held: tuple[Bucket, RunStore, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, store, run = held
    store.keep("0123456789ab/deadbeef/weights.safetensors", b"half a run")
    copies = _copies(tmp_path)
    assert {path.name for path in copies} >= {"run.json", "weights.safetensors"}
    monkeypatch.setattr(bucket, "_ABANDONED", -1)
    monkeypatch.setattr(bucket, "_UNUSED", -1)
    assert [run.id for run in store.runs()] == [run.id] and all(path.is_file() for path in copies)
    store.delete(run.id, None)
    store.refresh()
    assert store.runs() == []
    until(lambda: not _copies(tmp_path) and not _names(store))


def test_copies_are_tidied_though_another_server_removes_some_at_the_same_moment(
    held: tuple[Bucket, RunStore, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, store, run = held
    store.delete(run.id, None)
    assert store.runs() == []
    first, scandir = _copies(tmp_path)[0].parent, os.scandir

    def late(folder: Any) -> Any:
        if str(folder) == str(first):
            shutil.rmtree(first, ignore_errors=True)
        return scandir(folder)

    monkeypatch.setattr(bucket, "_UNUSED", -1)
    monkeypatch.setattr(os, "scandir", late)
    place._tidy()
    assert not first.exists() and not _copies(tmp_path)


def _copies(tmp_path: Path) -> list[Path]:
    """What a bucket holds on this machine; it may be tidied up meanwhile."""
    return [Path(folder, name) for folder, _, names in os.walk(tmp_path / "copies") for name in names]


def test_a_url_that_cannot_be_opened_says_what_to_do_and_keeps_its_secret() -> None:
    with pytest.raises(StoreError, match=r"PRUNELAB_RUNS names nowhere://there, which cannot be opened"):
        opened("nowhere://user:secret@there")
    with pytest.raises(StoreError) as told:
        opened("nowhere://user:secret@there")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        *("s3://", "s3:///", "foo://", "foo://x", "memory://", "://x", "::://", "s3://[", "s3://[::1", "s3://[x]/y"),
        *("file://", "file://x", "local://x/y", "github://x", "zip://a", "reference://x", "dir://x", "S3://lab/x"),
        *("s3:/lab/runs", "s3:lab", "memory:x", "file:/tmp/x", "~nobody-of-that-name/runs", "ftp://127.0.0.1:1/x"),
        "s3://lab/x?versionId=3",
    ],
)
def test_any_place_that_is_none_ends_with_a_sentence(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"^PRUNELAB_RUNS names ") as told:
        RunStore(url)
    assert "\n" not in str(told.value) and str(told.value).endswith(".") and len(str(told.value)) < 600
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("url", ["s3://lab:99999999/x", "s3://a b/x", "s3://UPPER/x", "http://[::1]:1/x", "data://x"])
def test_a_place_that_turns_out_to_be_none_ends_with_a_sentence(url: str, s3: str, tmp_path: Path) -> None:
    place = Bucket(url, tmp_path)
    with pytest.raises(StoreError, match=r"^The run store .* cannot be (reached|written) ") as told:
        place.check()
    assert "\n" not in str(told.value) and place.published() == []


@pytest.mark.slow
def test_the_start_of_the_app_says_it_too(tmp_path: Path) -> None:
    for named in ("memory://runs[1", "s3://", "file://x"):
        environment = {**os.environ, "PRUNELAB_RUNS": named, "XDG_CACHE_HOME": str(tmp_path)}
        command = [sys.executable, "-c", "import streamlit_app"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if named == "memory://runs[1":  # a place like any other
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode == 1 and "PruneLab does not start. PRUNELAB_RUNS names" in done.stderr
            assert "Traceback" not in done.stderr


NAMES = (
    *(
        "runs [2024]",
        "lab-*",
        "lab-?",
        "[a-z]",
        "[!a]",
        "{a,b}",
        "a+b",
        "100%",
        "a%20b",
        "#1",
        "x?y=1",
        "ü/数字",
        "a&b=c",
    ),
    *("~", "a'b", 'a"b', "a;b", "a,b", "a\\b", "a..b", " . "),
)
"""Of prefixes and folders: patterns, what a URL would escape, and other scripts."""


NEIGHBOURS = ("lab-a", "a", "b", "runs 2")


@pytest.fixture(scope="module", params=["folder", "memory", "s3"])
def street(
    request: pytest.FixtureRequest, parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], RunStore]:
    """Opens the store of a name as a process of its own would; the neighbours have a run."""
    root = tmp_path_factory.mktemp("street")
    start: str = request.getfixturevalue("s3") if request.param == "s3" else "memory:/"
    base = f"{start}/{uuid.uuid4().hex}"

    def store(name: str) -> RunStore:
        where = root / "lab" / name if request.param == "folder" else f"{base}/{name}"
        made = opened(where) if isinstance(where, Path) else Bucket(where, root / uuid.uuid4().hex)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("core.store.runs.opened", lambda where: made)
            return RunStore(where, shipped=root / "none")

    for each in NEIGHBOURS:
        store(each).save(*parts)
    return store


@pytest.mark.parametrize("name", NAMES)
def test_a_place_is_known_by_its_name_letter_by_letter(
    street: Callable[[str], RunStore], name: str, parts: Parts
) -> None:
    """Beside neighbours that its name, were it a pattern, would match; all have the same run, which is damaged here."""
    (run, weights, labels, profile), store = parts, street
    store(name).save(run, weights, labels, profile)
    here = store(name)
    assert here.runs() == [run] and here.weights(run.id)
    here.keep("ledgers/any.json", b"{}")
    here.refresh()
    assert here.kept("ledgers/any.json") == b"{}"
    here.drop("ledgers/any.json")
    before = {each: _names(store(each)) for each in NEIGHBOURS}

    damaged = next(path for path in _names(here) if path.endswith("labels.safetensors"))
    here.keep(damaged, b"nonsense")
    reader = store(name)
    with pytest.raises(StoreError, match="is damaged and was left out"):
        reader.labels(run.id)
    assert [run_id for run_id, _ in store(name).damaged()] == [run.id] and store(name).runs() == []
    for each in NEIGHBOURS:
        assert _names(store(each)) == before[each]
        assert store(each).runs() == [run] and store(each).labels(run.id) is not None

    again = store(name)
    assert again.save(run, weights, labels, profile) == run
    again.delete(run.id, None)
    assert store(name).runs() == [] and not [path for path in _names(store(name)) if path.startswith(run.id)]
    for each in NEIGHBOURS:
        assert _names(store(each)) == before[each]


def test_files_named_by_a_url_are_a_folder(tmp_path: Path) -> None:
    place: Place = opened(f"file://{tmp_path}")
    assert isinstance(place, Folder) and place.root == tmp_path
    assert isinstance(opened(tmp_path), Folder) and opened("memory://one") is opened("memory://one")


def test_a_manifest_cannot_lead_out_of_its_run(tmp_path: Path) -> None:
    run, _ = shelf.fill(tmp_path)
    path = tmp_path / run.id / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "part": "/../../elsewhere"}))
    with pytest.raises(StoreError, match="damaged"):
        RunStore(tmp_path, shipped=tmp_path / "none").get(run.id)
