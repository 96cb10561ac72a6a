"""A view as one HTML file, which works offline: the live panel with all its stops, and the view's parameters."""

import base64
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from core.cost.files import facts
from core.words import repair
from pages.ui.components import live_panel, plotlyjs, table
from pages.ui.components.picture import picture
from pages.ui.components.table import Row
from pages.ui.server.routes import panel
from pages.ui.view import address, lookup, picker
from pages.ui.view.address import View
from pages.ui.view.head import Head
from pages.ui.view.lookup import Stops

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src data:"
)
"""What the file may load: only its own content."""


@dataclass(frozen=True)
class Sheet:
    """A table of the page that is also in the file."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]

    def to_html(self) -> str:
        """The table with its title; a wide table scrolls on its own."""
        kinds = [cell.kind for cell in self.rows[0].cells]
        head = "".join(
            f"<th scope='col' class='{kind}'>{escape(column)}</th>"
            for column, kind in zip(self.columns, kinds, strict=True)
        )
        rows = "".join(f"<tr>{_cells(row)}</tr>" for row in self.rows)
        name = escape(self.title)
        return (
            f"<h2>{name}</h2><div class='table' role='region' aria-label='{name}' tabindex='0'>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


def _cells(row: Row) -> str:
    first, *others = row.cells
    named = f"<th scope='row'>{escape(first.content)}</th>"
    return named + "".join(f"<td class='{cell.kind}'>{escape(cell.content)}</td>" for cell in others)


Sheets = Callable[[], Sequence[Sheet]]
"""Makes the tables, only when the file is downloaded."""


Content = Callable[[], bytes]
"""Returns the panel that the file contains, compressed JSON; called only when the file is downloaded."""


Pictures = Callable[[], bytes | None]
"""Returns the sheet of a wall's pictures, a PNG file, if there is a wall and they are on the server."""


def of_part(view: View, stops: Stops, part: str = "pruning") -> Content:
    """A part of the panel of a view."""
    return partial(panel, lookup.panel_query(view, stops, part=part))


def offer(
    top: Head, view: View, stops: Stops, content: Content, sheets: Sheets = list, pictures: Pictures = lambda: None
) -> None:
    """Add to a page's menu to share: the view as a picture, and as a file."""
    pruning = view.pruning
    way = f"{pruning.ranks_by.title}, {pruning.within.title}{repair.after(pruning.repair)}"
    with top.downloads:
        st.download_button(
            "Download this view (HTML)",
            partial(build, top.page.question, view, stops, content, sheets, _link(view), pictures),
            f"prunelab-{view.run.id}-{address.percentage(view.sparsity)}.html",
            "text/html",
            on_click="ignore",
            key="report",
            width="stretch",
            help="One file with the slider and its figures, which works offline.",
        )
        picture(top.page.question, f"{picker.title(view.run)}. {way}", "picture")


def _link(view: View) -> str:
    """The URL of the page with all that it shows."""
    return f"{(st.context.url or '').split('?')[0]}?{urlencode({**st.query_params.to_dict(), **view.params})}"


def build(
    question: str,
    view: View,
    stops: Stops,
    content: Content,
    sheets: Sheets,
    link: str,
    pictures: Pictures = lambda: None,
) -> str:
    """The HTML file.

    Raises:
        PruneLabError: the panel is not evaluated yet.
    """
    data = {
        "urls": [_address("application/json", gzip.decompress(content()))],
        "stop": stops.row,
        "label": "Sparsity",
        "plotly": "",
        "options": [],
        "sheet": _address("image/png", pictures() or b""),
    }
    script = _address("text/javascript", live_panel.code(".js").encode())
    files_of_style = (_HERE / "report.css", Path(table.__file__).with_suffix(".css"))
    style = "".join(path.read_text("utf-8") for path in files_of_style)
    style += live_panel.code(".css")
    comparison = stops.profile.comparison(lookup.labels(view, stops.profile), stops.row)
    rows = facts(view.run, view.pruning, int(stops.profile.k[stops.row]), comparison)
    parameters = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(question)} PruneLab</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{escape(question)}</h1>
<p>{escape(picker.title(view.run))}. Move the slider; it works offline.
<a href="{escape(link)}">Open this view in PruneLab</a></p>
<div id="panel">{live_panel.HTML}</div>
{"".join(sheet.to_html() for sheet in sheets())}
<h2>The view when this file was made</h2>
<table>{parameters}</table>
</main>
<script>{plotlyjs.code()}</script>
<script type="module">
import mount from "{script}"
window.plotlyLoading = Promise.resolve()
const ignored = () => {{}}
const parentElement = document.getElementById("panel")
mount({{ parentElement, data: {json.dumps(data)}, setStateValue: ignored, setTriggerValue: ignored }})
</script>
</body>
</html>
"""


def _address(kind: str, content: bytes) -> str:
    """Content as a data URL, whose characters need no escaping in HTML."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
