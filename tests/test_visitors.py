"""What visitors bring is forgotten when they leave, and stays when they come back in time."""

import shutil
import time
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path

import pytest
import streamlit as st

from core.store import uploads
from core.store.runs import RunStore
from pages.ui.server import visitors
from tests import shelf
from tests.graphs import exported, trained, write_pictures
from tests.patience import until
from tests.test_brought import brought, zipped


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which ann has brought a network and trained one."""
    root = tmp_path_factory.mktemp("made")
    shelf.train(root / "runs", "ann")
    write_pictures(root / "digits")
    brought(root / "runs", exported(trained(2)), zipped(root / "digits"))
    return root / "runs"


@pytest.fixture
def store(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """The same as the store of a server that keeps no networks."""
    shutil.copytree(made, tmp_path / "runs")
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("core.store.runs.SHIPPED", tmp_path / "none")
    st.cache_resource.clear()
    visitors._here.clear()
    yield RunStore(tmp_path / "runs")
    st.cache_resource.clear()


def names(store: RunStore) -> set[bool]:
    return {run.brought is not None for run in store.runs()}


def held(store: RunStore) -> set[str]:
    return {file.partition("/")[2].partition(".")[0] for file in store.held(uploads.FOLDER)}


def test_a_network_and_its_file_go_with_their_visitor_and_trained_runs_stay(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "GRACE", 0.05)
    ann = visitors.arrived("ann")
    ann.uploads |= held(store)
    assert names(store) == {True, False} and held(store)
    visitors.left(ann)
    until(lambda: names(RunStore(store.where)) == {False}, lambda: "it is still there")
    assert not store.held(uploads.FOLDER) and not store.held("parts")


def test_they_stay_for_a_visitor_who_has_another_tab_or_is_back(store: RunStore) -> None:
    ann = visitors.arrived("ann")
    assert visitors.arrived("ann") is ann
    ann.uploads |= held(store)
    visitors.left(ann)
    visitors.forget(ann)
    assert names(RunStore(store.where)) == {True, False} and held(store)
    bob = visitors.arrived("bob")
    visitors.left(bob)
    visitors.forget(bob)
    assert names(RunStore(store.where)) == {True, False} and held(store)
    visitors.left(ann)
    visitors.forget(ann)
    assert names(RunStore(store.where)) == {False} and not held(store)


def test_a_file_that_another_visitor_has_uploaded_too_stays(store: RunStore) -> None:
    ann, bob = visitors.arrived("ann"), visitors.arrived("bob")
    first, *_ = held(store)
    ann.uploads |= held(store)
    bob.uploads |= {first}
    visitors.left(ann)
    visitors.forget(ann)
    assert held(store) == {first}


@pytest.mark.parametrize("first", ["ann", "bob"])
def test_a_run_that_two_have_brought_goes_with_the_last_of_them(store: RunStore, first: str) -> None:
    run = next(run for run in store.runs() if run.brought)
    here = {name: visitors.arrived(name) for name in ("ann", "bob")}
    for visitor in here.values():
        visitor.runs.add(run.id)  # which is ann's
    one, last = here.pop(first), *here.values()
    visitors.left(one)
    visitors.forget(one)
    assert names(RunStore(store.where)) == {True, False}
    visitors.left(last)
    visitors.forget(last)
    assert names(RunStore(store.where)) == {False}


def test_an_inherited_run_stays_for_its_owner_who_is_back(store: RunStore) -> None:
    run = next(run for run in store.runs() if run.brought)
    ann, bob = visitors.arrived("ann"), visitors.arrived("bob")
    bob.runs.add(run.id)
    visitors.left(ann)
    visitors.forget(ann)
    back = visitors.arrived("ann")
    visitors.left(bob)
    visitors.forget(bob)
    assert back is not ann and names(RunStore(store.where)) == {True, False}
    visitors.left(back)
    visitors.forget(back)
    assert names(RunStore(store.where)) == {False}


def test_what_was_brought_is_forgotten_in_its_own_store_whenever_that_is(
    store: RunStore, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their time to come back is two minutes: by then, a test that runs in the same process has another store."""
    ann = visitors.arrived("ann")
    ann.uploads |= held(store)
    visitors.left(ann)
    shutil.copytree(made, tmp_path / "other")
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path / "other"))
    st.cache_resource.clear()
    visitors.forget(ann)
    other = RunStore(tmp_path / "other")
    assert names(other) == {True, False} and held(other)
    assert names(RunStore(store.where)) == {False} and not held(store)


def test_what_a_killed_server_left_goes_after_a_day(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    visitors.expire()
    assert names(RunStore(store.where)) == {True, False} and store.held(uploads.FOLDER)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Tomorrow":
            return cls.fromtimestamp(time.time() + 100_000, tz)

    monkeypatch.setattr(visitors, "datetime", Tomorrow)
    visitors.arrived("ann")
    visitors.expire()
    assert names(RunStore(store.where)) == {True, False} and not store.held(uploads.FOLDER)
    visitors._here.clear()
    visitors.expire()
    assert names(RunStore(store.where)) == {False}


def test_the_hosts_setting_keeps_them(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNELAB_KEEP_NETWORKS", "on")
    st.cache_resource.clear()
    ann = visitors.arrived("ann")
    visitors.left(ann)
    visitors.forget(ann)
    assert names(RunStore(store.where)) == {True, False}


def test_a_visitor_without_a_cookie_does_not_delete_what_is_anothers(store: RunStore) -> None:
    run = next(run for run in store.runs() if run.brought)
    one, other = visitors.arrived(None), visitors.arrived(None)
    assert one is not other
    one.runs.add(run.id)  # as if they had brought the same
    visitors.left(one)
    visitors.forget(one)
    assert names(RunStore(store.where)) == {True, False}
