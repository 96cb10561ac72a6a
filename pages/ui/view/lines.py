"""Lines of a study on its page: figure, table, files, and the cells that are still to be computed."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from core import study
from core.jobs import JobState
from core.study import Band, Line
from core.study.cells import Cell
from core.words import wording
from pages.ui.components.chart import Draw, chart
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server.services import engine, results
from pages.ui.view.downloads import offer_files
from pages.ui.view.watching import ask_all, say_failures
from pages.ui.view.words import meanings


def sum_up(lines: Sequence[Line]) -> list[Band]:
    """Bands over the computed cells; lines without any are left out."""
    known = [(line.name, [c for cell in line.cells if (c := results().get(cell))]) for line in lines]
    return [study.band(name, curves) for name, curves in known if curves]


def counted(groups: Mapping[str, Sequence[Band]]) -> str:
    """How many networks the lines are of, in words."""
    counts = [bands[0].n for bands in groups.values()]
    return f"{wording.listed([*map(str, dict.fromkeys(counts))])} network{'s' if max(counts) > 1 else ''} each"


def noted(figure: Draw, name: str, alt: str, note: str, *terms: str) -> None:
    """A figure, with what is to be known about it and the meanings of its terms."""
    chart(figure, name, alt)
    st.caption(note, help=meanings(*terms))


def show_table(what: str, groups: Mapping[str, Sequence[Band]], names: Mapping[str, str], at: Sequence[float]) -> None:
    """Means over sparsities with their spread, the difference from the group's first line, and operating points.

    `groups` are lines by the name of their network; the name is shown only if there are several.
    """
    bands = [band for group in groups.values() for band in group]
    columns = [what, "Networks", f"Mean {study.span(bands[0])}", "Difference from the first"]
    columns += [f"At {wording.sparsity(s)}" for s in at]
    columns += [f"Speed-up at {wording.sparsity(at[-1])}"]
    titles = {group: f"{group}: " if len(groups) > 1 else "" for group in groups}
    rows = [_row(line, lines[0], titles[group], names, at) for group, lines in groups.items() for line in lines]
    terms = ("Mean over sparsities", "Percentage points", "Seed")
    table("Areas and operating points", columns, rows, key="areas", terms=terms)
    st.caption(
        "The mean over sparsities is the area under the curve divided by its width, ± the standard deviation over "
        f"networks. Its difference{' from the first line of the same network' if len(groups) > 1 else ''} is paired "
        "network by network, with a 95 % interval (Student). At sparsity s the network has 1 / (1 − s) times fewer "
        "weights. The speed-up is theoretical: it counts multiplications, assumes that every zero is skipped, and is "
        "not timed.",
        help=meanings("Mean over sparsities", "95 % interval", "Multiplications"),
    )


def _row(line: Band, first: Band, before: str, names: Mapping[str, str], at: Sequence[float]) -> Row:
    """One row of the table; `before` begins its name."""
    mean, sd = float(line.areas.mean()), wording.deviation(float(line.areas.std(ddof=1)), 1) if line.n > 1 else ""
    cells = [TableCell.text(f"{before}{names.get(line.name, line.name)}"), TableCell(str(line.n), line.n)]
    cells.append(TableCell(f"{wording.decimal(100 * mean, 1, 100.0)}{sd} %", mean))
    if line is first or line.n != first.n:
        cells.append(TableCell("" if line is first else "not all networks yet", 0.0))
    else:
        gap, low, high = study.difference(line, first)
        cells.append(TableCell(f"{wording.points(gap, 1)} {wording.interval(low, high)}", gap))
    places = [int(abs(line.sparsity - s).argmin()) for s in at]
    cells += [TableCell(wording.percent(float(line.mean[i])), float(line.mean[i])) for i in places]
    speedup = float(line.speedup[places[-1]])
    return Row(f"{before}{line.name}", [*cells, TableCell(f"{wording.decimal(speedup, 1, 1.0)} ×", speedup)])


def downloads(bands: Sequence[Band], figure: Draw, name: str) -> None:
    """Download buttons for the numbers and the figure."""
    offer_files(name, partial(study.to_csv, bands), figure)


def offer(lines: Sequence[Line]) -> None:
    """Offer the cells that are still to be computed, or show their progress."""
    cells = [cell for line in lines for cell in line.cells]
    missing = [cell for cell in cells if results().get(cell) is None]
    if not missing:
        return
    if waiting(missing):
        follow(missing, len(cells), (time.monotonic(), len(missing)))
        return
    st.info(
        f"{wording.count(len(cells) - len(missing))} of {wording.count(len(cells))} cells of this figure are computed. "
        "A cell is one network, pruned in one way. Each is computed once, for everyone.",
        icon=":material/science:",
    )
    button = f"Compute the remaining {wording.count(len(missing))}"
    if engine().limits.training and st.button(button, icon=":material/play_arrow:") and ask_all(missing):
        follow(missing, len(cells), (time.monotonic(), len(missing)))
    say_failures(states(missing))


def states(cells: Sequence[Cell]) -> list[JobState]:
    """The jobs that compute these cells, as far as this server knows them."""
    ids = {part.id for cell in cells for part in (cell, *cell.needs)}
    return [state for state in engine().jobs() if state.id in ids]


def waiting(cells: Sequence[Cell]) -> bool:
    """Whether any of them waits or runs."""
    return any(state.active for state in states(cells))


@st.fragment(run_every=2)
def follow(missing: Sequence[Cell], of: int, began: tuple[float, int]) -> None:
    """How many cells are done, the time left, and a button to stop. The study runs on when nobody watches."""
    left = [cell for cell in missing if results().get(cell) is None]
    if not left or (not waiting(left) and time.monotonic() - began[0] > 5):
        st.rerun()
    done = began[1] - len(left)
    time_left = wording.time_left(time.monotonic() - began[0], done, len(left))
    with st.container(border=True):
        st.progress((of - len(left)) / of, f"{of - len(left)} of {of} cells computed{time_left}")
        st.button(
            "Stop", icon=":material/stop:", on_click=engine().withdraw, args=(left,), help="Computed cells are kept."
        )
