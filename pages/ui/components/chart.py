"""A figure without a slider, as on every page: zoomed only by its buttons, and saved as a picture.

It is the same for all visitors, and plotly.py takes longer to build it than a page takes for everything else. So each
figure is built once: its JSON is cached under everything that the figure was made of.
"""

from dataclasses import is_dataclass
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.ui.components import plotlyjs
from pages.ui.components.component import declare
from pages.ui.server.paths import served

KEPT = 128
"""Number of cached figures, the latest ones; each takes some ten thousand bytes."""

Draw = partial[go.Figure]
"""A function of `core.figures` with its arguments, from which alone the figure is made."""

_HTML = """
<figure class="still">
  <p class="failure" role="alert"></p>
  <div class="plot"></div>
</figure>
"""

_component = declare(__file__, _HTML, "plotting", "still")


def chart(draw: Draw, key: str, alt: str, *, buttons: bool = True) -> None:
    """Show a figure. `alt` describes it for anyone who cannot see it."""
    made_of = repr((draw.func.__qualname__, _content(draw.args), _content(draw.keywords)))
    figure = _built(made_of, draw)
    _component(data={"figure": figure, "alt": alt, "buttons": buttons, "plotly": served(plotlyjs.PATH)}, key=key)


def _content(value: Any) -> Any:
    """A value's complete content, in parts whose `repr` leaves nothing out.

    Raises:
        TypeError: a part is neither text nor a number, so its content may change.
    """
    if value is None or isinstance(value, str | int | float | np.generic):
        return value
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        return type(value).__name__, [_content(part) for part in vars(value).values()]
    if isinstance(value, dict):
        return [(_content(name), _content(held)) for name, held in value.items()]
    if isinstance(value, list | tuple):
        return [_content(part) for part in value]
    raise TypeError(f"A figure is made of text and numbers, not of {type(value).__name__}.")


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _built(made_of: str, _draw: Draw) -> str:
    """The figure as JSON, without plotly.py's theme: the browser sets colours and font."""
    return str(_draw().update_layout(template=None).to_json())
