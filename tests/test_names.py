"""A class's name stands everywhere as it is written, whatever plotly, Markdown or JavaScript would take it for."""

import html
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given as tried_with
from hypothesis import strategies as hs
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from core import figures, panels, study
from core.cost.files import card
from core.evaluation import Comparison
from core.evaluation.answers import first_changes
from core.figures.labels import LONGEST
from core.pruning import PruningConfig
from core.run import Run
from pages.ui.view.say import as_written
from tests import shelf, small
from tests.curves import LENET, VALUES, cell, curve
from tests.hard_names import MARKS, NAMES

ISOLATES = re.compile("[\u2066-\u2069]")
TENS = [tuple(NAMES[i : i + 10]) for i in range(0, len(NAMES) - 9, 10)]
"""As many as the small network has classes."""


def read(label: str) -> str:
    """What plotly shows of a label."""
    return html.unescape(label)


def checked(figure: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """How many axes of names a figure has; each is one of categories, in the names' order, with all of them."""
    found = set()
    for trace in figure["data"]:
        for way in "xy":
            given = trace.get(way, ())  # numbers may be packed
            values = [] if isinstance(given, dict) else [value for value in given if isinstance(value, str)]
            axis = figure["layout"][trace.get(f"{way}axis", way).replace(way, f"{way}axis")] if values else {}
            assert not values or (axis["type"] == "category" and {*values} <= {*axis["categoryarray"]})
            shown = [read(name) for name in axis.get("categoryarray", ())]
            if sorted(shown) == sorted(map(bare, names)):
                assert shown in ([*map(bare, names)], [*map(bare, names)][::-1])
                assert [*axis["tickvals"]] == [*axis["categoryarray"]] and len(axis["ticktext"]) == len(names)
                found.add(trace.get(f"{way}axis", way))
    return len(found)


def bare(name: str) -> str:
    """A name as it is shown: with what keeps its direction of writing to itself."""
    return read(figures.label(name))


# --- figures ----------------------------------------------------------------------------------------------------


@tried_with(hs.lists(hs.text(), unique=True, max_size=8))
def test_a_label_is_read_as_its_name_and_no_two_names_have_the_same(names: list[str]) -> None:
    found = [figures.label(name) for name in names]
    assert len({*found}) == len(names)
    for name, label in zip(names, found, strict=True):
        assert "<" not in label and "%{" not in label
        assert read(label.replace("\u2068", "").replace("\u2069", "")) == ISOLATES.sub("", name) or "&" in name
        assert figures.named(label, names) == name
    assert figures.named("no such label \u0000", names) is None or "no such label \u0000" in names


@pytest.mark.parametrize("name", NAMES)
def test_a_label_says_the_name(name: str) -> None:
    assert ISOLATES.sub("", bare(name)) == ISOLATES.sub("", name)


@pytest.mark.parametrize("names", TENS)
def test_every_axis_of_classes_has_them_as_categories_in_their_order(names: tuple[str, ...]) -> None:
    profile = small.profile()
    shown = {
        placed.figure.name: placed.figure
        for panel in (
            panels.pruning(profile, small.weights(), small.ranking(), small.LABELS, names),
            panels.classwise(profile, small.LABELS, names),
            panels.story(small.trace(), profile, names, 3),
            panels.answers(profile, small.LABELS, names),
        )
        for placed in panel.figures
    }
    axes = {name: checked(json.loads(json.dumps(figure.base)), names) for name, figure in shown.items()}
    assert {name: n for name, n in axes.items() if n} == {
        "dense": 2, "pruned": 2, "difference": 2, "recall": 1, "precision": 1, "probabilities": 1, "story": 1,
    }  # fmt: skip
    counts = first_changes(profile, small.LABELS, 10)
    assert checked(figures.first_changes(counts, profile.sparsity, names).to_plotly_json(), names) == 1


def test_other_axes_of_words_are_categories_too() -> None:
    lines = [
        study.band(f"{i}.weight", [curve(cell(c), row) for c, row in zip(LENET, VALUES, strict=True)]) for i in (1, 20)
    ]
    assert checked(figures.sensitivity(lines).to_plotly_json(), ("1", "20")) == 1


def test_names_that_are_alike_once_they_are_shortened_keep_their_own_places() -> None:
    names = tuple(f"{'long ' * 20}{i}{' long' * 20}" for i in range(10))
    matrix = figures.confusion("dense", "", [np.eye(10, dtype=np.int64)], names)
    axis = go.Figure(matrix.base).layout.yaxis
    assert len({*axis.categoryarray}) == 10 and all(len(text) <= LONGEST for text in axis.ticktext)


def test_a_layer_of_any_name_is_written_where_a_template_would_read_it() -> None:
    assert figures.label("%{x}<b>") == "%&#123;x}&lt;b&gt;"


# --- Markdown ---------------------------------------------------------------------------------------------------


def plain(markdown: str) -> list[str]:
    """The texts of Markdown's paragraphs or cells, as GitHub reads them."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    inline = [token for token in tokens if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children or ()}
    assert kinds <= {"text", "text_special", "code_inline", "softbreak"}, kinds
    return ["".join(child.content for child in token.children or ()) for token in inline]


def direct(text: str) -> str:
    """Without the colours that are none."""
    return re.sub(r":color\[(\\?.)\]", r"\1", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_text_is_shown_as_it_is_written(name: str) -> None:
    for before, after in (("", ""), ("Test image 5: ", ""), ("“", "”, dense answer "), ("**", "**")):
        if before == "**":
            shown = [
                token.content for token in MarkdownIt().parseInline(f"**{direct(as_written(name))}**")[0].children or ()
            ]
            said = "".join(shown)
        else:
            (said,) = plain(f"{before}{direct(as_written(name))}{after}")
            said = said.removeprefix(before).removesuffix(after.strip())
        assert ISOLATES.sub("", said.strip()) == ISOLATES.sub("", " ".join(name.split()))


@tried_with(hs.text(min_size=1))
def test_any_text_is_one_paragraph_of_that_text(text: str) -> None:
    words = " ".join(re.sub("[\x00-\x1f\x7f\u2028\u2029\x85]", "", text).split())
    if words and not ISOLATES.search(text):
        assert plain(direct(as_written(words))) == [words] or "\u202a" <= max(words) <= "\u202e"


@pytest.mark.parametrize("text", ["92.50 % of T-shirt/top, Trouser", "tcp://127.0.0.1:1 does not answer", "a_b.png"])
def test_what_means_nothing_in_markdown_stays_as_it_is(text: str) -> None:
    assert as_written(text) == text


def test_a_model_card_has_every_name_in_its_cell(tmp_path: Path) -> None:
    run = shelf.named(tmp_path, NAMES)
    cells = plain(card(run, PruningConfig(), 5, Comparison(400, 300, 50, 20, 30, 80), {}, {}))
    at = cells.index("Classes")
    assert ISOLATES.sub("", cells[at + 1]) == ", ".join(ISOLATES.sub("", " ".join(n.split())) for n in NAMES)
    assert cells[at + 2] == "Images"
    assert "300 of 400" not in cells and any("McNemar p < 0.001" in text for text in cells)


# --- pages ------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(tmp_path: Path, app_on: Callable[[Path], AppTest]) -> tuple[AppTest, Run]:
    run = shelf.named(tmp_path / "runs", MARKS)
    opened = app_on(tmp_path / "runs")
    opened.query_params["run"], opened.query_params["sparsity"] = run.id, "80"
    opened.run()
    return opened, run


def test_a_filter_says_its_class_as_it_is_written(app: tuple[AppTest, Run]) -> None:
    page, _ = app
    page.switch_page("images.py").run()
    for name in ("*a*", ":smile:", "<b>x</b>", "a|b", "1. a"):
        page.selectbox(key="true").set_value(name).run()
        (said,) = plain(direct(page.header[0].value))
        assert not page.exception and said.endswith(f"images, true class {name}")


def test_what_a_link_says_is_shown_in_a_message_as_it_is_written(app: tuple[AppTest, Run]) -> None:
    page, _ = app
    for name in ("**bold**", "[a](http://x.org)", ":red[a]", "<b>"):
        page.query_params["criterion"] = name
        page.run()
        assert any(f"“{name}” is not a criterion" in plain(direct(w.value))[0] for w in page.warning)


def test_the_worst_class_of_a_lesson_and_the_most_confused_are_named_as_they_are_written(
    app: tuple[AppTest, Run],
) -> None:
    page, _ = app
    page.query_params["section"] = "Class by class"
    page.switch_page("images.py").run()
    told = next(m.value for m in page.markdown if "most often confused" in m.value)
    names = re.fullmatch(r"\*\*(.+)\*\* are most often.*", direct(told))
    assert names
    (said,) = plain(names[1])
    assert all(
        any(part == name for name in MARKS) for part in re.split(", | and ", said.replace("$x$ and $y$", MARKS[0]))
    )
