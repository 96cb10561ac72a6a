"""A tour of a page as a Streamlit component: a button, and a card that goes from one part of the page to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

from pages.ui.components.component import declare

_HTML = """
<div class="tour">
  <button type="button" class="begin">
    <span class="new">New here? </span><span class="verb">Take the </span><span class="noun">tour</span>
  </button>
  <div class="ring" popover="manual"></div>
  <div class="card" popover="manual" role="dialog" aria-labelledby="tour-step" aria-describedby="tour-text">
    <h2 id="tour-step"></h2>
    <p id="tour-text" aria-live="polite"></p>
    <div class="ways">
      <button type="button" data-do="skip">Skip</button>
      <button type="button" data-do="back">Back</button>
      <button type="button" data-do="next">Next</button>
    </div>
  </div>
</div>
"""

_component = declare(__file__, _HTML)


@dataclass(frozen=True)
class Step:
    """What the card says beside a part of the page, which a CSS selector names."""

    target: str
    text: str


def tour(steps: Sequence[Step], key: str) -> None:
    """Mount it. That a visitor has taken or skipped a tour is remembered by the browser alone."""
    _component(data={"steps": [vars(step) for step in steps]}, key=key, width="content")
