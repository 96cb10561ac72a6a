"""Class names that look like numbers, dates, Markdown or HTML, in a real browser: ticks, clicks, headers, tables."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.run import Run
from tests import shelf
from tests.browser.conftest import Server
from tests.browser.steps import click_cell, drawn
from tests.hard_names import MARKS, NUMBERS

pytestmark = pytest.mark.browser

NAMES = (*NUMBERS, *MARKS)
CLICKED = ("1", "20", "2020-01-01", "<b>", "<b>x</b>", ":smile:", ":material_home:", "a -> b", "http://example.com/a_b")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return shelf.named(tmp_path_factory.mktemp("named"), NAMES)


@pytest.fixture(scope="module")
def server(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """In place of the one that all tests share."""
    root = Path(os.fspath(tmp_path_factory.getbasetemp()))
    server = Server(next(root.glob("named*")))
    server.start()
    yield server
    server.stop()


def ticks(page: Page, figure: str, way: str) -> list[str]:
    """The texts beside an axis, as they stand from left to right or from the top."""
    found = page.evaluate(
        """([figure, way]) => [...document.querySelectorAll(`${figure} .${way}tick text`)]
             .map(node => [node.getBoundingClientRect()[way[0] === "y" ? "top" : "left"], node.textContent])""",
        [figure, way],
    )
    return [text for _, text in sorted(found, key=lambda at: at[0])]


def test_every_class_stands_beside_the_matrices_and_a_click_on_its_cell_filters(visit: Any, run: Run) -> None:
    page = drawn(visit(viewport={"width": 1400, "height": 1800}).open(f"images?run={run.id}&sparsity=80"))
    page.locator("#plot-difference").scroll_into_view_if_needed()
    for figure in ("dense", "pruned", "difference"):
        assert ticks(page, f"#plot-{figure}", "y") == [*NAMES]
        assert sorted(ticks(page, f"#plot-{figure}", "x")) == sorted(NAMES)
    title = page.get_by_role("heading", level=2)
    for name in CLICKED:
        at = NAMES.index(name)
        page.locator("#plot-pruned").evaluate(
            "node => node.scrollIntoView({ block: 'center' })"
        )  # not under the slider
        click_cell(page, "pruned", at, at, len(NAMES))
        expect(title).to_have_text(
            re.compile(f"images, true class {re.escape(name)}, pruned answer {re.escape(name)}$")
        )
        assert title.locator("a, img, [role=img], strong, em, code").count() <= 1  # its own anchor
    for text in page.locator(".gallery .title").all_inner_texts():
        assert text == CLICKED[-1]


def test_the_other_sections_name_every_class(visit: Any, run: Run) -> None:
    page = visit().open(f"images?run={run.id}&sparsity=80&section=Class+by+class")
    drawn(page)
    assert page.locator(".table tbody th").all_inner_texts() == [*NAMES]
    for figure in ("recall", "precision"):
        assert ticks(page, f"#plot-{figure}", "y") == [*NAMES]
    page = visit().open(f"images?run={run.id}&sparsity=80&section=First+to+change")
    page.wait_for_selector(".js-plotly-plot .y2tick text")
    assert ticks(page, ".js-plotly-plot", "y2") == [*NAMES]
