"""What a host sets, and what the server tells and keeps to itself."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from core.run import Run
from pages.ui.view.site import PAGES
from tests.browser.conftest import ROOT, Server, Visitor
from tests.browser.steps import LENET, asked
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.browser


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers with settings of their own."""
    started: list[Server] = []

    def start(store: Path = tmp_path, **settings: str) -> Server:
        server = Server(store, settings=settings)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


def test_every_answer_has_the_headers_and_metrics_are_closed(server: Server) -> None:
    for path in ("", "ready", "panel.json", "_stcore/health", "nowhere.js"):
        _, headers, _ = asked(f"{server.url}/{path}")
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy and "http" not in policy and "unsafe-eval" not in policy
    assert asked(f"{server.url}/_stcore/metrics")[0] == 404


def test_readiness_knows_store_data_and_engine(hosted: Any, tmp_path: Path) -> None:
    server = hosted()
    status, headers, content = asked(f"{server.url}/ready")
    assert (status, json.loads(content)) == (200, {"store": None, "data": None, "engine": None})
    assert headers["cache-control"] == "no-store"
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    elsewhere = hosted(blocked / "store", PRUNELAB_DATA=str(tmp_path), DASK_SCHEDULER_ADDRESS="tcp://127.0.0.1:1")
    until(lambda: json.loads(asked(f"{elsewhere.url}/ready")[2])["engine"])  # it tries for some seconds
    status, _, content = asked(f"{elsewhere.url}/ready")
    said = json.loads(content)
    assert status == 503 and "PRUNELAB_RUNS" in said["store"] and "127.0.0.1:1" in said["engine"] and said["data"]
    assert asked(f"{elsewhere.url}/_stcore/health")[0] == 200


def test_a_host_may_open_metrics_and_allow_frames(hosted: Any) -> None:
    server = hosted(PRUNELAB_METRICS="on", PRUNELAB_FRAME_ANCESTORS="'self' https://school.example")
    status, headers, content = asked(f"{server.url}/_stcore/metrics")
    assert status == 200 and "session" in content
    assert headers["content-security-policy"].endswith("frame-ancestors 'self' https://school.example")


def test_below_a_path_of_the_host_everything_is_found(
    hosted: Any, browser: Browser, shelved: tuple[Path, Run, Run]
) -> None:
    server = hosted(shelved[0], STREAMLIT_SERVER_BASE_URL_PATH="lab/prune")
    page = browser.new_page()
    wrong: list[str] = []
    page.on("response", lambda r: wrong.append(r.url) if r.status >= 400 and "/_stcore/" not in r.url else None)
    Visitor(page, f"{server.url}/lab/prune").open(f"prune?run={shelved[1].id}&sparsity=90")
    expect(page.locator(".live-panel[data-drawn]")).to_be_attached()
    assert not wrong and asked(f"{server.url}/lab/prune/ready")[0] == 200
    for unknown in ("lab/prune/x", "lab/prune/prune/x", "elsewhere", ""):
        status, _, content = asked(f"{server.url}/{unknown}")
        assert status == 404 and all(f'href="/lab/prune/{page.name}"' in content for page in PAGES)
    page.close()


def test_where_nothing_is_trained_the_rest_answers(hosted: Any, browser: Browser) -> None:
    server = hosted(PRUNELAB_TRAINING="off")
    page = browser.new_page()
    visitor = Visitor(page, server.url)
    visitor.open("train")
    expect(page.get_by_text("Training is switched off on this server.")).to_be_visible()
    expect(page.get_by_role("button", name="Train", exact=True)).to_have_count(0)
    visitor.open("study?part=The+claim%2C+audited")
    expect(page.get_by_role("button", name="Compute everything again")).to_have_count(0)
    visitor.open(f"prune?run={LENET}&sparsity=33.3")
    expect(page.locator(".live-panel output")).to_contain_text("33.3")  # evaluated here
    page.close()


def test_a_wrong_setting_ends_the_start_with_what_would_be_right() -> None:
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", "0"]
    environment = {**os.environ, "PRUNELAB_QUEUE": "many"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode != 0
    assert "PRUNELAB_QUEUE is 'many'; it must be a whole number of jobs from 1 to 1,000." in done.stdout + done.stderr
