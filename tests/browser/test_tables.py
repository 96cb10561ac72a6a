"""Our tables: nothing is cut or scrolled sideways at a desk, on a phone they scroll by themselves and show that."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import LENET, opened, saved

pytestmark = pytest.mark.browser

TABLES = {
    "train": 1,
    f"storage?run={LENET}&sparsity=90": 2,
    "storage?sparsity=50": 2,
    "images?section=Class+by+class&sparsity=50": 1,
    "study": 1,
    "study?part=One+layer+at+a+time": 1,
    "study?part=Retraining": 1,
    "study?part=Optimizers": 1,
    "study?part=The+claim%2C+audited": 1,
}
"""How many each page has at least."""

CUT = """() => [...document.querySelectorAll(".table")].flatMap((region) => {
  const box = region.getBoundingClientRect()
  const cells = [...region.querySelectorAll("th, td")].filter((cell) => {
    if (!cell.textContent) return false
    const range = document.createRange()
    range.selectNodeContents(cell)
    const text = range.getBoundingClientRect(), own = cell.getBoundingClientRect()
    return own.right > box.right + 1 || text.right > own.right + 1 || text.left < own.left - 1
  })
  return region.scrollWidth > region.clientWidth + 1 || cells.length
    ? [[region.getAttribute("aria-label"), region.scrollWidth, region.clientWidth, ...cells.map((c) => c.textContent)]]
    : []
})"""
"""Tables, and the cells in them, that need more room than they have."""


def shown(page: Page, tables: int) -> Page:
    expect(page.locator(".table tbody").nth(tables - 1).locator("tr").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("path", TABLES)
def test_at_a_desk_no_table_is_cut(visit: Any, path: str) -> None:
    page = shown(visit().open(path), TABLES[path])
    assert not page.evaluate(CUT)
    for head in page.locator(".table thead button").all():  # the arrow has its room
        head.click()
    assert not page.evaluate(CUT)


@pytest.mark.parametrize("path", TABLES)
def test_on_a_phone_a_table_scrolls_by_itself_and_words_stay_readable(visit: Any, path: str) -> None:
    page = shown(visit(viewport={"width": 390, "height": 844}).open(path), TABLES[path])
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    for region in page.locator(".table").all():
        found = region.evaluate(
            """(node) => {
              const heads = [...node.querySelectorAll("th[scope=row]")].map((cell) => cell.getBoundingClientRect())
              const [width, height] = ["width", "height"].map((side) => heads.map((box) => box[side]))
              return [Math.min(...width), Math.max(...height), getComputedStyle(node).overflowX]
            }"""
        )
        assert found[0] >= 120 and found[1] <= 110 and found[2] == "auto"


@pytest.mark.parametrize("name", ["prune", "storage"])
def test_no_table_of_the_file_is_cut(visit: Any, tmp_path: Path, browser: Any, name: str) -> None:
    path = saved(visit, f"{name}?run={LENET}&sparsity=50", tmp_path)
    context = browser.new_context(offline=True, viewport={"width": 1400, "height": 900})
    page, wrong = opened(context.new_page(), path)
    expect(page.locator(".table")).to_have_count(2 if name == "storage" else 0)
    assert not page.evaluate(CUT) and not wrong
    context.close()
