"""A class in a room: sixty pupils guess, their teacher watches and then shows the truth to all.

    python -m benchmarks.room [--pupils 60]

Each has a websocket session of its own on one server, and looks again as often as a browser does: a pupil every 3 s,
the teacher every 2 s. Each pupil sends a guess at some moment of the first `GUESSING` seconds. Timed are a guess until
its answer has arrived, a look of the teacher's, and the time from the teacher's click until a pupil has the truth,
which includes the wait for the pupil's next look.
"""

import argparse
import hashlib
import random
import sys
import threading
import time
from contextlib import ExitStack
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.results import Row, save, spread
from benchmarks.session import Session, serving
from core.evaluation.guess import ASKED
from core.pruning import PruningConfig
from core.store.rooms import GUESSES, Rooms
from core.store.runs import RunStore
from pages.ui.server.services import VISITOR
from pages.ui.view.room import PUPIL, TEACHER

_GUESS, _LOOK, _TRUTH = "a guess", "a look of the teacher's", "until the truth"

GUESSING = 20.0
"""Seconds within which all pupils guess."""


class Class:
    """The sessions of a room, and what they took, in milliseconds."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, list[float]] = {_GUESS: [], _LOOK: [], _TRUTH: []}
        self.shown = threading.Event()
        self.shown_at = 0.0
        self.errors: list[str] = []

    def learn(self, pupil: Session, chance: random.Random) -> None:
        """What a pupil does: open, guess, look again until the truth is there."""
        pupil.open("teach")
        time.sleep(chance.uniform(0, GUESSING))
        guess = [chance.randint(10, 95) for _ in ASKED]
        self.note(_GUESS, pupil, pupil.send("guess", "sent", guess))
        while "truth" not in pupil.widgets:
            time.sleep(PUPIL)
            pupil.look_again()
        self.note(_TRUTH, pupil, time.perf_counter() - self.shown_at)

    def note(self, what: str, visitor: Session, seconds: float) -> None:
        """Add a time, and what went wrong."""
        self.milliseconds[what].append(1000 * seconds)
        self.errors += [*visitor.errors, *visitor.alerts]


def main(pupils: int) -> None:
    """Measure and write the table."""
    met = Class()
    cookies = [f"{VISITOR}={number:032x}" for number in range(pupils + 1)]
    with TemporaryDirectory() as root, ExitStack() as present:
        owner = hashlib.sha256(cookies[0].partition("=")[2].encode()).hexdigest()[:16]
        run = next(run for run in RunStore(root).runs() if run.reference)
        name = Rooms(root).make(run.id, PruningConfig(), owner)
        port, _ = present.enter_context(serving("streamlit_app.py", {"PRUNELAB_RUNS": root}))
        teacher, *others = (present.enter_context(Session(port, f"room={name}", cookie)) for cookie in cookies)
        teacher.open("teach")
        threads = [
            threading.Thread(target=met.learn, args=(pupil, random.Random(number)))
            for number, pupil in enumerate(others)
        ]
        for thread in threads:
            thread.start()
        while len(met.milliseconds[_GUESS]) < pupils:
            time.sleep(TEACHER)
            met.note(_LOOK, teacher, teacher.look_again())
        met.shown_at = time.perf_counter()
        teacher.press("Reveal for all")
        for thread in threads:
            thread.join()
        guesses = len(Rooms(root).guesses(name))
    rows: list[Row] = [
        {
            "what": what,
            "n": len(times),
            "median (ms)": round(float(np.median(times)), 1),
            "95th percentile (ms)": round(float(np.percentile(times, 95)), 1),
        }
        for what, times in met.milliseconds.items()
    ]
    measured = {what: spread(times) for what, times in met.milliseconds.items()}
    save("room", rows, {**measured, "pupils": pupils, "guesses": guesses, "errors": met.errors})
    if met.errors or guesses < pupils:
        sys.exit(f"{guesses} of {pupils} guesses arrived; {len(met.errors)} errors, which are in the file.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pupils", type=int, default=GUESSES)
    main(parser.parse_args().pupils)
