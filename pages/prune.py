"""How far can I prune? The slider and everything it drives."""

import streamlit as st

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


def choose_kernels(now: View) -> str:
    """The convolution whose kernels are drawn."""
    layers = {figures.layer_title(name): name for name in panels.convolutions(store().shapes(now.run.id))}
    first = next(iter(layers))
    chosen = st.segmented_control(
        "Kernels of", [*layers], default=first, key="kernels", bind="query-params", required=True,
        help="The convolution whose kernels are drawn above, one heat map each; pruned weights are covered.",
    )  # fmt: skip
    return layers.get(chosen or first, layers[first])


def show_panel(now: View, stops: Stops, options: list[str]) -> None:
    """The slider and its figures, and below them the choice of kernels, which are the last figure."""
    above = st.container()
    urls = [lookup.panel_url(now, stops), lookup.panel_url(now, stops, kernels=choose_kernels(now))]
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
