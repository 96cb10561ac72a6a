"""What browsers draw with: npm's bundle of plotly.js or, without it, the whole from the Python package."""

import re
from functools import partial
from pathlib import Path

import plotly.graph_objects as go
import pytest
from plotly.basedatatypes import BaseTraceType
from plotly.offline import get_plotlyjs_version

from core import figures
from pages.ui.components import plotlyjs
from pages.ui.view.downloads import to_html

needs_bundle = pytest.mark.skipif("cartesian" not in plotlyjs.PATH, reason="npm has not installed plotly.js's bundle.")


def test_the_bundle_is_of_the_python_packages_release() -> None:
    assert get_plotlyjs_version() == plotlyjs.VERSION


def test_the_script_is_of_that_release() -> None:
    assert f"v{plotlyjs.VERSION}" in plotlyjs.code()[:300]


@needs_bundle
def test_the_bundle_draws_every_kind_of_trace_that_we_draw() -> None:
    package = Path(plotlyjs.__file__).parents[1] / "node_modules" / plotlyjs.PACKAGE
    known = next(line for line in (package / "README.md").read_text().splitlines() if line.startswith("Contains trace"))
    source = "".join(path.read_text() for path in Path(figures.__file__).parent.glob("*.py"))
    classes = (kind for name in go.__all__ if isinstance(kind := getattr(go, name), type))
    kinds = {kind.__name__.lower() for kind in classes if issubclass(kind, BaseTraceType)}
    drawn = {kind.lower() for kind in re.findall(r'"type": "(\w+)"|go\.(\w+)\(', source) for kind in kind} & kinds
    assert {"bar", "heatmap", "image", "scatter"} <= drawn <= {*re.findall(r"`(\w+)`", known)}


@needs_bundle
def test_without_the_bundle_it_is_the_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = plotlyjs.code()
    monkeypatch.setattr(plotlyjs, "_BUNDLE", tmp_path / "is not there")
    assert len(plotlyjs.code()) > 2 * len(bundle) and f"v{plotlyjs.VERSION}" in plotlyjs.code()[:300]


def test_a_figure_as_a_file_brings_its_script_along_once() -> None:
    html = to_html(partial(go.Figure, {"data": [{"type": "bar", "y": [1]}]}))
    assert html.count(plotlyjs.code()[:300]) == 1 and html.index(plotlyjs.code()[:300]) < html.index("Plotly.newPlot")
    assert "src=" not in html.replace(plotlyjs.code(), "")
