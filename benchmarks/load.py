"""Visitors at once, each over a websocket session of its own: how long an event takes, what the server's memory does.

    python -m benchmarks.load [--visitors 50] [--minutes 10] [--training]

Each visitor opens a link to some page, run and stop, then again and again moves the exact field, changes the page or
opens another link, with some seconds of thinking between. An event lasts until the script that it caused has finished
and all its new elements have arrived. What the server shows as an error counts as one. With `--training` the same
again while LeNet is trained over and over. At the end all leave, and the server's memory is compared with the start,
as are its threads, file handles and files: half an hour (`--minutes 30`) is a soak.

How long an event takes depends on what else the machine does; the processor's time that the server's own process has
spent on it does so far less, and is what two machines, or two versions, are compared by: of all visitors together, and
page by page of one visitor on the run that is seen first, before the others come.
"""

import argparse
import os
import random
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from benchmarks.results import Row, save
from benchmarks.session import EXACT, Session, serving
from core.config import RunConfig
from core.jobs import Engine
from core.networks import NETWORKS
from core.run import Training
from core.store.runs import RunStore
from pages.ui.view.address import default_run

PAGES = ("", "prune", "images", "storage", "study", "teach")
SPARSITIES = ("0", "0.01", "0.5", "1", "10", "50", "75", "90", "95", "99")
THINKING = (2.0, 6.0)
"""Seconds between two events of a visitor, from and to."""

EVENTS = 25
"""Of one visitor alone on each page, whose processor time is measured."""

SOAK = 30
"""Minutes from which on the results are those of a soak."""

LEAVING = 35
"""Seconds after the last visitor has left until memory is read: a session is kept for a reconnect for 20, and every 30
the server gives back what it does not need."""


@dataclass
class Tally:
    """What happened to all visitors together."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {"exact field": [], "page": [], "link": []})
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, seconds: float, shown: Sequence[str]) -> None:
        """Note one event and the errors that the page showed."""
        with self.lock:
            self.milliseconds[kind].append(1000 * seconds)
            self.errors.extend(shown)


def visit(port: int, number: int, until: float, runs: Sequence[str], tally: Tally) -> None:
    """One visitor, until the time is over."""
    chance = random.Random(number)
    time.sleep(chance.uniform(0, THINKING[1]))
    session = _arrive(port, chance, runs, tally)
    try:
        while time.monotonic() < until:
            time.sleep(chance.uniform(*THINKING))
            kind = chance.choices(("exact field", "page", "link"), (6, 3, 1))[0]
            if kind == "link":
                session.close()
                session = _arrive(port, chance, runs, tally)
            elif kind == "exact field" and EXACT in session.widgets:
                seconds = session.set(EXACT, string_value=chance.choice(SPARSITIES))
                tally.add(kind, seconds, session.errors)
            else:
                tally.add("page", session.open(chance.choice(PAGES)), session.errors)
    except Exception as error:  # a visitor who is thrown out is an error, and the others go on
        tally.add("page", 0.0, [f"{type(error).__name__}: {error}"])
    finally:
        session.close()


def _arrive(port: int, chance: random.Random, runs: Sequence[str], tally: Tally) -> Session:
    """Open a link: a page with a run and a stop."""
    session = Session(port, f"run={chance.choice(runs)}&sparsity={chance.choice(SPARSITIES)}")
    tally.add("link", session.open(chance.choice(PAGES)), session.errors)
    return session


def spent(server: psutil.Process) -> float:
    """Milliseconds of a processor that the server's own process has taken so far; its workers are others."""
    times = server.cpu_times()
    return float(1000 * (times.user + times.system))


def page_by_page(port: int, server: psutil.Process, run: str) -> dict[str, float]:
    """Milliseconds of a processor for an event of one visitor on each page: another stop where there are any."""
    found = {}
    for page in PAGES:
        with Session(port, f"run={run}&sparsity={SPARSITIES[0]}") as session:
            session.open(page)
            begun = spent(server)
            for number in range(EVENTS):
                if EXACT in session.widgets:
                    session.set(EXACT, string_value=SPARSITIES[number % len(SPARSITIES)])
                else:
                    session.open(page)
            found[page or "overview"] = round((spent(server) - begun) / EVENTS, 1)
    return found


def measure(visitors: int, minutes: float, training: bool, store: Path) -> tuple[list[Row], dict[str, Any]]:
    """A server of its own with so many visitors; a row for each kind of event."""
    kept = RunStore(store)
    runs, usual = [run.id for run in kept.runs()], default_run(kept)
    assert usual is not None
    tally = Tally()
    environment = {"PRUNELAB_RUNS": str(store), "MALLOC_ARENA_MAX": "2", "PRUNELAB_VISITORS": str(visitors + 10)}
    with serving("streamlit_app.py", environment) as (port, process):
        server = psutil.Process(process.pid)
        for run in runs:  # what a server keeps of each run, for all visitors, is not a visitor's
            with Session(port, f"run={run}") as first:
                for page in PAGES:
                    first.open(page)
        alone = page_by_page(port, server, usual.id)
        time.sleep(LEAVING)
        start, most, before = server.memory_info().rss, 0, holds(server, store)
        begun, until = spent(server), time.monotonic() + 60 * minutes
        busy = threading.Thread(target=_train, args=(store, until), daemon=True)
        if training:
            busy.start()
        threads = [
            threading.Thread(target=visit, args=(port, number, until, runs, tally), daemon=True)
            for number in range(visitors)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(1)
            most = max(most, server.memory_info().rss)
        taken, length = spent(server) - begun, time.monotonic() - until + 60 * minutes
        if training:
            busy.join()
        time.sleep(LEAVING)
        with Session(port) as last:  # sessions are cleared away when the next visitor comes
            last.open()
        time.sleep(LEAVING)
        after, left = server.memory_info().rss, holds(server, store)
    everything = [value for values in tally.milliseconds.values() for value in values]
    rows: list[Row] = [
        {
            "training": "yes" if training else "no",
            "event": kind,
            "n": len(values),
            "median (ms)": round(float(np.median(values)), 1),
            "95th percentile (ms)": round(float(np.percentile(values, 95)), 1),
            "largest (ms)": round(max(values), 1),
        }
        for kind, values in {**tally.milliseconds, "all": everything}.items()
    ]
    memory = {
        "visitors": visitors,
        "minutes": minutes,
        "processor ms an event": round(taken / len(everything), 1),
        "processor ms an event, one visitor": alone,
        "share of a core": round(taken / length / 1000, 3),
        "errors": tally.errors,
        "MB before": round(start / 1e6, 1),
        "MB at most": round(most / 1e6, 1),
        "MB per visitor": round((most - start) / 1e6 / visitors, 2),
        "MB after they left": round(after / 1e6, 1),
        "after against before": round(after / start, 3),
        "held before": before,
        "held after": left,
    }
    return rows, memory


def holds(server: psutil.Process, store: Path) -> dict[str, int]:
    """What a server could leak besides memory."""
    files = sum(len(names) for _, _, names in os.walk(store))
    return {"threads": server.num_threads(), "file handles": server.num_fds(), "files of the store": files}


def _train(store: Path, until: float) -> None:
    """Keep an engine of its own busy with LeNet, one seed after the other."""
    engine, seed = Engine(store), 1000
    try:
        while time.monotonic() < until:
            job = engine.submit(
                Training(config=RunConfig(network="lenet", training=NETWORKS["lenet"].recipes["report"], seed=seed))
            )
            while (state := engine.state(job)) and state.active and time.monotonic() < until:
                time.sleep(0.5)
            engine.cancel(job)
            seed += 1
    finally:
        engine.close()


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--training", action="store_true", help="the same again while a network is trained")
    chosen = parser.parse_args()
    rows, measured = list[Row](), {}
    for training in (False, True) if chosen.training else (False,):
        with TemporaryDirectory() as store:
            found, memory = measure(chosen.visitors, chosen.minutes, training, Path(store))
        rows += found
        measured["while training" if training else "idle"] = memory
        print({name: value if name != "errors" else len(value) for name, value in memory.items()})
    save("soak" if chosen.minutes >= SOAK else "load", rows, measured)
    if errors := sum(len(memory["errors"]) for memory in measured.values()):
        sys.exit(f"Visitors met {errors} errors, which are in the file.")


if __name__ == "__main__":
    main()
