"""A guess of the accuracy curve as a Streamlit component: five points to drag, and later the truth over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core.evaluation.guess import ASKED, Bands, Guess
from pages.ui.components.component import declare

_HTML = """
<section class="guess">
  <svg></svg>
  <ul class="key"></ul>
  <p class="says" role="status"></p>
  <button type="button" class="send gone"></button>
</section>
"""

_component = declare(__file__, _HTML)


@dataclass(frozen=True)
class Chart:
    """What the chart shows; accuracies and sparsities in percent.

    Attributes:
        dense: the accuracy at 0 %, which is given.
        says: the sentence below.
        describes: what the chart shows, for anyone who cannot see it.
        network: the word for the network whose curve is the truth.
        guess: the visitor's guess, if there is one.
        bands: the guesses of a class, if they are shown.
        truth: (sparsity, accuracy) over the stops; None as long as it is hidden, and then it is not sent.
    """

    dense: float
    says: str
    describes: str
    network: str
    guess: Guess | None = None
    bands: Bands | None = None
    truth: Sequence[tuple[float, float]] | None = None


def guess(chart: Chart, *, key: str, send: str = "", on_sent: Callable[[Guess], None] = lambda guess: None) -> None:
    """Mount the chart.

    Args:
        chart: what it shows.
        key: the component's key.
        send: the label of the button that sends the guess; without one, the points cannot be moved.
        on_sent: called before the page reruns, with the guess that was sent.
    """
    _component(
        data={
            **{name: getattr(chart, name) for name in ("dense", "says", "describes", "network")},
            "asked": ASKED,
            "guess": chart.guess and chart.guess.percents,
            "bands": chart.bands and vars(chart.bands),
            "truth": chart.truth and tuple(chart.truth),
            "send": send,
        },
        key=key,
        on_sent_change=lambda: _sent(st.session_state[key].sent, on_sent),
    )


def _sent(percents: object, do: Callable[[Guess], None]) -> None:
    """Pass on what the browser sends, if it is a guess."""
    try:
        found = Guess(tuple(percents)) if isinstance(percents, list) else None
    except ValueError:
        return
    if found is not None:
        do(found)
