"""Which answers changed? The images behind the numbers, and the visitor's own picture."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from core import figures
from core.evaluation import ClassComparison, Comparison, Labels, answers, by_class, confusion_matrix, most_confused
from core.evaluation.answers import OUTCOMES, REPAIRED
from core.evaluation.profile import Profile
from core.figures.labels import some_of
from core.words import repair, wording
from pages.ui.components.chart import chart
from pages.ui.components.gallery import Answer, Card
from pages.ui.components.live_panel import Pick, live_panel
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server.services import store
from pages.ui.view import address, galleries, linked, lookup, own_image, picker, report
from pages.ui.view.address import View
from pages.ui.view.filters import choose_filter, choose_one, filter_by_cell, filter_in_words, first_page, set_filter
from pages.ui.view.head import Head, head
from pages.ui.view.lookup import Stops
from pages.ui.view.report import Content
from pages.ui.view.say import as_written
from pages.ui.view.words import meanings

# --- which answers changed --------------------------------------------------------------------------------------


def show_answers(view: View, stops: Stops) -> Content:
    """A live panel with cells to click, and the images in the chosen cells. Returns the panel's content."""
    above, network, as_is = st.container(), repair.network(view.pruning.repair), lookup.as_is_stop(view, stops)
    with st.popover("Filter", icon=":material/filter_alt:"):
        wanted = choose_filter(view.run.classes, network, repaired=as_is is not None)
    with above:
        url, pick = lookup.panel_url(view, stops, part="answers"), partial(filter_by_cell, view.run.classes)
        live_panel([url], stops.row, label="Sparsity", key="answers panel", on_stop=stops.go, on_pick=pick)
        st.caption("Click a cell to see its images.")
    labels, profile = lookup.labels(view, stops.profile), stops.profile
    keep = np.zeros(len(labels), np.bool_)
    keep[wanted.select(labels, profile.predicted[0], stops.answers, as_is.answers if as_is else None)] = True
    order = answers.by_movement(profile, stops.row)
    images = order[keep[order]]
    filtered = as_written(filter_in_words(wanted, view.run.classes, network))
    st.header(
        f"{wording.count(len(images))} of {wording.count(len(labels))} images{filtered}",
        help=meanings("Dense and pruned", "Lost and gained", *(["Brought back"] if as_is else [])),
    )
    galleries.show_gallery(view, images, lambda image: card(view, stops, labels, image, as_is), "answers gallery")
    return report.of_part(view, stops, "answers")


def card(view: View, stops: Stops, labels: Labels, image: int, as_is: Stops | None = None) -> Card:
    """An image with its dense answer and its answer at the stop; of a repaired network with the pruned one's between.

    `as_is` is the stop without the repair.
    """
    after = repair.network(view.pruning.repair)
    each = [("dense", Stops(stops.profile, 0)), *([("pruned", as_is)] if as_is else []), (after, stops)]
    given = [
        Answer(network, view.run.classes[at.answers[image]], float(at.profile.probability[at.row, image]))
        for network, at in each
    ]
    true, dense, pruned = (row[[image]] for row in (labels, stops.profile.predicted[0], stops.answers))
    outcome = OUTCOMES[int(answers.outcomes(true, dense, pruned)[0])]
    if outcome == "both wrong" and dense != pruned:
        outcome = "both wrong, with different answers"
    if as_is:
        outcome = answers.after_repair(true, dense, as_is.answers[[image]], pruned)[0] or outcome
    return Card(image, view.run.classes[labels[image]], f"No. {wording.count(image)}, {outcome}", given)


# --- first to change --------------------------------------------------------------------------------------------


def show_fragile(view: View, stops: Stops) -> None:
    """The sparsity at which each answer first changes, and the images that change first and last."""
    labels, profile = lookup.labels(view, stops.profile), stops.profile
    chosen, order = st.columns([2, 5], vertical_alignment="bottom")
    names = view.run.classes
    with chosen:
        wanted = choose_one("Class", names, "true")
    true = None if wanted is None else names.index(wanted)
    counts = answers.first_changes(profile, labels, len(names))
    figure = partial(figures.first_changes, counts, profile.sparsity, names, true, profile.pruning.repair)
    alt = "Number of images whose answer first changes at each sparsity, by class."
    chart(figure, "first changes", alt, buttons=False)
    some = some_of(len(names))
    rows = f" The rows show {some}: those whose answers change most and earliest." if some else ""
    st.caption(
        f"Of {wording.count(len(labels))} test images, those whose answer first differs from the dense network's at "
        f"this sparsity.{rows} The shade shows the logarithm of the count. An answer may change back later.",
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


def flipped(view: View, profile: Profile, row: int, labels: Labels, image: int) -> Card:
    """An image with its dense answer and the first different one."""
    last = len(profile.k) - 1
    made = card(view, Stops(profile, min(row, last)), labels, image)
    note = "never changes" if row > last else f"changes at {wording.sparsity(float(profile.sparsity[row]))}"
    return Card(image, made.title, f"No. {wording.count(image)}, {note}", made.answers)


# --- class by class ---------------------------------------------------------------------------------------------


def show_classes(view: View, stops: Stops) -> Content:
    """A live panel of recall and precision, the classes most often confused, and a table of tests.

    Returns the panel's content.
    """
    url = lookup.panel_url(view, stops, part="classwise")
    pick = partial(show_bar, view.run.classes)
    live_panel([url], stops.row, label="Sparsity", key="classes panel", on_stop=stops.go, on_pick=pick)
    labels, dense, pruned = lookup.labels(view, stops.profile), stops.profile.predicted[0], stops.answers
    names, as_is = view.run.classes, lookup.as_is_stop(view, stops)
    if as_is:
        st.caption("Click a bar to see its images.")
    st.markdown(confused(labels, dense, pruned, names, repair.network(view.pruning.repair)))
    rows = class_rows(labels, dense, pruned, names)
    terms = ["Recall and precision", "McNemar test", "Holm's correction"]
    columns = [column.format(repair.networks(view.pruning.repair)) for column in CLASS_COLUMNS]
    if as_is:
        counts = answers.by_repair(labels, dense, as_is.answers, pruned, len(names))
        paid = {name: paid_cells(*row) for name, row in zip(names, counts.tolist(), strict=True)}
        rows = [Row(row.name, (*row.cells, *paid[row.name])) for row in rows]
        columns, terms = [*columns, *PAID_COLUMNS], [*terms, "Brought back"]
    table("Recall and precision of each class", columns, rows, key="classes", terms=terms)
    st.caption(
        "Recall is compared on the same images: 95 % paired interval (Bonett and Price) and exact McNemar test, with "
        f"p corrected for {wording.count(len(rows))} classes (Holm). Precision is computed from different images "
        "before and after, so its difference has no paired interval."
    )
    return report.of_part(view, stops, "classwise")


def show_bar(classes: Sequence[str], pick: Pick) -> None:
    """Show the images of a clicked bar in the section that is shown first, from a callback.

    The filter's widgets are not on the page yet, so they do not write its values into the URL.
    """
    name = figures.named(pick.y, classes)
    if pick.figure == "payers" and name is not None and pick.x in REPAIRED:
        wanted = {"outcome": pick.x, "true": name}
        set_filter(**wanted)
        st.query_params.update(wanted)
        st.session_state["section"] = next(iter(SECTIONS))


def confused(
    labels: Labels,
    dense: Labels,
    pruned: Labels,
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


PAID_COLUMNS = ("Brought back, of lost", "Newly lost")


def paid_cells(back: int, still: int, newly: int) -> tuple[TableCell, TableCell]:
    """The cells of `PAID_COLUMNS`, the first ranked by the share."""
    share = back / (back + still) if back + still else -1.0
    return TableCell(repair.back(back, still), share), TableCell(wording.count(newly), newly)


def class_rows(labels: Labels, dense: Labels, pruned: Labels, classes: Sequence[str]) -> list[Row]:
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


SECTIONS: dict[str, Callable[[View, Stops], Content | None]] = {
    "Changed answers": show_answers,
    "First to change": show_fragile,
    "Class by class": show_classes,
    "Your own image": own_image.show,
}


def show(top: Head, view: View) -> None:
    """The opened image, or the chosen section; its panel can be shared."""
    section = linked.choice(
        st.segmented_control, "Show", [*SECTIONS], default=next(iter(SECTIONS)), key="section", required=True,
        label_visibility="collapsed", on_change=galleries.close_image,
    )  # fmt: skip
    stops = lookup.stops(view)
    if stops is None:
        return
    image = galleries.opened(view.run.images)
    shown = SECTIONS[section] if image is None else partial(galleries.show_image, image=image)
    content = shown(view, stops)
    if content is not None:
        report.offer(top, view, stops, content)


top = head(__file__)
here = address.current(store())
if here is not None:
    picker.choose(here, store())
    show(top, here)
