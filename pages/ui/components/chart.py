"""A figure without a slider, as every page shows one: zoomed by its buttons alone, saved as a picture.

It is the same for whoever looks at it, and plotly.py takes longer to build it than a page takes for all else. So each
is built once: what the framework sends to the browser is kept under all that the figure was made of, and sent again.
"""

from dataclasses import is_dataclass
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.figures import Spec

KEPT = 128
"""Figures, of some ten thousand bytes each: the latest that anybody looked at."""

_BUTTONS = {"displaylogo": False, "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d", "toImage"]]}
_NO_BUTTONS = {"displayModeBar": False}

Draw = partial[go.Figure] | partial[Spec]
"""A function of `core.figures` and its arguments, which are all that the figure is made of."""


def chart(draw: Draw, key: str, alt: str, *, buttons: bool = True) -> None:
    """Show it. `alt` says what it shows, for anyone who cannot see it."""
    made_of = repr((draw.func.__qualname__, _content(draw.args), _content(draw.keywords)))
    _shown(made_of, key, alt, buttons, draw)


def _content(value: Any) -> Any:
    """All that a value says, in parts whose `repr` leaves nothing out.

    Raises:
        TypeError: it has a part that is neither words nor numbers, and so might say something else next time.
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
    raise TypeError(f"A figure is made of words and numbers, not of {type(value).__name__}.")


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _shown(made_of: str, key: str, alt: str, buttons: bool, _draw: Draw) -> None:
    """Streamlit keeps the element too, and shows it again without calling this."""
    drawn = _draw()
    figure = drawn if isinstance(drawn, go.Figure) else _Checked(drawn)
    st.plotly_chart(figure, key=key, config=_BUTTONS if buttons else _NO_BUTTONS, alt=alt)


class _Checked(go.Figure):  # type: ignore[misc]
    """A figure in plotly.js's own form. Tests have checked it; plotly.py would again, at each stop."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self._spec = spec

    def to_dict(self) -> Spec:
        """The figure, with the template that a figure of plotly.py's brings."""
        return {**self._spec, "layout": {**super().to_dict()["layout"], **self._spec["layout"]}}
