"""A real server on the real engine, driven by a real browser (Debian's chromium)."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from benchmarks.browser import SETTLED, launch
from benchmarks.session import answers
from core import data
from core.errors import DataError
from core.run import Run
from tests import shelf
from tests.patience import PATIENCE, until

ROOT = Path(__file__).parent.parent.parent
STACKS = Path(__file__).parent / "stacks"
STARTED: list[subprocess.Popen[bytes]] = []
"""The servers of this process."""

expect.set_options(timeout=1000 * PATIENCE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """When a test has failed, the servers say what they are doing, for whoever reads why."""
    report = yield
    if call.when == "call" and report.failed:
        for process in STARTED:
            if process.poll() is None:
                process.send_signal(signal.SIGUSR1)
        time.sleep(1)
    return report


@dataclass
class Server:
    """The app as `make run` starts it, on a store of its own."""

    store: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        options = ["--server.address", "127.0.0.1", "--server.port", str(self.port)]
        environment = {**os.environ, "PRUNELAB_RUNS": str(self.store), "MALLOC_ARENA_MAX": "2", **self.settings}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(STACKS), environment.get("PYTHONPATH")]))
        self.process = subprocess.Popen([*command, *options], cwd=ROOT, env=environment)
        STARTED.append(self.process)
        below = self.settings.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
        health = f"{self.url}/{below}/_stcore/health".replace("//_", "/_")
        until(lambda: answers(health), f"{health} does not answer.")

    def stop(self) -> None:
        """End it as Ctrl+C does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)


@dataclass
class Visitor:
    """A tab, and what went wrong in it."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(1000 * PATIENCE)

    def open(self, path: str) -> Page:
        """Go there and wait until the script has run."""
        self.page.goto(f"{self.url}/{path}")
        return self.settle()

    def settle(self) -> Page:
        """Wait until the script has run and, where there is one, the panel is drawn."""
        self.page.wait_for_selector(SETTLED, state="attached")
        return self.page


@pytest.fixture
def real_data() -> None:
    """Skip where Fashion-MNIST is not installed."""
    try:
        data.check(data.FASHION.id)
    except DataError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shelved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run, Run]:
    root = tmp_path_factory.mktemp("runs")
    return root, *shelf.fill(root)


@pytest.fixture(scope="session")
def server(shelved: tuple[Path, Run, Run]) -> Iterator[Server]:
    server = Server(shelved[0])
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Any]:
    """Open tabs; at the end none may have had a console error or asked another host."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def new(**options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        visitor = Visitor(context.new_page(), server.url)
        # On a deep link the framework itself first probes /<page>/_stcore/... and gets 404.
        visitor.page.on(
            "console",
            lambda m: (
                visitor.errors.append(m.text) if m.type == "error" and "/_stcore/" not in m.location["url"] else None
            ),
        )
        visitor.page.on("pageerror", lambda error: visitor.errors.append(str(error)))
        visitor.page.on(
            "request",
            lambda r: None if r.url.startswith((server.url, "data:", "blob:")) else visitor.foreign.append(r.url),
        )
        contexts.append(context)
        visitors.append(visitor)
        return visitor

    yield new
    for context in contexts:
        context.close()
    for visitor in visitors:
        assert not visitor.errors and not visitor.foreign
