"""How small can it get? All runs of a data set at all their stops: bytes of the whole file against accuracy."""

import json
import time
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import streamlit as st

from core import data, figures
from core.cost import frontier
from core.cost.frontier import BUDGETS, PUBLISHED, SOURCE, Landmark, Line, Point
from core.cost.ledger import Ledger, Weighing
from core.errors import StoreError
from core.evaluation.profile import Profiling
from core.job import Job
from core.jobs import JobState
from core.pruning import PruningConfig
from core.run import Run
from core.store.results import Results
from core.study import csv_of
from core.words import repair, wording
from pages.ui.components.points import points as clickable
from pages.ui.components.table import Action, Row, TableCell, table
from pages.ui.server.services import engine, results, store
from pages.ui.view import address, picker, rounds
from pages.ui.view.address import View
from pages.ui.view.downloads import offer_numbers
from pages.ui.view.lookup import Stops
from pages.ui.view.say import as_written
from pages.ui.view.watching import ask_all, in_words, queued, say_failures
from pages.ui.view.words import meanings

MOST = 20
"""Runs in the figure, the newest ones; the run in view is always among them."""

COLUMNS = ("At most", "Accuracy", "95 % interval", "Images", "Bytes", "Network", "Sparsity")


def show(view: View, stops: Stops, ledger: Ledger) -> None:
    """The figure with the view's own point marked, the best networks within some budgets, and what is not there yet."""
    st.header("How small can it get?")
    shown, left_out = runs(view)
    known = {run.id: line(run, pruned(run, view)) for run in shown}
    lines = [found for found in known.values() if found is not None]
    if lines:
        show_lines(view, stops, ledger, lines, left_out)
    offer([job for run in shown if known[run.id] is None for job in jobs(run, pruned(run, view))], len(shown))


def runs(view: View) -> tuple[list[Run], int]:
    """The runs on the data set of the view's run, the oldest first so that colours stay, and how many are left out."""
    alike = [run for run in store().runs() if run.data_set == view.run.data_set]
    first = [run for run in alike if run.id == view.run.id or run.reference]
    newest = [*first, *(run for run in alike if run not in first)][:MOST]
    return sorted(newest, key=lambda run: (not run.reference, run.created, run.id)), len(alike) - len(newest)


def pruned(run: Run, view: View) -> PruningConfig:
    """A run pruned as the view's run is."""
    return run.pruned(criterion=view.pruning.criterion, scope=view.pruning.scope, repair=view.pruning.repair)


def line(run: Run, pruning: PruningConfig) -> Line | None:
    """The points of a run, read once; None if its answers or its bytes are not there yet."""
    weights = store().digest(run.id)
    written = store().state(Weighing(run_id=run.id, pruning=pruning).file(weights))
    try:
        return _line(results(), run.id, pruning, picker.name(run), (weights, written))
    except StoreError:
        return None


@lru_cache(maxsize=256)
def _line(results: Results, run_id: str, pruning: PruningConfig, title: str, state: object) -> Line:
    """The same for as long as weights and ledger are in this `state`; raises StoreError, which is not kept."""
    profile = results.runs.profile(run_id, pruning)
    ledger = results.get(Weighing(run_id=run_id, pruning=pruning))
    if profile is None or ledger is None:
        raise StoreError("This has not been computed yet.")
    return frontier.line(run_id, title, profile, ledger, results.runs.labels(run_id))


def landmarks(view: View) -> tuple[Landmark, ...]:
    """The published networks of the view's data set."""
    return PUBLISHED if view.run.data_set == data.FASHION.id else ()


def show_lines(view: View, stops: Stops, ledger: Ledger, lines: Sequence[Line], left_out: int) -> None:
    """The figure, how it is read, and the best within each budget."""
    names = {line.run: line.title for line in lines}
    points = {point.name: point for line in lines for point in line.points}
    best = {budget: frontier.at_most([*points.values()], budget) for budget in BUDGETS}
    if most := best[BUDGETS[-1]]:
        st.markdown(f"**The best within {_budget(BUDGETS[-1])} is {as_written(names[most.run])}, {_in_words(most)}.**")
    here = frontier.at(view.run.id, stops.profile, ledger, stops.row, store().labels(view.run.id))
    clickable(
        _figure(tuple(lines), landmarks(view)),
        figures.place(here),
        title="Accuracy over the bytes of the whole network",
        key="frontier points",
        on_pick=partial(_open, points),
    )
    st.markdown(f"In view: {as_written(picker.name(view.run))}, {_in_words(here)}. Click a point to open its network.")
    rows = [_row(budget, found, names) for budget, found in best.items()]
    table("Best within a budget", COLUMNS, rows, key="budgets", on_action=lambda name, _: _open(points, name))
    st.caption(_explained(view, left_out), help=meanings("Pareto line", "Compact encoding", "95 % interval"))
    offer_numbers("frontier", partial(to_csv, lines))


def _open(points: dict[str, Point], name: str) -> None:
    """Move the view to a point, from a callback. A point that does not exist is ignored."""
    if name in points:
        address.change(run=points[name].run, sparsity=address.percentage(points[name].sparsity))


@lru_cache(maxsize=16)
def _figure(lines: tuple[Line, ...], landmarks: tuple[Landmark, ...]) -> str:
    """As JSON, the same for everyone."""
    return json.dumps(figures.frontier(lines, landmarks).to_json(), separators=(",", ":"))


def _explained(view: View, left_out: int) -> str:
    """How the figure is read."""
    n, pruning = wording.count(view.run.images), view.pruning
    way = f"{pruning.ranks_by.title}, {pruning.within.title}{repair.after(pruning.repair)}"
    published = (
        f" Grey diamonds: networks in the [table of the data set]({SOURCE}) that state their number of parameters, "
        "four bytes each; their accuracies were sent in by others and, as the table says, not tested."
    )
    fewer = f" Not shown: {wording.counted(left_out, 'older run')}." if left_out else ""
    return (
        f"Each point is a run at one stop of the slider, pruned by {as_written(way)}. Further left is smaller, further "
        "up is more accurate. No other network is as small and as accurate as one on the Pareto line. Bytes are those "
        "of the whole file: weights, biases, normalisation and head, really written in the compact encoding and read "
        "again. Sparsity is the slider's: a network that was made small while it was trained has its zeros before. "
        "Open squares: the networks before pruning as float32, four bytes for each number."
        f"{published if landmarks(view) else ''} Accuracy is that of {n} test images, its bars are 95 % intervals "
        "(Wilson), and its axis gives more room to high values. The best of many networks on the same test images is a "
        f"little flattered: on new images it is probably a little less accurate.{fewer}"
    )


def _budget(size: int) -> str:
    return f"{size // 1000}{wording.NBSP}kB"


def _in_words(point: Point) -> str:
    """Its sparsity, bytes and accuracy."""
    a, n = point.accuracy, wording.count(point.accuracy.n)
    return (
        f"pruned to {wording.sparsity(point.sparsity)}: {wording.size(point.bytes)}, {wording.percent(a.value)} of {n} "
        f"test images, {wording.unbroken(wording.spread(a))}"
    )


def _row(budget: int, best: Point | None, names: dict[str, str]) -> Row:
    """The best network within a budget, with a button that opens it."""
    first = TableCell(_budget(budget), f"{budget:09}")
    if best is None:
        return Row(str(budget), [first, TableCell("none", 0.0), *[TableCell("", 0.0)] * 5])
    a, opens = best.accuracy, f"Open {names[best.run]} at {wording.sparsity(best.sparsity)}"
    cells = [
        first,
        TableCell(wording.percent(a.value), a.value),
        TableCell(wording.percents(a.low, a.high), a.low),
        TableCell(wording.count(a.n), a.n),
        TableCell(wording.count(best.bytes), best.bytes),
        TableCell.text(names[best.run]),
        TableCell(wording.sparsity(best.sparsity), best.sparsity),
    ]
    return Row(str(budget), cells, [Action(best.name, "Open", opens)])


def to_csv(lines: Sequence[Line]) -> str:
    """One row for each point."""
    rows: list[Any] = [("run", "network", "sparsity", "weights zero", "bytes", "right", "images", "on Pareto line")]
    best = {point.name for point in frontier.pareto(point for line in lines for point in line.points)}
    for line in lines:
        for p in line.points:
            counts = (str(p.k), str(p.bytes), str(p.accuracy.right), str(p.accuracy.n))
            rows.append((p.run, line.title, f"{p.sparsity:.10g}", *counts, "yes" if p.name in best else "no"))
    return csv_of(rows)


# --- what is not there yet --------------------------------------------------------------------------------------


def jobs(run: Run, pruning: PruningConfig) -> list[Job[Any]]:
    """What a run's line is made of and is not there yet."""
    wanted = (Profiling(run_id=run.id, pruning=pruning), Weighing(run_id=run.id, pruning=pruning))
    return [job for job in wanted if not results().has(job)]


def offer(missing: Sequence[Job[Any]], of: int) -> None:
    """A button that asks for these jobs; their progress while they wait or run, and why one failed."""
    if not missing:
        return
    states, runs = _states(missing), len({job.subject for job in missing})
    if any(state.active for state in states):
        began = st.session_state.setdefault("frontier began", (time.monotonic(), rounds.to_do(len(missing), states)))
        _follow(missing, began)
        return
    st.session_state.pop("frontier began", None)
    say_failures(states)
    st.markdown(
        f"{wording.count(runs)} of {wording.counted(of, 'run')} on this data set have not been measured in this way. "
        "Each is evaluated and written at every stop, once for everyone. This takes a minute for a small network, "
        "and much longer for a large one."
    )
    button = f"Measure {wording.counted(runs, 'run')}"
    if st.button(button, icon=":material/science:", key="ask frontier") and ask_all(missing):
        st.rerun()


def _states(jobs: Sequence[Job[Any]]) -> list[JobState]:
    return [state for job in jobs if (state := engine().state(job.id)) is not None]


@st.fragment(run_every=1)
def _follow(missing: Sequence[Job[Any]], began: tuple[float, float]) -> None:
    """How many jobs are done, the time left or the place in the queue, and a button to stop.

    `began` is when this visitor began to watch, and how many were to do then.
    """
    left = [job for job in missing if not results().has(job)]
    states = _states(left)
    active = [state for state in states if state.active]
    if len(left) < len(missing) or not active:
        st.rerun()
    running = [state.progress for state in active if state.status == "running" and state.progress]
    rest = rounds.to_do(len(left), states)
    time_left = rounds.time_left(time.monotonic() - began[0], began[1], rest)
    now = in_words(running[0]) if running else queued(min(state.ahead for state in active))
    with st.container(border=True):
        st.progress(1 - min(rest / began[1], 1.0), f"{wording.counted(len(left), 'job')} to do{time_left}. {now}")
        st.button(
            "Stop", icon=":material/stop:", on_click=engine().withdraw, args=(left,), key="stop frontier",
            help="Stops them for everyone. What is measured is kept.",
        )  # fmt: skip
