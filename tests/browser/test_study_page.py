"""The Study page in a browser: every part in its link, computed while one watches, stopped when asked to."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from core import data
from core.errors import DataError
from tests.patience import PATIENCE

pytestmark = pytest.mark.browser

PARTS = ("Criteria", "One layer at a time", "Retraining", "Optimizers", "The claim, audited")


def test_each_part_is_in_the_link_and_shows_a_figure(visit: Any) -> None:
    page = visit().open("study")
    for part in PARTS[1:]:
        page.get_by_role("radio", name=part).click()
        expect(page).to_have_url(re.compile(f"part={part.split()[0]}"))
        expect(page.locator("h2").first).to_be_visible()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.goto(page.url)
    expect(page.locator("h2").first).to_contain_text("by magnitude changes accuracy by")


@pytest.mark.parametrize("path", ["study", "images?section=First to change", "storage"])
def test_all_figures_are_drawn_by_one_plotly_js_and_say_what_they_show(visit: Any, path: str) -> None:
    visitor, asked = visit(), []
    visitor.page.on("request", lambda request: asked.append(request.url))
    page = visitor.open(path)
    figures = page.locator("figure.still")
    expect(figures.first.locator(".main-svg").first).to_be_visible()
    assert len({url for url in asked if "plotly" in url.lower()}) == 1
    assert all(figure.get_attribute("aria-label") or figure.inner_text().strip() for figure in figures.all())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_has_the_colours_of_the_page(visit: Any, scheme: str) -> None:
    page = visit(color_scheme=scheme).open("study")
    figure = page.locator("figure.still").first
    expect(figure.locator(".xtick text").first).to_be_visible()
    colours = figure.evaluate(
        "(f) => [f, f.querySelector('.xtick text')].map((node, i) => getComputedStyle(node)[i ? 'fill' : 'color'])"
    )
    assert colours[0] == colours[1] == page.evaluate("getComputedStyle(document.querySelector('h1')).color")


@pytest.mark.parametrize("part", PARTS)
def test_a_narrow_screen_does_not_scroll_sideways(visit: Any, part: str) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True).open(f"study?part={part}")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("part", PARTS)
def test_axe_finds_nothing_of_our_own(visit: Any, part: str, scheme: str) -> None:
    page = visit(color_scheme=scheme).open(f"study?part={part}")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]


def test_numbers_and_figure_are_taken_away_as_files(visit: Any) -> None:
    page = visit().open("study")
    with page.expect_download() as download:
        page.get_by_role("button", name="Numbers (CSV)").click()
    assert download.value.path().read_text().startswith("line,networks,sparsity,mean,low,high")
    with page.expect_download() as download:
        page.get_by_role("button", name="Figure (HTML)").click()
    html = download.value.path().read_text()
    offline = page.context.browser.new_context(offline=True).new_page()
    offline.set_default_timeout(1000 * PATIENCE)
    offline.set_content(html)
    offline.wait_for_selector(".main-svg")
    assert "Magnitude" in str(offline.locator(".legend").text_content())
    offline.context.close()


def test_what_is_missing_is_computed_with_progress_and_stopped_when_asked_to(visit: Any) -> None:
    try:
        data.check(data.FASHION.id)
    except DataError as error:
        pytest.skip(str(error))
    page = visit().open("study?networks=LeNet-5%2C+report")
    expect(page.get_by_text("0 of 40 cells of this figure are computed.")).to_be_visible()
    page.get_by_role("button", name="Compute the remaining 40").click()
    expect(page.get_by_text(re.compile("[1-9][0-9]* of 40 cells computed.*left"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name=re.compile("Compute the remaining"))).to_be_visible()
    expect(page.get_by_text(re.compile("[1-9][0-9]* of 40 cells of this figure are computed."))).to_be_visible()
