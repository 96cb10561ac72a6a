"""How far can I prune? The slider and everything it drives."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import figures, panels
from core.study.bisection import MARGIN, Goal, Search, said
from pages.ui.components.live_panel import live_panel
from pages.ui.server.services import results, store
from pages.ui.view import address, linked, lookup, picker, report
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops
from pages.ui.view.watching import offer
from pages.ui.view.welcome import welcome
from pages.ui.view.words import meanings


def choose(view: View) -> list[str]:
    """The row of choices; returns the figures' options that are chosen."""
    choices, display = st.columns([15, 2], vertical_alignment="bottom")
    with choices:
        picker.choose(view, store())
    with display.popover("Display", icon=":material/tune:", width="stretch"):
        return choose_options()


def choose_options() -> list[str]:
    """How the weight distributions are drawn."""
    log = linked.switch("Logarithmic counts", key="log", on_change=address.change, help="So that single weights show.")
    common = linked.switch(
        "One weight axis for all layers", key="common", on_change=address.change, help="So that widths compare."
    )
    return [option for option, on in ((figures.LOG, log), (figures.COMMON, common)) if on]


def choose_kernels(view: View) -> dict[str, str]:
    """The convolution whose kernels are drawn and, of a large one, from where on; as query of the panel's address."""
    shapes = store().shapes(view.run.id)
    layers = {figures.layer_title(name): name for name in panels.convolutions(shapes)}
    first, (choice, *windows) = next(iter(layers)), st.columns([8, 2, 2])
    chosen = linked.choice(
        choice.segmented_control, "Kernels of", [*layers], default=first, key="kernels", required=True,
        on_change=address.change,
        help="The convolution whose kernels are drawn above, one heat map each; pruned weights are covered.",
    )  # fmt: skip
    layer = layers.get(chosen, layers[first])
    starts = {
        what: choose_start(column, what, size)
        for column, what, size in zip(windows, ("filter", "input"), shapes[layer][:2], strict=True)
        if size > figures.KERNELS
    }
    return {"kernels": layer, **starts}


def choose_start(column: DeltaGenerator, what: str, size: int) -> str:
    """Where the window of a layer that is too large to be drawn whole begins."""
    last, label = size - figures.KERNELS + 1, f"From {what}, of {size}"
    return str(linked.number(column, label, 1, last, key=what, step=figures.KERNELS, on_change=address.change))


def show_panel(view: View, stops: Stops, options: list[str]) -> None:
    """The slider and its figures, and below them the choice of kernels, which are the last figure."""
    above = st.container()
    urls = [lookup.panel_url(view, stops), lookup.panel_url(view, stops, **choose_kernels(view))]
    with above:
        live_panel(
            urls,
            stops.row,
            label="Sparsity",
            key="panel",
            on_stop=stops.go,
            options=options,
        )


QUESTIONS: dict[Goal, tuple[str, str]] = {
    "change": (
        "What is the smallest number of weights whose removal changes any answer?",
        meanings("Weight", "Churn"),
    ),
    "loss": (
        "What is the smallest number whose removal costs more accuracy than chance would explain?",
        meanings("Accuracy", "McNemar test"),
    ),
    "margin": (
        "How many can go so that the whole interval of the difference stays inside a margin?",
        meanings("Difference", "95 % interval", "Margin"),
    ),
}
"""What can be asked, and what its terms mean."""


def ask(view: View) -> None:
    """Questions with one number for an answer, each a job."""
    st.header("Find exact limits")
    if not view.pruning.is_global:
        st.caption("These questions count weights that all compete; choose the scope Global to ask them.")
        return
    for goal, (question, terms) in QUESTIONS.items():
        margin = MARGIN
        st.markdown(f"**{question}**", help=terms)
        if goal == "margin":
            narrow, _ = st.columns([2, 6])
            how = {"value": 100 * MARGIN, "step": 0.1, "on_change": address.change}
            margin = linked.number(narrow, "Margin, pp", 0.1, 50.0, key="margin", **how) / 100
        answer(Search(run_id=view.run.id, pruning=view.pruning, goal=goal, margin=margin))


def answer(search: Search) -> None:
    """What is known, or a way to find it out."""
    known = results().get(search)
    if known is not None:
        st.markdown(said(search, known))
        st.caption(f"Found by bisection; the network answered all images {known.evaluations} times.")
    else:
        offer(search, "Find out", ":material/search:")


QUESTION = "How far can I prune?"

st.title(QUESTION)
welcome()
here = address.current(store())
if here is not None:
    chosen = choose(here)
    found = lookup.stops(here)
    if found is not None:
        show_panel(here, found, chosen)
        report.offer(QUESTION, here, found)
        ask(here)
