"""A link to share as a Streamlit component: to copy, and as a QR code to scan."""

from pages.ui.components.component import declare

_HTML = """
<div class="copy-link">
  <div class="way">
    <input readonly aria-label="Link to share">
    <button type="button">Copy link</button>
    <span role="status"></span>
  </div>
  <img alt="QR code of the link" hidden>
</div>
"""

_component = declare(__file__, _HTML)


def copy_link(path: str, qr: str | None, *, key: str) -> None:
    """Mount it for a path of this server, and the QR code of its whole address as SVG, if that is known."""
    _component(data={"path": path, "qr": qr}, key=key)
