"""The Prune page in a browser: the panel answers the finger, nodes stay, the URL follows, a link comes back."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.config import PruningConfig
from core.profile import DEFAULT_STOP
from core.runs import Run, RunStore
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def drawn(page: Page) -> Page:
    """Wait until the panel shows a stop."""
    page.wait_for_selector(".live-panel[data-drawn]", timeout=60_000)
    return page


def slider(page: Page) -> Any:
    return page.get_by_role("slider", name="Sparsity")


def test_the_panel_opens_at_the_default_with_k_of_n(visit: Any, shelved: tuple[Path, Run, Run]) -> None:
    run = shelved[1]
    page = drawn(visit().open(f"prune?run={run.id}"))
    k = round(DEFAULT_STOP / 100 * run.weights)
    stop = slider(page).get_attribute("aria-valuetext").replace("\N{NO-BREAK SPACE}", " ")
    assert re.fullmatch(rf"0\.01 %, {k} of [\d,]+ weights", stop)


def test_dragging_moves_numbers_and_figures_and_keeps_every_node(visit: Any, shelved: tuple[Path, Run, Run]) -> None:
    page = drawn(visit().open(f"prune?run={shelved[1].id}"))
    page.evaluate(
        "document.querySelectorAll('.plot, .plot .main-svg, .readouts > div').forEach((n, i) => (n.dataset.mark = i))"
    )
    marked = page.locator("[data-mark]").count()
    top = page.evaluate("document.querySelector('.live-panel').getBoundingClientRect().height")
    box = slider(page).bounding_box()
    page.mouse.move(box["x"] + 0.12 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in (0.3, 0.5, 0.7, 0.8):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2, steps=3)
    before_release = page.url
    expect(page.locator(".live-panel .answer")).to_contain_text("right ones lost")
    assert "sparsity=0.01" in before_release  # nothing has been sent yet
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"sparsity=(?!0\.01&)[\d.]+"))
    assert page.locator("[data-mark]").count() == marked
    assert page.evaluate("document.querySelector('.live-panel').getBoundingClientRect().height") == top
    profile = RunStore(shelved[0]).profile(shelved[1].id, PruningConfig())
    row = int(slider(page).input_value())
    shown = page.evaluate("document.querySelector('#plot-pruned').data[0].z.flat().reduce((a, b) => a + b, 0)")
    assert profile is not None and shown == len(profile.predicted[row])
    expect(page.locator(".readouts dd").first).to_have_text(f"{profile.k[row]:,} of {profile.total:,}")


def test_keys_move_one_stop_ten_stops_and_to_the_ends(visit: Any) -> None:
    page = drawn(visit().open("prune"))
    slider(page).focus()
    start = int(slider(page).input_value())
    for key, stop in (
        ("ArrowRight", start + 1),
        ("PageUp", start + 11),
        ("PageDown", start + 1),
        ("Home", 0),
        ("End", 41),
    ):
        page.keyboard.press(key)
        expect(page.locator(f'.live-panel[data-drawn="{stop}"]')).to_have_count(1)
    expect(page).to_have_url(re.compile(r"sparsity=100"))


def test_a_copied_link_opens_the_same_view_after_a_restart(
    visit: Any, server: Server, shelved: tuple[Path, Run, Run]
) -> None:
    first = visit()
    page = drawn(first.open(f"prune?run={shelved[2].id}&criterion=magnitude&scope=global&sparsity=80"))
    answer = page.locator(".live-panel .answer").inner_text()
    link = page.url
    first.page.close()
    server.stop()
    server.start()
    second = visit()
    again = drawn(second.open(link.removeprefix(server.url + "/")))
    assert again.locator(".live-panel .answer").inner_text() == answer
    assert again.url == link


def test_two_tabs_stand_at_different_stops(visit: Any) -> None:
    one, two = drawn(visit().open("prune?sparsity=1")), drawn(visit().open("prune?sparsity=90"))
    assert slider(one).input_value() != slider(two).input_value()
    assert one.locator(".live-panel .answer").inner_text() != two.locator(".live-panel .answer").inner_text()


@pytest.mark.parametrize("path", ["", "prune?sparsity=95", "train"])
def test_a_narrow_screen_does_not_scroll_sideways(visit: Any, path: str) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True).open(path)
    if "prune" in path:
        drawn(page)
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollWidth") <= 390


def test_figures_follow_a_screen_that_becomes_narrow(visit: Any) -> None:
    page = drawn(visit().open("prune"))
    page.set_viewport_size({"width": 390, "height": 844})
    wide = "[...document.querySelectorAll('.plot .main-svg')].filter((svg) => svg.getBoundingClientRect().width > 390)"
    page.wait_for_function(f"{wide}.length === 0")


def test_dark_mode_gives_the_figures_light_text(visit: Any) -> None:
    page = drawn(visit(color_scheme="dark").open("prune"))
    colour = page.evaluate("getComputedStyle(document.querySelector('#plot-curve .ytick text')).fill")
    red = int(re.findall(r"\d+", colour)[0])
    assert red > 180
