"""The live panel as a Streamlit component: a slider over stops and the figures it drives, redrawn in the browser."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import streamlit as st

PLOTLY = f"/vendor/plotly-{version('plotly')}.min.js"
"""Where the app serves the plotly.js of the installed plotly package."""

_HTML = """
<section class="live-panel">
  <div class="control">
    <label for="live-panel-slider"><span data-label></span><output for="live-panel-slider"></output></label>
    <input id="live-panel-slider" type="range" min="0" max="1" step="1" value="0">
  </div>
  <p class="failure" role="alert"></p>
  <p class="answer"></p>
  <dl class="readouts"></dl>
  <p class="warning"></p>
  <div class="figures"></div>
</section>
"""


def _asset(suffix: str) -> str:
    return Path(__file__).with_suffix(suffix).read_text(encoding="utf-8")


_component = st.components.v2.component(
    "live_panel", html=_HTML, css=_asset(".css"), js=_asset(".js"), isolate_styles=False
)


def live_panel(url: str, stop: int, *, label: str, key: str, on_stop: Callable[[int], None]) -> None:
    """Mount the panel.

    Args:
        url: where the browser finds the panel's JSON (`core.panel.Panel`).
        stop: the index of the stop to show.
        label: the slider's name.
        key: the component's key.
        on_stop: called with the index of the stop at which the visitor let go, before the page reruns.
    """
    _component(
        data={"url": url, "stop": stop, "label": label, "plotly": PLOTLY},
        key=key,
        on_stop_change=lambda: on_stop(int(st.session_state[key].stop)),
    )
