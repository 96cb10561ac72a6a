"""What holds for every test: none fails because a machine is slow, torch waits as the engine has it wait; and fixtures
that several files share.
"""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from hypothesis import HealthCheck, settings
from streamlit.testing.v1 import AppTest

import core.engine  # before any test imports torch  # noqa: F401
from core.jobs import cluster
from core.store import runs
from tests import local_s3
from tests.cluster import start
from tests.patience import PATIENCE
from tests.reading import ROUTER

if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and hasattr(os, "sched_setaffinity"):
    # Beside others, each has a processor of its own, and torch as many threads: they would wait for each other.
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[int(worker.removeprefix("gw")) % len(processors)]})

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs go to a scheduler that is not there: its machine refuses at once, so nobody waits long for an answer."""
    monkeypatch.setenv(cluster.VARIABLE, "tcp://127.0.0.1:1")
    monkeypatch.setattr(cluster, "_PATIENCE", 0.1)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket of a server on loopback."""
    with local_s3.served("lab"):
        yield "s3://lab"


@pytest.fixture(params=["folder", "memory", "s3"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A place where nothing is yet."""
    if request.param == "folder":
        return tmp_path / "runs"
    base: str = request.getfixturevalue("s3") if request.param == "s3" else "memory:/"
    return f"{base}/{uuid.uuid4().hex}"


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repair fits each layer to few places of the images, to save time."""
    monkeypatch.setattr("core.engine.least_squares.LEAST_ROWS", 2_000)
    monkeypatch.setattr("core.engine.least_squares.ROWS", 10)


@pytest.fixture
def app_on(tmp_path: Path, no_scheduler: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], AppTest]]:
    """The app on a store, with nothing that ships; its jobs go to a scheduler that is not there."""
    monkeypatch.setattr(runs, "SHIPPED", tmp_path / "nothing ships")
    st.cache_resource.clear()

    def opened(root: Path) -> AppTest:
        monkeypatch.setenv("PRUNELAB_RUNS", str(root))
        return AppTest.from_file(ROUTER, default_timeout=PATIENCE)

    yield opened
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler that is not ours, without workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    scheduler = start("dask.__main__", "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    yield f"tcp://127.0.0.1:{port}"
    scheduler.terminate()
    scheduler.wait()
