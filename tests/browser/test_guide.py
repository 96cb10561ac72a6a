"""A first visit and its tour, the words, and a lesson."""

import re
import time
from contextlib import suppress
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, TimeoutError, expect

from benchmarks.browser import until
from core.pruning import PruningConfig
from core.store.runs import RunStore
from core.words.glossary import TERMS
from core.words.wording import answer
from pages.ui.view.site import PAGES, page_of
from pages.ui.view.tours import TOURS
from tests.browser.steps import LENET, drawn
from tests.patience import PATIENCE

pytestmark = pytest.mark.browser


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
TOURED = [page.script for page in PAGES if page.script in TOURS]


def opened(visitor: Any, script: str) -> Page:
    return drawn(visitor.open(f"{page_of(script).name}?run={LENET}&sparsity=50"))


VIEWS = {
    "desk": {},
    "phone": PHONE,
    "200 % zoom": {"viewport": {"width": 700, "height": 450}, "device_scale_factor": 2},
    "forced colours": {"forced_colors": "active"},
}


@pytest.mark.parametrize("how", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("script", TOURED)
def test_a_tour_stands_beside_each_of_its_parts(visit: Any, script: str, how: dict[str, Any]) -> None:
    page = opened(visit(**how), script)
    page.locator(".tour .begin").click()
    card, ring = page.locator(".tour .card"), page.locator(".tour .ring")
    for number, step in enumerate(TOURS[script], 1):
        expect(card.get_by_role("heading")).to_have_text(f"Step {number} of 5")
        expect(card.get_by_role("paragraph")).to_have_text(step.text)
        until(page, "!document.querySelector('.tour .ring').hidden")
        page.evaluate("new Promise((soon) => requestAnimationFrame(() => requestAnimationFrame(soon)))")
        part, box, round_it = (
            node.bounding_box() for node in (page.locator(f"{step.target}:visible").first, card, ring)
        )
        window = page.viewport_size
        assert part and box and round_it and window
        assert abs(round_it["x"] - (part["x"] - 4)) < 2 and abs(round_it["y"] - (part["y"] - 4)) < 2
        assert box["x"] >= 0 and box["x"] + box["width"] <= window["width"]
        assert box["y"] >= 0 and box["y"] + box["height"] <= window["height"]
        if part["height"] < window["height"] / 3:  # a small part is not hidden by the card, nor out of sight
            assert box["y"] >= part["y"] + part["height"] or box["y"] + box["height"] <= part["y"]
            assert part["y"] >= 0 and part["y"] + part["height"] <= window["height"]
        card.get_by_role("button", name="Done" if number == 5 else "Next").click()
    expect(card).to_be_hidden()
    expect(page.locator(".tour .begin")).to_be_focused()


def test_a_tour_is_led_by_keys_and_left_by_one_and_remembered_by_the_browser(visit: Any) -> None:
    visitor = visit()
    page = opened(visitor, "prune.py")
    begin, card = page.locator(".tour .begin"), page.locator(".tour .card")
    expect(begin).to_have_text("New here? Take the tour", use_inner_text=True)
    cookies = [cookie["name"] for cookie in page.context.cookies()]
    begin.focus()
    page.keyboard.press("Enter")
    for key, number in (("Enter", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowLeft", 1), ("ArrowLeft", 1)):
        page.keyboard.press(key)
        expect(card.get_by_role("heading")).to_have_text(f"Step {number} of 5")
    expect(card.get_by_role("button", name="Next")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(begin).to_be_focused()
    assert [cookie["name"] for cookie in page.context.cookies()] == cookies
    page = opened(visitor, "overview.py")
    expect(page.locator(".tour .begin")).to_have_text("Take the tour", use_inner_text=True)


def test_the_slider_can_be_used_during_a_tour(visit: Any) -> None:
    page = opened(visit(), "overview.py")
    page.locator(".tour .begin").click()
    page.locator(".tour").get_by_role("button", name="Next").click()
    slider = page.locator(".live-panel input[type=range]")
    before, box = slider.input_value(), slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    expect(slider).not_to_have_value(before)
    expect(page).to_have_url(re.compile(r"sparsity=(?!50)"))
    page.keyboard.press("ArrowRight")  # moves the slider and not the tour
    expect(page.locator(".tour .card").get_by_role("heading")).to_have_text("Step 2 of 5")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_tour(visit: Any, scheme: str) -> None:
    page = opened(visit(color_scheme=scheme), "overview.py")
    page.locator(".tour .begin").click()
    found = Axe().run(page, context=".tour").response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]


@pytest.mark.parametrize("path", ["", f"storage?run={LENET}", "study", "study?part=The+claim,+audited", "train"])
def test_a_table_says_what_its_terms_mean(visit: Any, path: str) -> None:
    page = visit().open(path)
    for button in page.locator(".terms .term").all():
        button.click()
        note = page.locator(".meaning:popover-open")
        expect(note).to_have_count(1)
        term = button.inner_text()
        assert note.inner_text() == f"{term} {TERMS[term]}"
        box = note.bounding_box()
        assert box is not None and box["x"] >= 0 and box["y"] >= 0 and box["y"] + box["height"] <= 900
        page.keyboard.press("Escape")
    expect(page.locator(".terms .term").first).to_be_visible()


TEXTS = {
    "study": {"LAMP and Taylor", "Multiplications"},
    "study?part=Retraining": {"Rewinding"},
    "study?part=Optimizers": {"Muon and SGD"},
    "study?part=The+claim,+audited": {"Prediction interval"},
    "images": {"Lost and gained"},
    "images?section=First+to+change": {"Churn"},
    f"storage?run={LENET}": {"Kernel", "Retraining"},
    "train": {"Convolution", "Recipe"},
    f"prune?run={LENET}": {"Margin", "McNemar test"},
    "teach": {"Magnitude", "Control", "Filter"},
}


def notes_by_keys(page: Page) -> list[str]:
    """What each mark of a page says when it has the focus; nothing where a page that is still laid out closes it.

    Those in an expander have it only when that is open.
    """
    page.evaluate("document.querySelectorAll('details:not([open]) > summary').forEach((each) => each.click())")
    opened, said = page.get_by_test_id("stTooltipContent"), []
    for mark in page.locator("[data-testid=stTooltipIcon] [tabindex], [data-testid=stTooltipIcon] button").all():
        note = ""
        with suppress(TimeoutError):
            mark.focus(timeout=30_000)
            opened.wait_for(timeout=30_000)
            note = opened.inner_text(timeout=30_000)
        said.append(note)
        page.keyboard.press("Escape")
        page.evaluate("document.activeElement.blur()")
        expect(opened).to_have_count(0)
    return said


@pytest.mark.parametrize("path", TEXTS)
def test_a_text_says_what_its_terms_mean_by_keys(visit: Any, path: str) -> None:
    page = visit().open(path)
    deadline, said = time.monotonic() + PATIENCE, list[str]()
    while True:  # a slow page has not all of its texts at once
        before, said = said, notes_by_keys(page)
        missing = [term for term in TEXTS[path] if not any(f"{term}. {TERMS[term]}" in note for note in said)]
        if (said == before and all(said) and not missing) or time.monotonic() > deadline:
            break
        page.wait_for_timeout(1_000)
    assert said == before and all(said) and not missing, (missing, before, said)


@pytest.mark.parametrize("part", ["prune", "storage"])
def test_a_number_says_what_its_term_means_at_a_click_or_a_key(visit: Any, part: str) -> None:
    page = visit().open(f"{part}?run={LENET}&sparsity=50")
    button = page.locator(".readouts .term").nth(2)
    note = page.locator(".readouts .meaning").nth(2)
    expect(note).to_be_hidden()
    button.click()
    expect(note).to_be_visible()
    term = note.locator("strong").inner_text()
    assert note.inner_text() == f"{term} {TERMS[term]}"
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    button.focus()
    page.keyboard.press("Enter")
    expect(note).to_be_visible()


def test_the_words_are_a_click_away_on_every_page(visit: Any) -> None:
    visitor = visit()
    for path in ("", "train", "teach"):
        page = visitor.open(path)
        page.get_by_role("button", name="Glossary").click()
        expect(page.get_by_test_id("stPopoverBody").get_by_text(TERMS["Sparsity"])).to_be_visible()


def test_each_exercise_opens_its_view_and_has_an_answer_from_the_stored_run(visit: Any) -> None:
    visitor = visit()
    page = visitor.open("teach")
    links = page.get_by_role("link", name="Open the view")
    expect(links).to_have_count(7)
    addresses = [str(link.get_attribute("href")) for link in links.all()]
    store = RunStore()
    profile = store.profile(LENET, PruningConfig())
    assert profile is not None
    i = profile.stop_index(0.01)
    expected = answer(int(profile.k[i]), profile.total, profile.comparisons(store.labels(LENET))[i])
    page.get_by_text("Answer", exact=True).first.click()
    expect(page.get_by_text(expected)).to_be_visible()
    for address in addresses:
        assert f"run={LENET}" in address
        page = visitor.open(address.lstrip("/"))
        expect(page.get_by_role("alert").filter(has_text="Traceback")).to_have_count(0)
        expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_role("radio", name="The claim, audited")).to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "teach"])
def test_axe_finds_nothing_of_our_own(visit: Any, path: str, scheme: str) -> None:
    page = visit(color_scheme=scheme).open(path)
    found = Axe().run(page).response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]
