"""A view as one file: it opens without a network, and its slider answers."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.steps import LENET, opened, saved

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("page_name", "title", "more"),
    [
        ("prune", "How far can I prune?", ""),
        ("storage", "Is the trade worth", ""),
        ("images", "Which answers changed?", ""),
        ("images", "Which answers changed?", "section=Class+by+class"),
        ("images", "Which answers changed?", "image=25"),
    ],
)
def test_a_view_is_one_file_whose_slider_answers_without_a_network(
    real_data: None, visit: Any, tmp_path: Path, browser: Any, page_name: str, title: str, more: str
) -> None:
    path = saved(visit, f"{page_name}?{more}&run={LENET}&sparsity=50", tmp_path)
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 844})
    page, wrong = opened(context.new_page(), path)
    expect(page.locator("h1")).to_contain_text(title)
    expect(page.locator("output")).to_contain_text("50\u00a0%, 22,095 of 44,190 weights")
    before = page.locator(".readouts").inner_text()
    page.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("output")).to_contain_text("55\u00a0%")
    assert page.locator(".readouts").inner_text() != before
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("table").last).to_contain_text(LENET)
    assert ("Compact (ours)" in page.locator("table").first.inner_text()) == (page_name == "storage")
    link = str(page.get_by_role("link").get_attribute("href"))
    assert f"/{page_name}?" in link and f"run={LENET}" in link and more in link
    assert not wrong
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_it(visit: Any, tmp_path: Path, browser: Any, scheme: str) -> None:
    path = saved(visit, f"storage?run={LENET}&sparsity=50", tmp_path)
    context = browser.new_context(offline=True, color_scheme=scheme, bypass_csp=True)
    page, _ = opened(context.new_page(), path)
    found = Axe().run(page).response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]
    context.close()
