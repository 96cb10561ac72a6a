"""From the first page to a pruned network on one's own disk without a mouse."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import LENET

pytestmark = pytest.mark.browser


FOCUSED = """() => {
  const node = document.activeElement
  return node?.matches("a, button, input") ? (node.getAttribute("aria-label") || node.textContent).trim() : ""
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name is focused."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if name in str(page.evaluate(FOCUSED)):
            return
    raise AssertionError(f"{name} is not reached by Tab.")


def test_a_pruned_network_is_taken_away_by_keys_alone(visit: Any) -> None:
    visitor = visit()
    page = visitor.open(f"?run={LENET}&sparsity=85")
    tab_to(page, "How far can I prune?")
    page.keyboard.press("Enter")
    expect(page.locator(".live-panel[data-drawn]")).to_be_attached()
    visitor.settle()
    tab_to(page, "Sparsity")
    page.keyboard.press("ArrowRight")
    expect(page.locator("output")).to_contain_text("90\u00a0%")
    page.keyboard.press("Home")
    expect(page.locator("output")).to_contain_text("0\u00a0%, 0 of 44,190")
    expect(page).to_have_url(re.compile("sparsity=0(&|$)"))
    tab_to(page, "Storage")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Byte ledger")).to_be_visible()
    visitor.settle()
    tab_to(page, "Prepare the files")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="All files (zip)")).to_be_visible()
    visitor.settle()
    tab_to(page, "All files (zip)")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == f"prunelab-{LENET}-0.zip"
