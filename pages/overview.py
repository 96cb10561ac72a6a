"""What did pruning cost? The slider over a wall of test images, and the report's claim as a question."""

from functools import partial
from urllib.parse import urlencode

import streamlit as st

from core import data
from core.errors import DataError
from core.evaluation.profile import DEFAULT_STOP, Profile
from core.networks import recipe_name
from core.pruning import PruningConfig
from core.run import Run
from core.words import repair, wording
from pages.ui.components.live_panel import SLIDER_RANGE, Pick, live_panel
from pages.ui.components.table import Row, TableCell, table
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

TERMS = ("Difference", "95 % interval", "Percentage points", "Seed")
COLUMNS = ("Network", "Difference", "Dense", "Pruned", "Set to zero", "Test images")
REPORT = Row(
    "report",
    [
        TableCell.text("The student report"),
        TableCell("−1.55 pp, no interval", -0.0155),
        TableCell("72.86 %", 0.7286),
        TableCell("71.31 %", 0.7131),
        TableCell("the smallest 0.01 %", 0),
        TableCell("not given", 0),
    ],
)
"""As the report gives them."""


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
    """The report's claim as a question: its numbers above our re-enactment's and this run's, all at 0.01 %."""
    st.header("A report lost 1.55 pp at 0.01 %. Can that be?")
    st.markdown(
        "A student report set the smallest 0.01 % of a network's weights to zero and saw accuracy fall from 72.86 % to "
        "71.31 %. It gave no interval, and one network."
    )
    rows = [REPORT, *reenactment(), compared("In view", view.run, stops.profile)]
    table("Accuracy before and after pruning", COLUMNS, rows, key="claim", terms=TERMS)
    st.caption(
        "Each network of ours answers the same test images dense and pruned. In brackets is the 95 % paired interval "
        "of the difference."
    )
    link("study.py", "Check every reading of the claim", ":material/fact_check:", {"part": TITLE})


def compared(name: str, run: Run, profile: Profile) -> Row:
    """A network of ours at the report's 0.01 %."""
    stop = profile.stop_index(DEFAULT_STOP)
    c = profile.comparison(store().labels(run.id)[: profile.images], stop)
    k = int(profile.k[stop])
    return Row(
        name,
        [
            TableCell.text(f"{name}: {picker.title(run).rpartition(':')[0]}{_way(profile.pruning)}"),
            TableCell(wording.difference(c), c.difference),
            TableCell(wording.percent(c.dense.value), c.dense.value),
            TableCell(wording.percent(c.pruned.value), c.pruned.value),
            TableCell(wording.removed(k, profile.total), k),
            TableCell(wording.count(c.n), c.n),
        ],
    )


def _way(pruning: PruningConfig) -> str:
    """How it was pruned, where it was not by magnitude alone."""
    if pruning.key == PruningConfig().key:
        return ""
    return f"; {pruning.ranks_by.title}, {pruning.within.title}{repair.after(pruning.repair)}"


def reenactment() -> list[Row]:
    """Our re-enactment of the report, from the run that ships."""
    shipped = [run for run in store().runs() if run.reference and _is_report(run)]
    profiles = [(run, store().profile(run.id, PruningConfig())) for run in shipped[:1]]
    return [compared("Re-enacted", run, known) for run, known in profiles if known is not None]


def _is_report(run: Run) -> bool:
    return not run.brought and recipe_name(run.network, run.trained.training) == "report"


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
        with st.container(key=SLIDER_RANGE):
            wall(here, shown)
            claim(here, shown)
        report.offer(top, here, shown, report.of_part(here, shown, "wall"), pictures=partial(routes.wall, here.run.id))
ways_on()
