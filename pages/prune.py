"""How far can I prune? The slider and the figures it drives."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import figures, panels
from core.evaluation import MARGIN
from core.figures.layers import titles
from core.study.bisection import Goal, Search, in_words
from core.words import repair
from pages.ui.components.live_panel import live_panel
from pages.ui.server.services import results, store
from pages.ui.view import address, code, linked, lookup, picker, predict, report, say
from pages.ui.view.address import View
from pages.ui.view.head import head
from pages.ui.view.lookup import Stops
from pages.ui.view.watching import ensure, result_or_offer
from pages.ui.view.words import meanings


def choose(view: View) -> list[str]:
    """Show the row of choices and return the chosen options of the figures."""
    with picker.choose(view, store()).popover("Display", icon=":material/tune:"):
        return choose_options()


def choose_options() -> list[str]:
    """Choose how the weight distributions are drawn."""
    log = linked.switch("Logarithmic counts", key="log", on_change=address.change, help="Makes single weights visible.")
    common = linked.switch(
        "One weight axis for all layers",
        key="common",
        on_change=address.change,
        help="Makes the widths of layers comparable.",
    )
    return [option for option, on in ((figures.LOG, log), (figures.COMMON, common)) if on]


SIDE_BY_SIDE = 8
"""Convolutions up to which all are offered next to each other; more are offered in a select box."""


def choose_kernels(view: View) -> dict[str, str]:
    """Query of the panel's address: which convolution's kernels are drawn and, if it is large, from which index on.

    Empty if the network has no convolution of two dimensions.
    """
    shapes = store().shapes(view.run.id)
    names = panels.convolutions(shapes)
    if not names:
        return {}
    written = [say.as_written(title) for title in titles(names)]
    many = len(names) > SIDE_BY_SIDE or len({*written}) < len(names)  # names may differ in spaces alone
    shown = titles(names) if many else written
    layers, (choice, *windows) = dict(zip(shown, names, strict=True)), st.columns([8, 2, 2])
    if many and st.session_state.get("kernels", shown[0]) not in layers:
        st.session_state["kernels"] = shown[0]  # that was the layer of another network
    widget: Any = choice.selectbox if many else choice.segmented_control
    how: dict[str, Any] = {} if many else {"default": shown[0], "required": True}
    chosen = linked.choice(
        widget, "Kernels of", shown, key="kernels", on_change=address.change, **how,
        help="The convolution whose kernels are drawn above, one heat map for each; pruned weights are covered.",
    )  # fmt: skip
    layer = layers.get(chosen, names[0])
    starts = {
        what: choose_start(column, what, size)
        for column, what, size in zip(windows, ("filter", "input"), shapes[layer][:2], strict=True)
        if size > figures.KERNELS
    }
    return {"kernels": layer, **starts}


def choose_start(column: DeltaGenerator, what: str, size: int) -> str:
    """First index of the window on a layer that is too large to be drawn whole."""
    last, label = size - figures.KERNELS + 1, f"From {what}, of {size}"
    return str(linked.number(column, label, 1, last, key=what, step=figures.KERNELS, on_change=address.change))


def show_panel(view: View, stops: Stops, options: list[str]) -> None:
    """Show the slider and its figures; the choice of kernels stands below the last figure, which draws them."""
    above = st.container()
    kernels = choose_kernels(view)
    urls = [lookup.panel_url(view, stops), *([lookup.panel_url(view, stops, **kernels)] if kernels else [])]
    with above:
        live_panel(
            urls,
            stops.row,
            label="Sparsity",
            key="panel",
            on_stop=stops.go,
            options=options,
        )


def count_refitted(view: View) -> None:
    """Have the refitted weights counted, which the distributions then show as a line."""
    job = lookup.spreading(view)
    whole = store().profile(view.run.id, view.pruning) is not None  # it counts at all stops, of all images
    if job is not None and whole and results().get(job) is None:
        st.caption("The distributions show the weights as pruned; the refitted ones are being counted.")
        ensure(job)


QUESTIONS: dict[Goal, tuple[str, str]] = {
    "change": (
        "What is the smallest number of pruned weights that changes any answer?",
        meanings("Weight", "Churn"),
    ),
    "loss": (
        "What is the smallest number that costs more accuracy than chance would explain?",
        meanings("Accuracy", "McNemar test"),
    ),
    "margin": (
        "How many weights can be pruned while the whole interval of the difference stays within a margin?",
        meanings("Difference", "95 % interval", "Margin"),
    ),
}
"""Each goal's question, and the meanings of its terms."""


def ask(view: View) -> None:
    """Questions that are answered by one number; each is a job."""
    st.header("Find exact limits")
    if not view.pruning.is_global:
        st.caption("These limits are defined for the scope Global only, in which all weights compete. Choose it above.")
        return
    if view.pruning.repaired:
        network = repair.network(view.pruning.repair)
        st.caption(f"These are limits of the {network} network: each pass repairs it first, which takes longer.")
    for goal, (question, terms) in QUESTIONS.items():
        margin = MARGIN
        st.markdown(f"**{question}**", help=terms)
        if goal == "margin":
            narrow, _ = st.columns([2, 6])
            how = {"value": 100 * MARGIN, "step": 0.1, "on_change": address.change}
            margin = linked.number(narrow, "Margin, pp", 0.1, 50.0, key="margin", **how) / 100
        answer(Search(run_id=view.run.id, pruning=view.pruning, goal=goal, margin=margin))


def answer(search: Search) -> None:
    """Show the stored answer, or offer the job."""
    known = result_or_offer(search, "Find out", icon=":material/search:")
    if known is not None:
        st.markdown(in_words(search, known))
        st.caption(f"Found by bisection, with {known.evaluations} passes over all images.")


top = head(__file__)
here = address.current(store())
if here is not None:
    chosen = choose(here)
    stops = lookup.stops(here)
    if stops is not None and predict.first(here):
        show_panel(here, stops, chosen)
        count_refitted(here)
        report.offer(top, here, stops, report.of_part(here, stops))
        code.offer(here, stops)
        ask(here)
