"""Addresses: what they ask for is shown or answered, and Back leads where the visitor came from."""

import re
import urllib.error
import urllib.request
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from pages.ui.view.site import PAGES
from tests.browser.conftest import Server
from tests.browser.steps import LENET, asked
from tests.patience import PATIENCE

pytestmark = pytest.mark.browser

ELSEWHERE = "data:text/html,another%20site"
COMPLETE = f"run={LENET}&criterion=magnitude&scope=global&repair=none&sparsity=50"
LINKS = (
    *(page.name for page in PAGES),
    *(f"{page.name}?sparsity=50" for page in PAGES),
    *(f"{page.name}?{COMPLETE}" for page in PAGES),
    *(f"{page.name}?{COMPLETE.replace('&repair=none', '')}" for page in PAGES),  # as saved before there was a repair
    *(f"{page.name}?run=x&criterion=luck&sparsity=lots" for page in PAGES),
    "prune?log=perhaps&common=true&margin=inf&kernels=none",
    "images?section=%F0%9F%98%80&outcome=won&page=inf",
    "images?image=x",
    f"images?{COMPLETE}&section=Class+by+class",
    "study?part=x&networks=y&competing=z",
)


@pytest.mark.parametrize("link", LINKS)
def test_the_first_back_leads_to_where_the_visitor_came_from(visit: Any, link: str) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(ELSEWHERE)
    page.goto(f"{visitor.url}/{link}", wait_until="commit")
    page.mouse.click(700, 500)  # somebody who cannot wait, and hits nothing
    visitor.settle()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("history.length") == 3  # the empty tab, the other page and this one
    page.go_back()
    expect(page).to_have_url(ELSEWHERE)


def test_another_page_is_one_entry(visit: Any) -> None:
    visitor = visit()
    page = visitor.open("teach")
    for step, (name, opened) in enumerate({"Prune": "prune", "Images": "images", "Study": "study"}.items(), 1):
        page.get_by_role("link", name=name, exact=True).first.click()
        expect(page).to_have_url(re.compile(f"/{opened}"))
        visitor.settle()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("history.length") == 2 + step
    for before in ("images", "prune", "teach"):
        page.go_back()
        expect(page).to_have_url(re.compile(f"/{before}"))
        visitor.settle()


def test_a_link_of_an_exercise_is_one_entry(visit: Any) -> None:
    visitor = visit()
    page = visitor.open("teach")
    page.get_by_role("link", name="Open the view").first.click()
    expect(page).to_have_url(re.compile("/prune.*scope=global"))
    visitor.settle()
    page.go_back()
    expect(page).to_have_url(re.compile("/teach"))


def test_a_move_of_the_slider_is_an_entry(visit: Any) -> None:
    visitor = visit()
    page = visitor.open(f"prune?{COMPLETE}")
    expect(page.locator(".live-panel[data-drawn]")).to_be_attached()
    page.get_by_role("slider", name="Sparsity").focus()
    for stop in ("55", "60"):
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile(f"sparsity={stop}"))
    for stop in ("55", "50"):
        page.go_back()
        expect(page).to_have_url(re.compile(f"sparsity={stop}"))
        expect(page.locator("output")).to_contain_text(f"{stop}\u00a0%")


def test_a_link_that_asks_for_what_there_is_not_says_so_and_what_is_shown(visit: Any) -> None:
    page = visit().open("images?section=%F0%9F%98%80&page=inf&run=x")
    notes = page.get_by_test_id("stAlert")
    expect(notes).to_have_count(3)
    said = " ".join(notes.all_inner_texts())
    assert "“😀”" in said and "Shown instead: “Changed answers”" in said
    assert "“inf”" in said and "from 1 to 417" in said and "Showing the reference run" in said
    expect(page.get_by_role("radio", name="Changed answers")).to_be_checked()
    expect(page).to_have_url(re.compile(r"/images\?run=\w{12}&"))
    assert "section" not in page.url and "page" not in page.url.partition("?")[2]


UNKNOWN = (
    "foo",
    "prune/x",
    "prune/x/y",
    "overview",
    "index.html",
    "static/js/none.js",
    "a%3Cb%3E%22",
    "%F0%9F%98%80/" * 40 + "x",
)


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_address_of_no_page_is_answered_with_a_sentence_and_the_way_home(server: Server, path: str) -> None:
    status, _, content = asked(f"{server.url}/{path}")
    assert status == 404 and "Page not found" in content and "<b>" not in content
    assert all(f'href="/{page.name}"' in content for page in PAGES)


def test_every_page_is_still_answered_by_the_framework(server: Server) -> None:
    for page in PAGES:
        status, _, content = asked(f"{server.url}/{page.name}")
        assert status == 200 and '<div id="root">' in content
    assert asked(f"{server.url}/prune/")[0] == 200  # led to the page without the stroke
    with urllib.request.urlopen(f"{server.url}/favicon.png", timeout=PATIENCE) as answer:
        assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_way_home_is_a_click(browser: Browser, server: Server, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    response = page.goto(f"{server.url}/prune/x")
    assert response is not None and response.status == 404
    assert not Axe().run(page).response["violations"]
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="What did pruning cost?")).to_be_visible()
    page.close()


def test_pages_that_open_with_figures_name_the_script_that_draws_them_early(visit: Any, server: Server) -> None:
    for page in PAGES:
        with urllib.request.urlopen(f"{server.url}/{page.name}", timeout=PATIENCE) as answer:
            assert ("plotly" in str(answer.headers.get("link"))) == (page.panel or page.figures)
        opened = visit().open(page.name)
        if page.panel:
            expect(opened.locator(".live-panel")).to_have_count(1)
        else:
            expect(opened.locator(".live-panel")).to_have_count(0)
