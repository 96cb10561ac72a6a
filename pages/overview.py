"""What did pruning cost? The answer for the current run on one screen."""

from functools import partial

import streamlit as st

from core import data, figures, panels
from core.errors import DataError
from core.evaluation import Comparison
from core.evaluation.profile import DEFAULT_STOP, Profile
from core.figures import BeforeAfter
from core.networks import recipe_name
from core.pruning import PruningConfig
from core.run import Run
from core.words import repair, wording
from pages.ui.components.chart import chart
from pages.ui.server.services import store
from pages.ui.view import address, lookup, picker, say
from pages.ui.view.address import View
from pages.ui.view.head import head
from pages.ui.view.links import link
from pages.ui.view.site import PAGES
from pages.ui.view.welcome import welcome
from pages.ui.view.words import meanings

REPORT = BeforeAfter("The student report, 0.01 %\nsmallest weights: −1.55 pp, no interval given", 0.7286, 0.7131)
"""Accuracy before and after pruning, as the student report gives it."""


def answer(view: View) -> None:
    """The result in words, then the numbers, then the figure next to the report's."""
    stops = lookup.stops(view)
    if stops is None:
        return
    profile, row = stops.profile, stops.row
    labels = store().labels(view.run.id)
    comparison = profile.comparison(labels, row)
    st.header(panels.answer(profile, labels, row, lookup.as_is(view, stops)))
    numbers(comparison, view.pruning.repair)
    shown = [REPORT, *reenactment(), compared(picker.title(view.run), profile, row, comparison)]
    alt = "Accuracy before and after pruning: the report's, our re-enactment's and this run's."
    chart(partial(figures.before_after, shown), "before and after", alt, buttons=False)
    st.caption(
        "Bars are 95 % intervals of each accuracy alone (Wilson). Judge the difference by its paired interval, which "
        "compares the same images. All panels have the same width, so distances are comparable.",
        help=meanings("95 % interval", "Percentage points", "Seed"),
    )


def numbers(c: Comparison, repaired: str) -> None:
    """Dense and pruned (or repaired) accuracy, each with its interval, and the difference."""
    cards = [
        (
            f"Accuracy, {which}",
            wording.percent(a.value),
            f"{wording.count(a.right)} of {wording.count(a.n)} test images, {wording.spread(a)}",
            meanings("Accuracy", "95 % interval"),
        )
        for which, a in (("dense", c.dense), (repair.network(repaired), c.pruned))
    ]
    p = wording.unbroken(f"McNemar p {wording.relation(c.p_value)}")
    paired = f"95 % paired interval {wording.interval(c.low, c.high)} pp, {p}"
    of_difference = meanings("Difference", "Percentage points", "McNemar test")
    cards.append(("Difference", wording.points(c.difference), paired, of_difference))
    for column, (label, value, note, what) in zip(st.columns(3), cards, strict=True):
        with column.container(border=True):
            st.metric(label, value, help=what)
            st.caption(note)


def compared(label: str, profile: Profile, row: int, c: Comparison) -> BeforeAfter:
    """One row of the figure."""
    repaired = profile.pruning.repair
    name = f"{label.rpartition(':')[0]}, {wording.sparsity(profile.sparsity[row])}{repair.after(repaired)}"
    return BeforeAfter(
        f"{name}\n{wording.removed(int(profile.k[row]), profile.total)}: {wording.difference(c)}",
        c.dense.value,
        c.pruned.value,
        (c.dense.low, c.dense.high),
        (c.pruned.low, c.pruned.high),
        repaired,
    )


def reenactment() -> list[BeforeAfter]:
    """Our re-enactment of the report at its 0.01 %, from the run that ships."""
    runs = [run for run in store().runs() if run.reference and _is_report(run)]
    rows = []
    for run in runs[:1]:
        profile = store().profile(run.id, PruningConfig())
        if profile is not None:
            row = profile.stop_index(DEFAULT_STOP)
            comparison = profile.comparison(store().labels(run.id), row)
            rows.append(compared(f"Re-enacted: {picker.title(run)}", profile, row, comparison))
    return rows


def _is_report(run: Run) -> bool:
    return recipe_name(run.config.network, run.config.training) == "report"


def ways_on() -> None:
    """Links to the other pages, which keep the view; a page whose title is not a question comes last."""
    st.header("More questions")
    for page in sorted(PAGES[1:], key=lambda page: not page.question.endswith("?")):
        link(page.script, page.question, page.symbol, help=page.about)


def data_notice() -> None:
    """Warn if the data set is missing; the shipped runs can be shown without it."""
    try:
        data.check(data.FASHION.id)
    except DataError as error:
        say.info(f"Training and evaluation are not possible yet. {error}", ":material/database:")


head(__file__)
st.markdown(
    "Pruning sets the smallest weights of a trained network to zero. A student report did that to the smallest 0.01 % "
    "and saw accuracy fall from 72.86 % to 71.31 %. Check here what such a cut really costs on Fashion-MNIST."
)
welcome()
data_notice()
here = address.current(store())
if here is not None:
    picker.choose_run(here, store())
    answer(here)
ways_on()
