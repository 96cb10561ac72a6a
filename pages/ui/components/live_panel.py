"""The live panel as a Streamlit component: a slider over stops and the figures it drives, redrawn in the browser."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, get_type_hints

import streamlit as st

from pages.ui.components import plotlyjs
from pages.ui.components.component import declare, source
from pages.ui.server.paths import served

_T = TypeVar("_T")

SLIDER_RANGE = "slider-range"
"""Key of a container along all of which the slider of the panel in it stays in reach."""

HTML = """
<section class="live-panel">
  <div class="control">
    <label for="live-panel-slider"><span data-label></span><output for="live-panel-slider"></output></label>
    <div class="row">
      <button type="button" class="play" data-action="Play" aria-label="Play from 0 to 100 %" disabled></button>
      <div class="track">
        <input id="live-panel-slider" type="range" min="0" max="1" step="1" value="0" aria-label="Stop" disabled>
        <div class="ticks" aria-hidden="true"></div>
      </div>
    </div>
  </div>
  <div class="marks" role="group" aria-label="Stops that matter"></div>
  <p class="failure" role="alert"></p>
  <p class="answer"></p>
  <p class="warning"></p>
  <div class="body">
    <dl class="readouts"></dl>
    <div class="figures"></div>
  </div>
</section>
"""


@dataclass(frozen=True)
class Pick:
    """A point of a figure: the figure's name, and the point's labels on the axes, or its trace's name for a number."""

    figure: str
    x: str
    y: str


@dataclass(frozen=True)
class _Move:
    """The last stop to which the visitor moved the slider, and the number of moves in this panel."""

    to: int
    moves: int


_PARTS = ("plotting", "redraw", "wall")

_component = declare(__file__, HTML, *_PARTS)


def code(suffix: str) -> str:
    """The panel's whole script (`.js`) or style (`.css`)."""
    return source(__file__, suffix, *_PARTS)


def live_panel(
    urls: Sequence[str],
    stop: int,
    *,
    label: str,
    key: str,
    on_stop: Callable[[int], None],
    on_pick: Callable[[Pick], None] = lambda pick: None,
    options: Sequence[str] = (),
    sheet: str = "",
) -> None:
    """Mount the panel.

    Args:
        urls: URLs of the panel's JSON (`core.panels.Panel`) and of further figures, if any.
        stop: the index of the stop to show.
        label: the slider's name.
        key: the component's key.
        on_stop: called before the page reruns, with the index of the stop at which the visitor released the slider.
        on_pick: called before the page reruns, with the point of a figure's `picks` that the visitor clicked.
        options: the chosen options of the figures (`core.figures.LiveFigure.options`).
        sheet: URL of the pictures of a wall (`core.figures.Wall`), if the panel has one.
    """
    moved = _as(_Move, st.session_state.get(key, {}).get("moved"))
    _component(
        data={
            "urls": [*urls],
            "stop": stop,
            "moves": moved.moves if moved else 0,
            "label": label,
            "plotly": served(plotlyjs.PATH),
            "options": [*options],
            "sheet": sheet,
        },
        key=key,
        on_moved_change=lambda: _when(_as(_Move, st.session_state[key].moved), lambda move: on_stop(move.to)),
        on_picked_change=lambda: _when(_as(Pick, st.session_state[key].picked), on_pick),
    )


def _as(kind: type[_T], sent: object) -> _T | None:
    """What the browser sent, as this kind; None if this panel would never send it."""
    types = get_type_hints(kind)
    if not isinstance(sent, dict) or {*sent} != {*types} or not all(isinstance(sent[n], types[n]) for n in types):
        return None
    return kind(**sent)


def _when(sent: _T | None, do: Callable[[_T], None]) -> None:
    if sent is not None:
        do(sent)
