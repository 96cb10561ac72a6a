"""What a page says, as a test reads it."""

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

ROUTER = str(Path(__file__).parent.parent / "pages" / "router.py")
"""The script that the app is."""


def text(app: AppTest) -> str:
    """All that is said on the page."""
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def sent(app: AppTest, name: str) -> list[dict[str, Any]]:
    """What the browser is sent by each of our components that gets a value of this name."""
    return [data for element in app.get("bidi_component") if name in (data := json.loads(element.proto.json))]


def rows(app: AppTest, label: str | None = None) -> dict[str, Any]:
    """The rows of the page's table with this label, or of its last one, by their names, as the browser gets them."""
    shown = [table for table in sent(app, "rows") if label in (None, table["label"])]
    return {row["name"]: row for row in shown[-1]["rows"]}


def charts(app: AppTest) -> list[dict[str, Any]]:
    """What the browser is sent of each figure without a slider."""
    return [{**data, "figure": json.loads(data["figure"])} for data in sent(app, "alt")]
