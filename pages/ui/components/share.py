"""The link of what is on the screen, as a Streamlit component: to copy, as a QR code, or for another app."""

from pages.ui.components.component import declare
from pages.ui.server.paths import served

_HTML = """
<div class="share">
  <label>Link to this view<input type="text" readonly></label>
  <p role="status"></p>
  <button type="button" data-do="copy">Copy link</button>
  <button type="button" data-do="send" hidden>Share with another app</button>
  <img class="code" alt="QR code of the link" width="176" height="176" hidden>
  <p class="failure"></p>
</div>
"""

_component = declare(__file__, _HTML)


def share(key: str, *, lead: bool = False) -> None:
    """Mount it. The link is the address at the moment of the click, so it has the state of the page.

    `lead`: the visitor has just asked for the link, so window and keyboard are led to it.
    """
    _component(data={"code": served("/qr.svg"), "lead": lead}, key=key)
