"""Which answers changed? The images behind the numbers, and the visitor's own picture."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import figures
from core.evaluation import ClassComparison, Comparison, answers, by_class, confusion_matrix, most_confused
from core.evaluation.answers import OUTCOMES, Filter
from core.evaluation.profile import Profile
from core.words import repair, wording
from pages.ui.components.chart import chart
from pages.ui.components.gallery import Answer, Card
from pages.ui.components.live_panel import Pick, live_panel
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server.services import store
from pages.ui.view import address, galleries, linked, lookup, own_image, picker
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops
from pages.ui.view.say import as_written
from pages.ui.view.words import meanings

FILTERS = {
    "outcome": "Outcome",
    "true": "True class",
    "dense": "Dense answer",
    "pruned": "{} answer",
    "moved": "Answer moved to or from",
}
"""Label of each filter by its URL parameter, with a gap for `repair.network`; all but the first are classes."""


# --- which answers changed --------------------------------------------------------------------------------------


def show_answers(view: View, stops: Stops) -> None:
    """A live panel with cells to click, and the images in the chosen cells."""
    above, network = st.container(), repair.network(view.pruning.repair)
    with st.popover("Filter", icon=":material/filter_alt:"):
        wanted = choose_filter(view.run.classes, network)
    with above:
        url, pick = lookup.panel_url(view, stops, part="answers"), partial(filter_by_cell, view.run.classes)
        live_panel([url], stops.row, label="Sparsity", key="answers panel", on_stop=stops.go, on_pick=pick)
        st.caption("Click a cell to see its images.")
    labels, profile = store().labels(view.run.id), stops.profile
    dense, pruned = profile.predicted[0], profile.predicted[stops.row]
    keep = np.zeros(len(labels), np.bool_)
    keep[wanted.select(labels, dense, pruned)] = True
    order = answers.by_movement(profile, stops.row)
    images = order[keep[order]]
    filtered = as_written(filter_in_words(wanted, view.run.classes, network))
    st.header(
        f"{wording.count(len(images))} of {wording.count(len(labels))} images{filtered}",
        help=meanings("Dense and pruned", "Lost and gained"),
    )
    galleries.show_gallery(view, images, lambda image: card(view, profile, stops.row, labels, image), "answers gallery")


def choose_filter(names: Sequence[str], network: str) -> Filter:
    """The filter from its widgets, which write it to the URL."""
    chosen = {}
    for name, label in FILTERS.items():
        choices = (*OUTCOMES, answers.CHANGED, answers.SAME) if name == "outcome" else names
        chosen[name] = choose_one(label.format(network.capitalize()), choices, name)
    st.button("Show all", on_click=set_filter)
    outcome = chosen.pop("outcome")
    return Filter(outcome, **{name: names.index(value) for name, value in chosen.items() if value is not None})


def choose_one(label: str, choices: Sequence[str], name: str) -> str | None:
    """A select box that returns None for "any"; a class of another data set is reset to "any"."""
    every = "any"
    while every in choices:
        every = f"({every})"  # a class may have this name
    options = [every, *choices]
    if st.session_state.get(name, every) not in options:
        st.session_state[name] = every
    chosen = linked.choice(st.selectbox, label, options, key=name, on_change=first_page)
    return None if chosen == every else chosen


def set_filter(**chosen: str) -> None:
    """Set exactly these filters and clear the others, from a callback."""
    for name in FILTERS:
        st.session_state[name] = chosen.get(name)
    first_page()


def first_page() -> None:
    """Return the gallery to its first page, from a callback."""
    st.session_state["page"] = 1
    address.change()


def filter_by_cell(classes: Sequence[str], pick: Pick) -> None:
    """Show the images of a clicked cell. A cell that does not exist is ignored."""
    column, row = (figures.named(label, classes) for label in (pick.x, pick.y))
    right, wrong = (OUTCOMES[:2], OUTCOMES[2:])
    if pick.figure == "outcomes":
        outcomes = right if pick.y == "dense right" else wrong
        set_filter(outcome=outcomes[pick.x.endswith("wrong")])
    elif column is None or row is None:
        return
    elif pick.figure == "difference":
        set_filter(true=row, moved=column)
    elif pick.figure in ("dense", "pruned"):
        set_filter(true=row, **{pick.figure: column})


def filter_in_words(wanted: Filter, name: Sequence[str], network: str) -> str:
    """The filter in words."""
    parts = [
        wanted.outcome,
        None if wanted.true is None else f"true class {name[wanted.true]}",
        None if wanted.dense is None else f"dense answer {name[wanted.dense]}",
        None if wanted.pruned is None else f"{network} answer {name[wanted.pruned]}",
        None if wanted.moved is None else f"answer moved to or from {name[wanted.moved]}",
    ]
    return "".join(f", {part}" for part in parts if part)


def card(view: View, profile: Profile, row: int, labels: NDArray[np.uint8], image: int) -> Card:
    """An image with its dense answer and its answer at the stop `row`."""
    dense, pruned = (int(profile.predicted[r, image]) for r in (0, row))
    outcome = OUTCOMES[int(answers.outcomes(labels[[image]], *profile.predicted[[0, row]][:, [image]])[0])]
    if outcome == "both wrong" and dense != pruned:
        outcome = "both wrong, with different answers"
    given = [
        Answer(network, view.run.classes[c], float(profile.probability[r, image]))
        for network, r, c in (("dense", 0, dense), (repair.network(profile.pruning.repair), row, pruned))
    ]
    return Card(image, view.run.classes[labels[image]], f"No. {wording.count(image)}, {outcome}", given)


# --- first to change --------------------------------------------------------------------------------------------


def show_fragile(view: View, stops: Stops) -> None:
    """The sparsity at which each answer first changes, and the images that change first and last."""
    labels, profile = store().labels(view.run.id), stops.profile
    chosen, order = st.columns([2, 5], vertical_alignment="bottom")
    names = view.run.classes
    with chosen:
        wanted = choose_one("Class", names, "true")
    true = None if wanted is None else names.index(wanted)
    counts = answers.first_changes(profile, labels, len(names))
    figure = partial(figures.first_changes, counts, profile.sparsity, names, true, profile.pruning.repair)
    alt = "Number of images whose answer first changes at each sparsity, by class."
    chart(figure, "first changes", alt, buttons=False)
    st.caption(
        f"Of {wording.count(len(labels))} test images, those whose answer first differs from the dense network's at "
        "this sparsity. The shade shows the logarithm of the count. An answer may change back later.",
        help=meanings("Dense and pruned", "Stop", "Churn"),
    )
    first = "Most fragile"
    kind = linked.choice(
        order.segmented_control, "Images", [first, "Most robust"], default=first, key="order", required=True,
        on_change=first_page, help="Images whose answers change first, or last or never.",
    )  # fmt: skip
    ranked = answers.by_fragility(profile)[:: 1 if kind == first else -1]
    ranked = ranked if true is None else ranked[labels[ranked] == true]
    when = answers.first_change(profile)
    galleries.show_gallery(
        view, ranked, lambda image: flipped(view, profile, int(when[image]), labels, image), "fragile gallery"
    )


def flipped(view: View, profile: Profile, row: int, labels: NDArray[np.uint8], image: int) -> Card:
    """An image with its dense answer and the first different one."""
    last = len(profile.k) - 1
    made = card(view, profile, min(row, last), labels, image)
    note = "never changes" if row > last else f"changes at {wording.sparsity(float(profile.sparsity[row]))}"
    return Card(image, made.title, f"No. {wording.count(image)}, {note}", made.answers)


# --- class by class ---------------------------------------------------------------------------------------------


def show_classes(view: View, stops: Stops) -> None:
    """A live panel of recall and precision, the classes most often confused, and a table of tests."""
    url = lookup.panel_url(view, stops, part="classwise")
    live_panel([url], stops.row, label="Sparsity", key="classes panel", on_stop=stops.go)
    labels, profile = store().labels(view.run.id), stops.profile
    dense, pruned = profile.predicted[0], profile.predicted[stops.row]
    names = view.run.classes
    st.markdown(confused(labels, dense, pruned, names, repair.network(view.pruning.repair)))
    rows = class_rows(labels, dense, pruned, names)
    terms = ("Recall and precision", "McNemar test", "Holm's correction")
    columns = [column.format(repair.networks(view.pruning.repair)) for column in CLASS_COLUMNS]
    table("Recall and precision of each class", columns, rows, key="classes", terms=terms)
    st.caption(
        "Recall is compared on the same images: 95 % paired interval (Bonett and Price) and exact McNemar test, with "
        f"p corrected for {len(names)} classes (Holm). Precision is computed from different images before and after, "
        "so its difference has no paired interval."
    )


def confused(
    labels: NDArray[np.uint8],
    dense: NDArray[np.uint8],
    pruned: NDArray[np.uint8],
    classes: Sequence[str],
    network: str,
) -> str:
    """The classes most often confused with one another, and their share of all errors."""
    before, after = (confusion_matrix(labels, given, len(classes)) for given in (dense, pruned))
    group = most_confused(before)
    parts = []
    for name, matrix in (("dense", before), (network, after)):
        inside = matrix[np.ix_(group, group)]
        errors, wrong = (int(m.sum() - np.trace(m)) for m in (inside, matrix))
        share = f" ({wording.percent(errors / wrong, 1)})" if wrong else ""
        parts.append(f"{wording.count(errors)} of the {name} network's {wording.count(wrong)} wrong answers{share}")
    names = wording.listed([as_written(classes[c]) for c in group])
    return f"**{names}** are most often confused with one another: {parts[0]}, and {parts[1]}."


CLASS_COLUMNS = (
    "Class",
    "Images",
    "Recall, {}",
    "Difference",
    "p (Holm)",
    "Precision, {}",
)


def class_rows(
    labels: NDArray[np.uint8], dense: NDArray[np.uint8], pruned: NDArray[np.uint8], classes: Sequence[str]
) -> list[Row]:
    """One row for each class that has images."""
    comparisons = by_class(labels, dense, pruned, len(classes))
    return [class_row(name, c.recall, c) for name, c in zip(classes, comparisons, strict=True) if c.recall]


def class_row(name: str, recall: Comparison, c: ClassComparison) -> Row:
    """The cells of `CLASS_COLUMNS`, ranked by the pruned network's values."""
    precision = [wording.percent(p.value) if p else "none" for p in (c.dense_precision, c.pruned_precision)]
    cells = (
        TableCell.text(name),
        TableCell(wording.count(recall.n), recall.n),
        TableCell(" → ".join(wording.percent(a.value) for a in (recall.dense, recall.pruned)), recall.pruned.value),
        TableCell(wording.difference(recall), recall.difference),
        TableCell(wording.relation(c.p_value).removeprefix("= "), c.p_value),
        TableCell(" → ".join(precision), c.pruned_precision.value if c.pruned_precision else -1.0),
    )
    return Row(name, cells)


SECTIONS = {
    "Changed answers": show_answers,
    "First to change": show_fragile,
    "Class by class": show_classes,
    "Your own image": own_image.show,
}


def show(view: View) -> None:
    """The opened image, or the chosen section."""
    section = linked.choice(
        st.segmented_control, "Show", [*SECTIONS], default=next(iter(SECTIONS)), key="section", required=True,
        label_visibility="collapsed", on_change=galleries.close_image,
    )  # fmt: skip
    stops = lookup.stops(view)
    if stops is None:
        return
    image = galleries.opened(view.run.images)
    if image is not None:
        galleries.show_image(view, stops, image)
    else:
        SECTIONS[section](view, stops)


st.title("Which answers changed?")
here = address.current(store())
if here is not None:
    picker.choose(here, store())
    show(here)
