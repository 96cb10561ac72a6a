"""A figure's numbers and the figure itself, to download."""

from collections.abc import Callable
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from pages.ui.components import plotlyjs
from pages.ui.components.chart import Draw


def offer_files(name: str, numbers: Callable[[], str], figure: Draw) -> None:
    """Numbers as CSV, and a figure as an HTML page that opens offline."""
    page = f"prunelab-{name}.html"
    with st.container(horizontal=True):
        offer_numbers(name, numbers)
        st.download_button(
            "Figure (HTML)", partial(to_html, figure), page, "text/html", on_click="ignore", key=f"html {name}"
        )


def offer_numbers(name: str, numbers: Callable[[], str]) -> None:
    """Numbers as CSV, written when they are downloaded."""
    st.download_button(
        "Numbers (CSV)", numbers, f"prunelab-{name}.csv", "text/csv", on_click="ignore", key=f"csv {name}"
    )


def to_html(figure: Draw) -> str:
    """The figure as an HTML page, built when it is downloaded."""
    html = str(go.Figure(figure()).to_html(include_plotlyjs=False))
    return html.replace("<head>", f"<head><script>{plotlyjs.code()}</script>", 1)
