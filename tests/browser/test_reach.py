"""The slider stays in reach of whoever looks at its figures: what a pointer hits is asked, and not how it is styled."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from benchmarks.browser import until
from pages.ui.view.site import PAGES
from tests.browser.steps import LENET, opened, saved

pytestmark = pytest.mark.browser

SIZES = {
    "desk": {"width": 1400, "height": 900},
    "phone": {"width": 390, "height": 844},
    "phone on its side": {"width": 844, "height": 390},
    "twice as large": {"width": 700, "height": 450},
}
PANELS = {
    "prune": f"prune?run={LENET}&sparsity=50",
    "answers": f"images?run={LENET}&sparsity=50",
    "classes": f"images?run={LENET}&sparsity=50&section=Class+by+class",
    "image": f"images?run={LENET}&sparsity=50&image=25",
    "own": f"images?run={LENET}&sparsity=50&section=Your+own+image&source=Drawing",
    "storage": f"storage?run={LENET}&sparsity=50",
    "embedded": f"prune?run={LENET}&sparsity=50&embed=true",
}

COVERED = """() => {
  const control = document.querySelector(".live-panel .control"), slider = control.querySelector("input")
  const text = (node) => {
    const range = document.createRange()
    range.selectNodeContents(node)
    return [...range.getClientRects()]
  }
  const track = slider.getBoundingClientRect()
  const thumb = new DOMRect(track.x + (slider.value / slider.max) * (track.width - 24), track.y + 4, 24, 24)
  const parts = {
    label: text(control.querySelector("[data-label]")),
    "k of N": text(control.querySelector("output")),
    play: [control.querySelector(".play").getBoundingClientRect()],
    thumb: [thumb],
    ground: [control.getBoundingClientRect()],
  }
  const along = (from, to) => [from + 3, (from + to) / 2, to - 3]
  const hit = (x, y) => control.contains(document.elementFromPoint(x, y))
  const seen = (box) => along(box.left, box.right).every((x) => along(box.top, box.bottom).every((y) => hit(x, y)))
  return Object.keys(parts).filter((name) => !parts[name].length || !parts[name].every(seen))
}"""
"""The parts of the control that a pointer does not hit."""

SCROLLED = "(document.querySelector('[data-testid=stMain]') ?? document.scrollingElement).scrollTop"


def drawn(page: Page) -> Page:
    page.wait_for_selector(".live-panel[data-drawn]")
    return page


def draw_something(page: Page) -> None:
    page.locator(".drawing canvas").evaluate("(node) => node.scrollIntoView({ block: 'center' })")
    box = page.locator(".drawing canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 170, box["y"] + 220, steps=6)
    page.mouse.up()


def look_at(page: Page, figure: int) -> None:
    """Scroll so that a figure fills the window, and wait until nothing moves any more."""
    page.locator(".live-panel figure").nth(figure).evaluate("(node) => node.scrollIntoView({ block: 'center' })")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def ground(page: Page) -> set[tuple[int, ...]]:
    """The colours along the upper and the lower edge of the control, within which nothing is written."""
    box = page.locator(".live-panel .control").bounding_box()
    assert box is not None
    picture = Image.open(io.BytesIO(page.screenshot(clip={**box, "height": int(box["height"])}))).convert("RGB")
    pixels = np.asarray(picture)
    return {tuple(int(value) for value in pixel) for row in (1, 2, -3) for pixel in pixels[row]}


@pytest.mark.parametrize(
    ("size", "scheme"), [*((size, "light") for size in SIZES), ("desk", "dark"), ("phone", "dark")]
)
@pytest.mark.parametrize("panel", PANELS)
def test_the_slider_is_in_reach_of_each_figure(visit: Any, panel: str, size: str, scheme: str) -> None:
    page = visit(viewport=SIZES[size], color_scheme=scheme).open(PANELS[panel])
    if panel == "own":
        draw_something(page)
    drawn(page)
    figures = page.locator(".live-panel figure").count()
    assert figures > 0
    for figure in range(figures):
        look_at(page, figure)
        assert not page.evaluate(COVERED)
        assert len(ground(page)) == 1
    box = page.locator(".live-panel .control").bounding_box()
    assert box is not None and box["height"] < 0.25 * SIZES[size]["height"]
    moved_from(page, figures - 1)


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_slider_is_in_reach_of_each_line_of_the_ledger(visit: Any, size: str) -> None:
    page = drawn(visit(viewport=SIZES[size]).open(f"{PANELS['storage']}&all=true"))
    lines = page.get_by_role("region", name="Byte ledger").locator("tbody tr")
    for line in (0, lines.count() // 2, lines.count() - 1):
        lines.nth(line).evaluate("(node) => node.scrollIntoView({ block: 'center' })")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert not page.evaluate(COVERED)
        assert len(ground(page)) == 1
        assert lines.nth(line).evaluate(
            "(node) => { const { x, y, height } = node.getBoundingClientRect();"
            " return node.contains(document.elementFromPoint(x + 5, y + height / 2)) }"
        )


@pytest.mark.parametrize("size", SIZES)
def test_the_slider_of_the_file_is_in_reach_of_each_figure(visit: Any, tmp_path: Path, browser: Any, size: str) -> None:
    path = saved(visit, PANELS["storage"], tmp_path)
    context = browser.new_context(offline=True, viewport=SIZES[size])
    page, _ = opened(context.new_page(), path)
    figures = page.locator(".live-panel figure").count()
    for figure in range(figures):
        look_at(page, figure)
        assert not page.evaluate(COVERED)
    moved_from(page, figures - 1)
    context.close()


def moved_from(page: Page, figure: int) -> None:
    """At a figure the slider is dragged and moved by keys; the window stays where it is."""
    look_at(page, figure)
    scrolled, slider = page.evaluate(SCROLLED), page.get_by_role("slider", name="Sparsity")
    box, last = slider.bounding_box(), int(str(slider.get_attribute("max")))
    assert box is not None
    at, y = int(slider.input_value()), box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 12 + at / last * (box["width"] - 24), y)
    page.mouse.down()
    page.mouse.move(box["x"] + 12 + (at + 5) / last * (box["width"] - 24), y, steps=4)
    page.mouse.up()
    expect(page.locator(f'.live-panel[data-drawn="{at + 5}"]')).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f'.live-panel[data-drawn="{at + 4}"]')).to_have_count(1)
    assert abs(page.evaluate(SCROLLED) - scrolled) <= 1


REPAINTED = """(name) => {
  const panel = document.querySelector(".live-panel"), plot = document.querySelector(`#plot-${name}`)
  window.seen = new Set()
  const look = () => (seen.add(JSON.stringify([plot.data, plot.layout.shapes])), requestAnimationFrame(look))
  look()
}"""


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("figure", ["curve", "distributions", "pruned", "kernels"])
def test_a_sweep_is_started_and_watched_from_any_figure(visit: Any, figure: str, size: str) -> None:
    page = drawn(visit(viewport=SIZES[size]).open(f"prune?run={LENET}&sparsity=0"))
    names = page.locator(".live-panel .plot").evaluate_all("(all) => all.map((node) => node.id)")
    look_at(page, names.index(f"plot-{figure}"))
    until(page, f"Boolean(document.querySelector('#plot-{figure}').data)")
    scrolled = page.evaluate(SCROLLED)
    page.evaluate(REPAINTED, figure)
    box = page.get_by_role("button", name="Play from 0 to 100 %").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, "Number(document.querySelector('.live-panel').dataset.drawn) >= 25")
    assert page.evaluate("seen.size") > 5
    assert not page.evaluate(COVERED)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("button", name="Play from 0 to 100 %")).to_be_visible()
    assert abs(page.evaluate(SCROLLED) - scrolled) <= 1


HIDDEN_BY_THE_BAR = """() => {
  const main = document.querySelector("[data-testid=stMain]"), bar = document.querySelector("[data-testid=stHeader]")
  const control = document.querySelector(".live-panel .control")
  const found = []
  for (const node of main.querySelectorAll("a[href], button, input:not([type=range]), summary, [tabindex='0']")) {
    if (!node.checkVisibility() || node.disabled || control?.contains(node)) continue
    document.activeElement.blur()
    node.scrollIntoView({ block: "start" })
    main.scrollTop += node.getBoundingClientRect().top - 4  // now its upper edge is at that of the window
    node.focus()
    if (document.activeElement !== node) continue
    const over = control && node.closest(".live-panel") ? control : bar
    const { top, height } = node.getBoundingClientRect()
    if (height > innerHeight - over.getBoundingClientRect().bottom) continue  // has no room to be seen whole
    if (height > 2 && top < over.getBoundingClientRect().bottom - 1 && main.scrollTop > 0)
      found.push((node.getAttribute("aria-label") ?? node.textContent).slice(0, 40) || node.outerHTML.slice(0, 80))
  }
  return found
}"""


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("path", [*(page.name for page in PAGES), PANELS["classes"], PANELS["image"]])
def test_what_gets_the_focus_is_scrolled_out_from_under_bar_and_slider(visit: Any, path: str, size: str) -> None:
    page = visit(viewport=SIZES[size]).open(path)
    if page.locator(".live-panel").count():
        drawn(page)
    page.wait_for_load_state("networkidle")
    assert not page.evaluate(HIDDEN_BY_THE_BAR)
