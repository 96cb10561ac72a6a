"""Is magnitude a good metric? Criteria, layers and retraining on several networks of one recipe."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from core import figures, study
from core.config import RunConfig
from core.data import Collection
from core.jobs import JobState
from core.networks import NETWORKS
from core.pruning import AS_IS, CRITERIA, REPAIRS, SCOPES, PruningConfig
from core.study import Band, Line
from core.study.cells import Cell
from core.words import wording
from pages.ui.components.chart import Draw, chart
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server.services import collections, engine, results
from pages.ui.view import claim, linked
from pages.ui.view.downloads import offer_files
from pages.ui.view.head import head
from pages.ui.view.watching import ask_all, say_failures
from pages.ui.view.words import meanings

STUDIED = {
    f"{network.title}, {recipe}": (name, recipe)
    for name, network in reversed(NETWORKS.items())
    for recipe in network.dense
}
"""What can be studied: each network with each recipe that leaves it dense."""

FIRST = "LeNet-5, quick"

RETRAINING = {
    "none": "One-shot, no retraining",
    "fine-tune": "One-shot, then fine-tuning",
    "iterative": "Iterative, with fine-tuning",
    "rewind": "Iterative, rewinding to early weights",
}
ALT = {
    "criteria": "Accuracy over sparsity.",
    "layers": "Accuracy over the sparsity of one layer.",
    "retraining": "Accuracy over sparsity after retraining.",
}
"""What the figures show, for anyone who cannot see them."""

NAMES = {name: criterion.short for name, criterion in CRITERIA.items()}
TERMS = ("LAMP and Taylor", "Wanda and OBS")
"""The glossary's terms for criteria."""


def show_criteria(network: str, recipe: str, of: Collection) -> None:
    """All criteria on the same networks."""
    networks = study.networks(network, recipe, of)
    scope, repair = choose_pruning(networks)
    lines = study.by_criterion(networks, scope, repair)
    bands = sum_up(lines)
    if bands:
        st.header(study.verdict(bands[0], NAMES))
        st.markdown(study.comparison(bands, NAMES))
        say_enough(networks, scope)
        figure = partial(figures.bands, bands, NAMES)
        note = (
            f"Each line is the mean over {bands[0].n} networks that differ in their seed; the band is the 95 % "
            "interval of that mean (Student). All criteria prune the same networks at the same sparsities, without "
            f"retraining{repaired(repair)}. Accuracy is measured on the test images, in float32."
        )
        noted(figure, "criteria", note, "Criterion", *TERMS, "Scope", "95 % interval")
        show_table("Criterion", bands, NAMES, (0.5, 0.8, 0.9))
        downloads(bands, figure, "criteria")
    offer(lines)


def choose_pruning(networks: Sequence[RunConfig]) -> tuple[str, str]:
    """The scope, and what follows the pruning, by name."""
    scopes = {scope.title: name for name, scope in SCOPES.items()}
    repairs = {REPAIRS[name].title: name for name in study.repairs(networks)}
    with st.container(horizontal=True):
        scope = linked.choice(
            st.segmented_control, "Scope", [*scopes], default="Global", key="competing", required=True,
            help="Where the weights compete: in the whole network, or within each layer for its share.",
        )  # fmt: skip
        repair = linked.choice(
            st.segmented_control, "After pruning", [*repairs], default=REPAIRS[AS_IS].title, key="after", required=True,
            help="\n".join(f"- {REPAIRS[name].title}: {REPAIRS[name].help}" for name in repairs.values()),
        )  # fmt: skip
    return scopes[scope], repairs[repair]


def repaired(repair: str) -> str:
    """What follows the pruning, for the note about the lines."""
    if repair == AS_IS:
        return ""
    sample = wording.count(PruningConfig().sample)
    return f", each {REPAIRS[repair].done} on {sample} training images without labels"


def say_enough(networks: Sequence[RunConfig], scope: str) -> None:
    """Whether magnitude is enough, after each repair whose lines are computed."""
    found = []
    for name in study.repairs(networks):
        lines = study.by_criterion(networks, scope, name)
        bands = sum_up(lines)
        if bands and len(bands) == len(lines) and (says := study.enough(bands, NAMES)):
            found.append(f"- **{REPAIRS[name].title}**: {says}")
    if found:
        st.markdown("**When is magnitude enough?**\n\n" + "\n".join(found))


def show_layers(network: str, recipe: str, of: Collection) -> None:
    """One layer pruned at a time."""
    lines = study.by_layer(study.networks(network, recipe, of))
    bands = sum_up(lines)
    if bands:
        names = {line.name: figures.layer_title(line.name) for line in bands}
        weakest = min(bands, key=lambda line: float(line.areas.mean()))
        i = int(abs(weakest.sparsity - 0.95).argmin())
        fall = wording.points(float(weakest.mean[i] - weakest.dense.mean()), 1)
        at = wording.sparsity(float(weakest.sparsity[i]))
        st.header(f"{names[weakest.name]} is the most sensitive layer: {fall} when {at} of it alone is pruned.")
        chart(partial(figures.sensitivity, bands), "sensitivity", "Fall in accuracy by layer.")
        figure = partial(figures.bands, bands, names, " of one layer")
        note = (
            f"One layer is pruned by magnitude; the others stay dense. Lines are means over {bands[0].n} networks, "
            "bands the 95 % intervals of those means (Student)."
        )
        noted(figure, "layers", note, "Kernel", "95 % interval")
        show_table("Layer", bands, names, (0.5, 0.9, 0.99))
        downloads(bands, figure, "layers")
    offer(lines)


def show_retraining(network: str, recipe: str, of: Collection) -> None:
    """Magnitude pruning with and without retraining."""
    lines = study.by_retraining(study.networks(network, recipe, of))
    bands = sum_up(lines)
    if bands:
        best = max(bands, key=lambda line: float(line.mean[3]))
        at = wording.sparsity(float(best.sparsity[3]))
        dense = wording.percent(float(best.dense.mean()))
        kept = wording.percent(float(best.mean[3]))
        st.header(f"At {at} sparsity, “{RETRAINING[best.name].lower()}” keeps {kept} of {dense}.")
        figure = partial(figures.bands, bands, RETRAINING, published=PUBLISHED)
        note = (
            f"Magnitude, global. All strategies but the first retrain for {study.EPOCHS} epochs at each sparsity; the "
            f"iterative ones divide these epochs among {study.ROUNDS} rounds. Rewinding starts each round from the "
            "weights after the first epoch of training. Pruned weights stay zero through every step. Lines are means "
            f"over {bands[0].n} networks, bands the 95 % intervals of those means (Student). Rings are published "
            "figures for Fashion-MNIST, from a network of 932,000 parameters (89.66 % before pruning), without spread."
        )
        noted(figure, "retraining", note, "Retraining", "Rewinding", "Epoch", "95 % interval")
        show_table("Strategy", bands, RETRAINING, (0.8, 0.91, 0.97))
        downloads(bands, figure, "retraining")
    offer(lines)


PUBLISHED = ((0.87, 0.895), (0.91, 0.89), (0.94, 0.884))
"""Published pairs of sparsity and accuracy after retraining."""

PARTS = {"Criteria": show_criteria, "One layer at a time": show_layers, "Retraining": show_retraining}


def sum_up(lines: Sequence[Line]) -> list[Band]:
    """Bands over the computed cells; lines without any are left out."""
    known = [(line.name, [c for cell in line.cells if (c := results().get(cell))]) for line in lines]
    return [study.band(name, curves) for name, curves in known if curves]


def noted(figure: Draw, name: str, note: str, *terms: str) -> None:
    """Lines over sparsity, with what is to be known about them and the meanings of its terms."""
    chart(figure, name, ALT[name])
    st.caption(note, help=meanings(*terms))


def show_table(what: str, bands: Sequence[Band], names: dict[str, str], at: Sequence[float]) -> None:
    """Means over sparsities with their spread, the difference from the first line, and operating points."""
    columns = [what, "Networks", f"Mean {study.span(bands[0])}", "Difference from the first"]
    columns += [f"At {wording.sparsity(s)}" for s in at]
    columns += [f"Speed-up at {wording.sparsity(at[-1])}"]
    rows = [row(line, bands[0], names, at) for line in bands]
    terms = ("Mean over sparsities", "Percentage points", "Seed")
    table("Areas and operating points", columns, rows, key="areas", terms=terms)
    st.caption(
        "The mean over sparsities is the area under the curve divided by its width, ± the standard deviation over "
        "networks. Its difference is paired network by network, with a 95 % interval (Student). At sparsity s the "
        "network has 1 / (1 − s) times fewer weights. The speed-up is theoretical: it counts multiplications, "
        "assumes that every zero is skipped, and is not timed.",
        help=meanings("Mean over sparsities", "95 % interval", "Multiplications"),
    )


def row(line: Band, first: Band, names: dict[str, str], at: Sequence[float]) -> Row:
    """One row of the table."""
    mean, sd = float(line.areas.mean()), wording.deviation(float(line.areas.std(ddof=1)), 1) if line.n > 1 else ""
    cells = [TableCell.text(names.get(line.name, line.name)), TableCell(str(line.n), line.n)]
    cells.append(TableCell(f"{wording.decimal(100 * mean, 1, 100.0)}{sd} %", mean))
    if line is first or line.n != first.n:
        cells.append(TableCell("" if line is first else "not all networks yet", 0.0))
    else:
        gap, low, high = study.difference(line, first)
        cells.append(TableCell(f"{wording.points(gap, 1)} {wording.interval(low, high)}", gap))
    places = [int(abs(line.sparsity - s).argmin()) for s in at]
    cells += [TableCell(wording.percent(float(line.mean[i])), float(line.mean[i])) for i in places]
    speedup = float(line.speedup[places[-1]])
    return Row(line.name, [*cells, TableCell(f"{wording.decimal(speedup, 1, 1.0)} ×", speedup)])


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
    pace = (time.monotonic() - began[0]) / done if done else None
    time_left = f", about {wording.duration(pace * len(left))} left" if pace else ""
    with st.container(border=True):
        st.progress((of - len(left)) / of, f"{of - len(left)} of {of} cells computed{time_left}")
        st.button(
            "Stop", icon=":material/stop:", on_click=engine().withdraw, args=(left,), help="Computed cells are kept."
        )


def only(label: str, options: Sequence[str], **how: object) -> str:
    """The only option, without a widget."""
    return options[0]


def choose_data() -> Collection:
    """The data set; the widget is shown only if there is another one besides Fashion-MNIST."""
    sets = {of.id: of for of in collections()[0]}
    widget: Any = st.selectbox if len(sets) > 1 else only
    return sets[linked.choice(widget, "Data set", [*sets], title=lambda name: sets[name].title, key="data")]


head(__file__)
st.markdown(
    "Magnitude pruning zeroes the smallest weights. Does the choice matter? Here several networks of one recipe, which "
    "differ only in their seed, are pruned in each way, and their remaining accuracies are compared."
)
shown = linked.choice(
    st.segmented_control, "Show", [*PARTS, claim.TITLE], default=next(iter(PARTS)), key="part", required=True
)
if shown == claim.TITLE:
    claim.show()
else:
    first = [*STUDIED].index(FIRST)
    left, right = st.columns(2)
    with left:
        studied = linked.choice(st.selectbox, "Networks", [*STUDIED], index=first, key="networks")
    with right:
        of = choose_data()
    PARTS[shown](*STUDIED[studied], of)
