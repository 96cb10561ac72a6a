"""A figure without a slider, as on every page: zoomed only by its buttons, and saved as a picture.

It is the same for all visitors, and plotly.py takes longer to build it than a page takes for everything else. So each
figure is built once: Streamlit's message to the browser is cached under everything that the figure was made of.
"""

from dataclasses import is_dataclass
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

KEPT = 128
"""Number of cached figures, the latest ones; each takes some ten thousand bytes."""

_BUTTONS = {"displaylogo": False, "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d", "toImage"]]}
_NO_BUTTONS = {"displayModeBar": False}

Draw = partial[go.Figure]
"""A function of `core.figures` with its arguments, from which alone the figure is made."""


def chart(draw: Draw, key: str, alt: str, *, buttons: bool = True) -> None:
    """Show a figure. `alt` describes it for anyone who cannot see it."""
    made_of = repr((draw.func.__qualname__, _content(draw.args), _content(draw.keywords)))
    _shown(made_of, key, alt, buttons, draw)


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
def _shown(made_of: str, key: str, alt: str, buttons: bool, _draw: Draw) -> None:
    """Show the figure. Streamlit caches the element too, and shows it again without calling this."""
    st.plotly_chart(_draw(), key=key, config=_BUTTONS if buttons else _NO_BUTTONS, alt=alt)
