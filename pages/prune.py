"""How far can I prune? The slider and everything it drives."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import figures, panels
from pages.ui import lookup, picker, view
from pages.ui.live_panel import live_panel
from pages.ui.lookup import Stops
from pages.ui.services import store
from pages.ui.view import View


def choose(now: View) -> list[str]:
    """The row of choices; returns the figures' options that are chosen."""
    choices, display = st.columns([15, 2], vertical_alignment="bottom")
    with choices:
        picker.choose(now, store())
    with display.popover("Display", icon=":material/tune:", width="stretch"):
        return choose_options()


def choose_options() -> list[str]:
    """How the weight distributions are drawn."""
    log = st.toggle("Logarithmic counts", key="log", bind="query-params", help="So that single weights show.")
    common = st.toggle(
        "One weight axis for all layers", key="common", bind="query-params", help="So that widths compare."
    )
    return [option for option, on in ((figures.LOG, log), (figures.COMMON, common)) if on]


def choose_kernels(now: View) -> dict[str, str]:
    """The convolution whose kernels are drawn and, of a large one, from where on; as query of the panel's address."""
    shapes = store().shapes(now.run.id)
    layers = {figures.layer_title(name): name for name in panels.convolutions(shapes)}
    first, (choice, *windows) = next(iter(layers)), st.columns([8, 2, 2])
    chosen = choice.segmented_control(
        "Kernels of", [*layers], default=first, key="kernels", bind="query-params", required=True,
        help="The convolution whose kernels are drawn above, one heat map each; pruned weights are covered.",
    )  # fmt: skip
    layer = layers.get(chosen or first, layers[first])
    starts = {
        what: choose_start(column, what, size)
        for column, what, size in zip(windows, ("filter", "input"), shapes[layer][:2], strict=True)
        if size > figures.KERNELS
    }
    return {"kernels": layer, **starts}


def choose_start(column: DeltaGenerator, what: str, size: int) -> str:
    """Where the window of a layer that is too large to be drawn whole begins."""
    last = size - figures.KERNELS + 1
    st.session_state[what] = min(st.session_state.get(what, 1), last)
    return str(
        column.number_input(f"From {what}, of {size}", 1, last, step=figures.KERNELS, key=what, bind="query-params")
    )


def show_panel(now: View, stops: Stops, options: list[str]) -> None:
    """The slider and its figures, and below them the choice of kernels, which are the last figure."""
    above = st.container()
    urls = [lookup.panel_url(now, stops), lookup.panel_url(now, stops, **choose_kernels(now))]
    with above:
        live_panel(
            urls,
            stops.row,
            label="Sparsity",
            key="panel",
            on_stop=stops.go,
            options=options,
        )


st.title("How far can I prune?")
here = view.current(store())
if here is not None:
    chosen = choose(here)
    found = lookup.stops(here)
    if found is not None:
        show_panel(here, found, chosen)
