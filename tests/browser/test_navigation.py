"""The bar of pages: brand, page name, and on a phone the menu."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from benchmarks.browser import until
from pages.ui.view.site import PAGES

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SAID = "getComputedStyle(document.querySelector('[data-testid=stExpandSidebarButton]'), '::before').content"


def test_every_page_is_called_by_its_name_in_the_tab_and_has_our_icon(visit: Any) -> None:
    visitor = visit()
    for each in PAGES:
        page = visitor.open(each.name)
        expect(page).to_have_title(f"{each.title} · PruneLab")
        icons = page.locator("link[rel*=icon]").evaluate_all(
            "(links) => links.map((link) => link.getAttribute('href'))"
        )
        assert icons == ["/favicon.ico", "/icon.svg", "/icon-180.png"]


def test_the_brand_leads_to_the_first_page(visit: Any) -> None:
    page = visit().open("study")
    page.get_by_role("button", name="Navigate to home page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[0].question)


def test_on_a_phone_the_bar_names_the_page_and_its_menu_leads_to_the_others(visit: Any) -> None:
    page = visit(**PHONE).open("prune?sparsity=50")
    until(page, f"{SAID} === '\"Prune\"'")
    menu = page.get_by_role("button", name="Prune, Menu")
    box = menu.bounding_box()
    assert box is not None and box["x"] + box["width"] <= 390 and box["height"] >= 40
    menu.click()
    page.get_by_role("link", name="Storage").click()
    expect(page).to_have_url(re.compile("/storage"))
    until(page, f"document.querySelector('[data-testid=stExpandSidebarButton]') && {SAID} === '\"Storage\"'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_bar_of_a_phone(visit: Any, scheme: str) -> None:
    page = visit(**PHONE, color_scheme=scheme).open("study")
    until(page, f"{SAID} === '\"Study\"'")
    found = Axe().run(page, context="[data-testid=stHeader]").response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]
