"""What compose.yaml describes, as processes on loopback: a scheduler, two workers and two app servers on one store.

Each service is begun by its own command from that file; a host's name and port are put in place of the container's.
With compose.s3.yaml the store is a bucket of an S3 server on loopback.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import yaml
from distributed import Client, Security
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.store.runs import RunStore
from tests import local_s3
from tests.browser.conftest import ROOT, Server, Visitor
from tests.browser.steps import choose
from tests.patience import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("real_data")]

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
ON_BUCKET = yaml.safe_load((ROOT / "compose.s3.yaml").read_text())["services"]


@dataclass
class Cluster:
    """The services of compose.yaml. `bucket` holds what a host sets for a store on a bucket."""

    store: Path | str
    port: int
    keys: Path
    bucket: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """That of the services: what the host sets, else compose's own defaults."""
        written = SERVICES["app"]["environment"] | (ON_BUCKET["app"]["environment"] if self.bucket else {})
        plain = {name: re.sub(r"\$\{(\w+):[-?](.*)\}", self._value, value) for name, value in written.items()}
        return {"PRUNELAB_RUNS": str(self.store), **{name: self._here(value) for name, value in plain.items()}}

    def _here(self, text: str) -> str:
        """What a service is told, for processes on loopback."""
        return text.replace("scheduler:8786", f"127.0.0.1:{self.port}").replace("/keys/", f"{self.keys}/")

    def _value(self, found: re.Match[str]) -> str:
        return self.bucket.get(found[1], found[2])

    def start(self, service: str) -> subprocess.Popen[bytes]:
        """Begin a service by its command."""
        put = {"dask": [sys.executable, "-m", "dask"], "tls://scheduler": ["tls://127.0.0.1"], "8786": [str(self.port)]}
        command = [new for part in SERVICES[service]["command"] for new in put.get(part, [self._here(part)])]
        environment = {**os.environ, **self.environment}
        self.running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL))
        return self.running[-1]

    def server(self) -> Server:
        """One more app server."""
        server = Server(Path(self.store), settings=self.environment)
        server.start()
        return server


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    """An empty bucket and what names it."""
    with local_s3.served("school") as named:
        yield {"PRUNELAB_RUNS": "s3://school/runs", **named}


@pytest.fixture
def cluster(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bucket = request.getfixturevalue("bucket") if getattr(request, "param", "folder") == "bucket" else {}
    keys = tmp_path / "keys"
    keys.mkdir()
    made = Cluster(bucket.get("PRUNELAB_RUNS", tmp_path / "runs"), port, keys, bucket)
    assert made.start("key").wait(PATIENCE) == 0
    made.running.clear()
    made.start("scheduler")
    for _ in range(2):
        made.start("worker")
    yield made
    for process in made.running:
        for child in (*psutil.Process(process.pid).children(recursive=True), process) if process.poll() is None else ():
            child.kill()
        process.wait()


@pytest.fixture
def contexts(browser: Browser) -> Iterator[list[BrowserContext]]:
    made: list[BrowserContext] = []
    yield made
    for context in made:
        context.close()


def at(server: Server, browser: Browser, contexts: list[BrowserContext], path: str) -> Page:
    """A visitor of one server."""
    contexts.append(browser.new_context(viewport={"width": 1400, "height": 900}))
    return Visitor(contexts[-1].new_page(), server.url).open(path)


LONG = 60
"""Epochs of a training that is still under way when everybody has seen it, on a fast machine too."""


def train(page: Page, seed: int, epochs: int) -> None:
    """Have LeNet trained."""
    choose(page, seed=seed, epochs=epochs)
    page.get_by_role("button", name="Train", exact=True).click()


def ask(page: Page, seed: int, epochs: int) -> None:
    """Have LeNet trained, and wait until that is under way."""
    train(page, seed, epochs)
    expect(page.get_by_text(re.compile(r"images/s"))).to_be_visible()


@pytest.mark.parametrize("cluster", ["folder", "bucket"], indirect=True)
def test_two_servers_and_two_workers_share_trainings_and_runs(
    cluster: Cluster, browser: Browser, contexts: list[BrowserContext]
) -> None:
    servers = [cluster.server(), cluster.server()]
    try:
        one, two = (at(server, browser, contexts, "train") for server in servers)
        ask(one, seed=10, epochs=LONG)
        two.reload()
        expect(two.get_by_text(re.compile(r"images/s"))).to_be_visible()  # followed on the other server
        one.get_by_role("button", name="Stop").click()
        for page in (one, two):
            expect(page.get_by_text(re.compile(r"images/s"))).to_have_count(0)
        one.reload()
        train(one, seed=11, epochs=1)
        expect(one.get_by_text("This run is trained")).to_be_visible()
        run = next(run for run in RunStore(cluster.store).runs() if run.trained.seed == 11)
        page = at(servers[1], browser, contexts, f"prune?run={run.id}&sparsity=90")
        expect(page.locator("output")).to_contain_text("90\u00a0%, 39,771 of 44,190 weights")
    finally:
        for server in servers:
            server.stop()


def test_who_has_no_key_is_turned_away(cluster: Cluster) -> None:
    with pytest.raises(OSError, match=r"timed out|Connection refused|closed|reset"):
        Client(f"tcp://127.0.0.1:{cluster.port}", timeout=5)
    stranger = Security(require_encryption=True, tls_ca_file=str(cluster.keys / "cert.pem"))
    with pytest.raises((OSError, TypeError)):
        Client(f"tls://127.0.0.1:{cluster.port}", security=stranger, timeout=5)


def test_a_server_that_is_killed_loses_nothing_and_finds_its_job_again(
    cluster: Cluster, browser: Browser, contexts: list[BrowserContext]
) -> None:
    server = cluster.server()
    page = at(server, browser, contexts, "train")
    ask(page, seed=12, epochs=15)
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    server.start()  # on the same port, as a supervisor does
    page.reload()
    expect(page.get_by_text(re.compile(r"images/s"))).to_be_visible()
    expect(page.get_by_role("region", name="All runs").get_by_text("seed 12")).to_be_visible()
    server.stop()


def test_a_worker_that_is_killed_is_replaced_and_the_training_goes_on(
    cluster: Cluster, browser: Browser, contexts: list[BrowserContext]
) -> None:
    server = cluster.server()
    page = at(server, browser, contexts, "train")
    ask(page, seed=13, epochs=10)
    workers = [child for process in cluster.running[1:] for child in psutil.Process(process.pid).children()]
    busy = max(workers, key=lambda worker: sum(worker.cpu_times()[:2]))
    busy.send_signal(signal.SIGKILL)
    expect(page.get_by_text("A worker was lost; the job has been started again.")).to_be_visible()
    expect(page.get_by_text("This run is trained")).to_be_visible()
    server.stop()


def test_a_scheduler_that_is_killed_is_named_and_found_again(
    cluster: Cluster, browser: Browser, contexts: list[BrowserContext]
) -> None:
    server = cluster.server()
    page = at(server, browser, contexts, "train")
    ask(page, seed=14, epochs=LONG)
    cluster.running[0].kill()
    expect(page.get_by_text(re.compile("connection to the scheduler|does not answer")).first).to_be_visible()
    cluster.start("scheduler")
    cluster.start("worker")
    deadline = time.monotonic() + PATIENCE
    while True:  # as the sentence says: ask again
        page = at(server, browser, contexts, "train")
        train(page, seed=15, epochs=1)
        try:
            expect(page.get_by_text("This run is trained")).to_be_visible()
            break
        except AssertionError:
            assert time.monotonic() < deadline
    server.stop()
