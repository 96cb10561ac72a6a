"""What visitors bring is forgotten when they leave, and stays when they come back in time."""

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


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """The store of a server that keeps no networks, on which ann has brought one and trained one."""
    monkeypatch.setenv("PRUNELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("core.store.runs.SHIPPED", tmp_path / "none")
    st.cache_resource.clear()
    visitors._sessions.clear()
    shelf.train(tmp_path / "runs", "ann")
    write_pictures(tmp_path / "digits")
    brought(tmp_path / "runs", exported(trained(2)), zipped(tmp_path / "digits"))
    yield RunStore(tmp_path / "runs")
    st.cache_resource.clear()


def names(store: RunStore) -> set[bool]:
    return {run.brought is not None for run in store.runs()}


def test_a_network_and_its_file_go_with_their_visitor_and_trained_runs_stay(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "GRACE", 0.05)
    held = visitors._Held("ann")
    held.uploads |= {file.partition("/")[2].partition(".")[0] for file in store.held(uploads.FOLDER)}
    assert names(store) == {True, False} and store.held(uploads.FOLDER)
    held.release()
    until(lambda: names(RunStore(store.where)) == {False}, lambda: "it is still there")
    assert not store.held(uploads.FOLDER) and not store.held("parts")


def test_they_stay_for_a_visitor_who_has_another_tab_or_is_back(store: RunStore) -> None:
    first, second = visitors._Held("ann"), visitors._Held("ann")
    first.release()
    first.forget()
    assert names(RunStore(store.where)) == {True, False}
    second.release()
    visitors._Held("bob").forget()
    assert names(RunStore(store.where)) == {True, False}
    second.forget()
    assert names(RunStore(store.where)) == {False}


def test_what_a_killed_server_left_goes_after_a_day(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    visitors.expire()
    assert names(RunStore(store.where)) == {True, False} and store.held(uploads.FOLDER)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Tomorrow":
            return cls.fromtimestamp(time.time() + 100_000, tz)

    monkeypatch.setattr(visitors, "datetime", Tomorrow)
    here = visitors._Held("ann")
    visitors.expire()
    assert names(RunStore(store.where)) == {True, False} and not store.held(uploads.FOLDER)
    with visitors._lock:
        visitors._sessions.clear()
    visitors.expire()
    assert names(RunStore(store.where)) == {False} and here.visitor == "ann"


def test_the_hosts_setting_keeps_them(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNELAB_KEEP_NETWORKS", "on")
    st.cache_resource.clear()
    held = visitors._Held("ann")
    with visitors._lock:
        visitors._sessions["ann"] = 0
    held.forget()
    assert names(RunStore(store.where)) == {True, False}


def test_without_a_cookie_a_session_forgets_what_it_brought_itself(store: RunStore) -> None:
    run = next(run for run in store.runs() if run.brought)
    other, mine = visitors._Held(None), visitors._Held(None)
    mine.runs.add(run.id)
    other.forget()
    assert names(RunStore(store.where)) == {True, False}
    mine.forget()  # it belongs to ann, and is not deleted by somebody else
    assert names(RunStore(store.where)) == {True, False}
