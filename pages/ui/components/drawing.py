"""A sheet to draw on, as a Streamlit component."""

import base64

from core.picture import PNG_URL
from pages.ui.components.component import declare

_HTML = """
<div class="drawing">
  <canvas width="280" height="280" role="img" aria-label="Draw an object here with a finger or the mouse"></canvas>
  <div><button type="button" data-do="undo">Undo</button> <button type="button" data-do="clear">Clear</button></div>
</div>
"""
_LONGEST = 400_000
"""Longest accepted drawing in characters; the sheet's own PNGs are far shorter."""

_component = declare(__file__, _HTML)


def drawing(key: str) -> bytes | None:
    """Mount the sheet and return the drawing as a PNG, black on white; None while it is empty."""
    drawn = _component(key=key, on_drawn_change=lambda: None).drawn
    if not isinstance(drawn, str) or not drawn.startswith(PNG_URL) or len(drawn) > _LONGEST:
        return None
    return base64.b64decode(drawn.removeprefix(PNG_URL))
