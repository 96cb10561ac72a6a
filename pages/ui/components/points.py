"""A figure whose points can be clicked, as a Streamlit component: drawn once, while a mark moves over it."""

from collections.abc import Callable

import streamlit as st

from pages.ui.components import plotlyjs
from pages.ui.components.component import declare
from pages.ui.server.paths import served

_HTML = """
<figure class="still pickable">
  <figcaption></figcaption>
  <p class="failure" role="alert"></p>
  <div class="plot"></div>
</figure>
"""

_component = declare(__file__, _HTML, "plotting", "still")


def points(figure: str, mark: tuple[float, float], *, title: str, key: str, on_pick: Callable[[str], None]) -> None:
    """Mount the figure.

    Args:
        figure: a `core.figures.LiveFigure` without patches, as JSON; its last trace is the mark.
        mark: where the mark is on the axes.
        title: what the figure shows.
        key: the component's key.
        on_pick: called before the page reruns, with the clicked point's entry in the `ids` of its trace.
    """
    _component(
        data={"figure": figure, "mark": mark, "title": title, "plotly": served(plotlyjs.PATH)},
        key=key,
        on_picked_change=lambda: _picked(st.session_state[key].picked, on_pick),
    )


def _picked(sent: object, do: Callable[[str], None]) -> None:
    """Pass on what the browser sends, if it is a text."""
    if isinstance(sent, str):
        do(sent)
