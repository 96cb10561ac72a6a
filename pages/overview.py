"""What did pruning cost? The slider over a wall of test images, and the report's claim as a question."""

from functools import partial
from urllib.parse import urlencode

import streamlit as st

from core import data, figures
from core.errors import DataError
from core.evaluation import Comparison
from core.evaluation.profile import DEFAULT_STOP, Profile
from core.figures import BeforeAfter
from core.networks import recipe_name
from core.pruning import PruningConfig
from core.run import Run
from core.words import repair, wording
from pages.ui.components.chart import chart
from pages.ui.components.live_panel import Pick, live_panel
from pages.ui.server import routes
from pages.ui.server.paths import served
from pages.ui.server.services import store
from pages.ui.view import address, lookup, picker, report, say
from pages.ui.view.address import View
from pages.ui.view.claim import TITLE
from pages.ui.view.head import head
from pages.ui.view.links import go_to, link
from pages.ui.view.lookup import Stops
from pages.ui.view.site import PAGES
from pages.ui.view.words import meanings

REPORT = BeforeAfter("The student report, 0.01 %\nsmallest weights: −1.55 pp, no interval given", 0.7286, 0.7131)
"""Accuracy before and after pruning, as the student report gives it."""


def wall(view: View, stops: Stops) -> None:
    """The slider and what it does to some test images, and to the first kernels."""
    live_panel(
        [lookup.panel_url(view, stops, part="wall")],
        stops.row,
        label="Sparsity",
        key="wall panel",
        on_stop=stops.go,
        on_pick=choose_image,
        sheet=served(f"/wall.png?{urlencode({'run': view.run.id, 'weights': store().digest(view.run.id)[:12]})}"),
    )


def choose_image(pick: Pick) -> None:
    """Remember a clicked image, from a callback; the page is left when it runs again."""
    st.session_state["clicked image"] = pick.x


def open_image(view: View) -> None:
    """Leave for the clicked image's story, if there is one."""
    image = st.session_state.pop("clicked image", None)
    if image is not None:
        go_to("images.py", {**view.params, "image": image})


def claim(view: View, stops: Stops) -> None:
    """The report's claim as a question: its figures next to our re-enactment's and this run's, all at 0.01 %."""
    st.header("A report lost 1.55 pp at 0.01 %. Can that be?")
    st.markdown(
        "A student report set the smallest 0.01 % of a network's weights to zero and saw accuracy fall from 72.86 % to "
        "71.31 %. It gave no interval, and one network."
    )
    row = stops.profile.stop_index(DEFAULT_STOP)
    comparison = stops.profile.comparison(store().labels(view.run.id), row)
    shown = [REPORT, *reenactment(), compared(picker.title(view.run), stops.profile, row, comparison)]
    alt = "Accuracy before and after pruning: the report's, our re-enactment's and this run's."
    chart(partial(figures.before_after, shown), "before and after", alt, buttons=False)
    st.caption(
        "Bars are 95 % intervals of each accuracy alone (Wilson). Judge the difference by its paired interval, which "
        "compares the same images. All panels have the same width, so distances are comparable.",
        help=meanings("95 % interval", "Percentage points", "Seed"),
    )
    link("study.py", "Check every reading of the claim", ":material/fact_check:", {"part": TITLE})


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


top = head(__file__)
data_notice()
here = address.current(store())
if here is not None:
    open_image(here)
    picker.choose_network(here, store())
    shown = lookup.stops(here)
    if shown is not None:
        wall(here, shown)
        report.offer(top, here, shown, report.of_part(here, shown, "wall"), pictures=partial(routes.wall, here.run.id))
        claim(here, shown)
ways_on()
