"""Repair on the slider, in a browser: one choice, which all figures and all pages follow, and which is in the link."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import until
from core.pruning import PruningConfig
from core.store.runs import RunStore
from core.words import wording
from tests.browser.steps import LENET, at_rest, drawn

pytestmark = pytest.mark.browser
AT = f"run={LENET}&sparsity=90"
REFIT = PruningConfig(repair="refit")


def told(page: Page) -> Any:
    return page.locator(".live-panel .answer")


def lines(page: Page) -> list[str]:
    """The names in the legend of the accuracy curve."""
    names = page.locator("#plot-curve .legendtext")
    expect(names.first).to_be_visible()
    return names.all_text_contents()


def test_the_choice_is_made_on_the_page_and_comes_back_from_its_link(visit: Any, tmp_path: Path) -> None:
    page = drawn(visit().open(f"prune?{AT}"))
    assert set(lines(page)) == {"As is", "Refitted"}
    expect(told(page)).not_to_contain_text("refitted")
    page.get_by_role("radio", name="Refitted").or_(page.get_by_role("button", name="Refitted")).first.click()
    expect(page).to_have_url(re.compile("repair=refit"))
    expect(told(page)).to_contain_text("needs no labels to repair")

    store = RunStore(tmp_path)
    profile, as_is = store.profile(LENET, REFIT), store.profile(LENET, PruningConfig())
    assert profile is not None and as_is is not None
    row, labels = profile.stop_index(90), store.labels(LENET)
    after, before = profile.comparison(labels, row), as_is.comparison(labels, row)
    expect(told(page)).to_contain_text(f"As is, {wording.count(before.lost)} correct answers lost")
    expect(told(page)).to_contain_text(f"refitted, {wording.count(after.lost)} lost")
    expect(page.locator(".readouts")).to_contain_text(wording.percent(after.pruned.value))
    expect(page.get_by_text("Weights of each layer, and refitted as a line")).to_be_visible()

    again = drawn(visit().open(page.url.rpartition("/")[2]))
    expect(told(again)).to_have_text(told(page).inner_text())


def test_the_slider_moves_all_of_it_and_a_stop_before_any_loss_says_so(visit: Any) -> None:
    page = drawn(visit().open(f"prune?{AT}&repair=refit"))
    before = told(page).inner_text()
    page.get_by_role("slider", name="Sparsity").focus()
    page.keyboard.press("ArrowRight")
    expect(told(page)).not_to_have_text(before)
    page.keyboard.press("Home")
    expect(told(page)).to_have_text("0 of 44,190 weights set to zero. None of 10,000 answers changed.")


@pytest.mark.parametrize(("path", "words"), [
    ("images", "Confusion, refitted"), ("storage", "Accuracy, difference (refitted)"), ("", "refitted"),
])  # fmt: skip
def test_every_page_follows_the_choice(visit: Any, path: str, words: str) -> None:
    page = visit().open(f"{path}?{AT}&repair=refit")
    expect(page.get_by_text(words).first).to_be_attached()


def test_a_repair_that_does_not_exist_falls_back_with_a_note(visit: Any) -> None:
    page = drawn(visit().open(f"prune?{AT}&repair=magic"))
    expect(page.get_by_text("“magic” is not a repair")).to_be_visible()
    expect(page).to_have_url(re.compile("repair=none"))


def test_a_network_without_batch_norm_says_that_measuring_it_changes_nothing(visit: Any, real_data: None) -> None:
    page = visit().open(f"prune?{AT}&repair=batch-norm")
    expect(page.get_by_text("This network has no batch normalisation")).to_be_visible()


def test_a_click_on_a_bar_shows_the_images_that_were_brought_back(visit: Any, tmp_path: Path) -> None:
    page = drawn(visit().open(f"images?{AT}&repair=refit&section=Class+by+class"))
    bar = page.locator("#plot-payers .trace.bars").first.locator(".point path").first
    bar.scroll_into_view_if_needed()
    box = at_rest(page, bar)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile("outcome=brought"))
    store = RunStore(tmp_path)
    profile, as_is = store.profile(LENET, REFIT), store.profile(LENET, PruningConfig())
    assert profile is not None and as_is is not None
    row, labels, names = profile.stop_index(90), store.labels(LENET), store.get(LENET).classes
    first = re.search("true=([^&]+)", page.url)
    assert first is not None
    chosen = labels == names.index(unquote_plus(first[1]))
    lost = (profile.predicted[0] == labels) & (as_is.predicted[row] != labels)
    n = int((chosen & lost & (profile.predicted[row] == labels)).sum())
    expect(page.get_by_role("heading", name=f"{wording.count(n)} of 10,000 images")).to_be_visible()


OVERLAPPING = """() => [...document.querySelectorAll(".plot")].flatMap((plot) => {
  const texts = [...plot.querySelectorAll(".annotation-text, .legendtext")].filter((node) => node.textContent)
  const boxes = texts.map((node) => [node.textContent, node.getBoundingClientRect()])
  const wide = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
  const high = (a, b) => Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2
  return boxes.flatMap(([text, a], i) =>
    boxes.slice(i + 1).filter(([, b]) => wide(a, b) && high(a, b)).map(([other]) => [plot.id, text, other])
  )
})"""


@pytest.mark.parametrize("width", [1400, 900, 390])
@pytest.mark.parametrize("query", ["repair=refit&sparsity=80", "sparsity=0.01", "run=26b447ba27a8&sparsity=80"])
def test_no_text_of_a_figure_lies_over_another(visit: Any, width: int, query: str) -> None:
    page = drawn(visit(viewport={"width": width, "height": 6000}).open(f"prune?{query}"))
    plots = page.locator(".plot")
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    until(page, "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.main-svg'))")
    assert plots.count() >= 9 and page.evaluate(OVERLAPPING) == []
