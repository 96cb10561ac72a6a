"""A button that downloads the live panel on the page as a picture (PNG), drawn in the browser."""

from pages.ui.components.component import declare

_HTML = """
<div class="share">
  <button type="button">Download this view (PNG)</button>
  <p role="status"></p>
</div>
"""

_component = declare(__file__, _HTML)


def picture(title: str, about: str, key: str) -> None:
    """Mount the button. `title` and `about` (what is pruned, and how) stand above the panel in the picture."""
    _component(data={"title": title, "about": about}, key=key)
