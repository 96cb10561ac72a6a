"""Predict first, alone and in a room: five points by pointer and keys, then the truth; what a class sees of it."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from core.evaluation.guess import ASKED, Guess, miss
from core.pruning import PruningConfig
from core.store.runs import RunStore
from core.words import guess as in_words
from core.words import wording
from tests.browser.steps import LENET, at_rest

pytestmark = pytest.mark.browser
HIDDEN = f"prune?run={LENET}&predict=1"


def point(page: Page, index: int) -> Locator:
    return page.get_by_role("slider", name=f"Accuracy at {ASKED[index]} % sparsity")


def drag(page: Page, index: int, to: int) -> None:
    """Drag a point to an accuracy; the chart has 244 pixels for 100 %."""
    box = at_rest(page, point(page, index).locator(".knob"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    now = int(str(point(page, index).get_attribute("aria-valuenow")))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 244 * (now - to) / 100, steps=6)
    page.mouse.up()


def says(page: Page) -> Locator:
    return page.locator(".guess .says")


def told(percents: tuple[int, ...], tmp_path: Path) -> str:
    """What is said of a guess about the shipped LeNet, from the stored arrays."""
    store = RunStore(tmp_path)
    profile = store.profile(LENET, PruningConfig())
    assert profile is not None
    labels = store.labels(LENET)
    rows = [profile.predicted[profile.stop_index(percent)] for percent in ASKED]
    truth = [100 * float((row == labels).mean()) for row in rows]
    return in_words.error(miss(Guess(percents).percents, truth), truth, len(labels))


def given(page: Page) -> tuple[int, ...]:
    return tuple(int(str(point(page, i).get_attribute("aria-valuenow"))) for i in range(len(ASKED)))


def test_points_are_moved_by_pointer_and_by_keys_and_then_the_truth_is_there(visit: Any, tmp_path: Path) -> None:
    page = visit().open("teach")
    show = page.get_by_role("button", name="Show the truth")
    expect(show).to_have_attribute("aria-disabled", "true")
    expect(page.locator(".guess .truth")).to_have_count(0)
    drag(page, 4, 20)
    expect(point(page, 4)).to_have_attribute("aria-valuetext", "at 90 %: 20 % right")
    point(page, 1).focus()
    for key, value in (("Home", 0), ("ArrowUp", 1), ("PageUp", 11), ("ArrowLeft", 10), ("PageDown", 0), ("End", 100)):
        page.keyboard.press(key)
        expect(point(page, 1)).to_have_attribute("aria-valuenow", str(value))
    page.keyboard.press("ArrowRight")
    expect(point(page, 1)).to_have_attribute("aria-valuenow", "100")
    mine, before = given(page), page.locator(".guess").bounding_box()
    show.click()
    expect(says(page)).to_have_text(told(mine, tmp_path))
    expect(page.locator(".guess svg .truth").first).to_be_visible()
    expect(page.get_by_role("slider")).to_have_count(0)
    assert before == page.locator(".guess").bounding_box()


def test_the_prune_page_hides_its_figures_until_there_is_a_guess(visit: Any, tmp_path: Path) -> None:
    visitor = visit()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    page = visitor.open(HIDDEN)
    expect(point(page, 0)).to_be_visible()
    expect(page.locator(".live-panel")).to_have_count(0)
    expect(page.get_by_text("Find exact limits")).to_have_count(0)
    assert not [url for url in asked if "panel.json" in url]
    point(page, 0).focus()
    page.keyboard.press("PageDown")
    mine = given(page)
    page.get_by_role("button", name="Show the truth").click()
    expect(says(page)).to_have_text(told(mine, tmp_path))
    expect(page.locator(".live-panel[data-drawn]")).to_be_attached()
    expect(page.get_by_text("Find exact limits")).to_be_visible()


def test_another_value_of_predict_shows_the_curve_with_a_note(visit: Any) -> None:
    page = visit().open(f"prune?run={LENET}&predict=maybe")
    expect(page.locator(".live-panel[data-drawn]")).to_be_attached()
    expect(page.get_by_text("predict=“maybe”, which must be 1")).to_be_visible()
    expect(page).not_to_have_url(re.compile("predict"))


def make_a_room(visitor: Any) -> tuple[Page, str]:
    """The teacher's page, and the link of the room."""
    page = visitor.open("teach")
    page.get_by_role("button", name="Make a room for a class").click()
    expect(page.get_by_role("heading", name=re.compile("^Room [a-z]+-[a-z]+-[0-9]{2}$"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"/teach\?room=[a-z]+-[a-z]+-[0-9]{2}$"))
    expect(page.get_by_label("Link to this view")).to_have_value(page.url)
    return page, page.url.rpartition("/")[2]


def send(page: Page, index: int, key: str) -> tuple[int, ...]:
    expect(point(page, index)).to_be_visible()
    point(page, index).focus()
    page.keyboard.press(key)
    mine = given(page)
    page.get_by_role("button", name=re.compile("Send my guess|Change my guess")).click()
    expect(says(page)).to_contain_text("Your guess is in.")
    return mine


def test_a_class_guesses_and_sees_the_truth_at_once(visit: Any, tmp_path: Path) -> None:
    teacher, path = make_a_room(visit())
    expect(teacher.get_by_text("0 of at most 60 guesses")).to_be_visible()
    expect(teacher.get_by_role("img", name="QR code of the link")).to_be_visible()
    one, two, late = (visit().open(path) for _ in range(3))
    for page in (one, two, late):
        expect(page.get_by_role("button", name="Reveal for all")).to_have_count(0)
        expect(page.locator(".guess .range")).to_have_count(0)
    mine = send(one, 4, "Home")
    expect(teacher.get_by_text("1 of at most 60 guesses")).to_be_visible()
    send(two, 0, "PageDown")
    expect(teacher.get_by_text("2 of at most 60 guesses")).to_be_visible()
    expect(teacher.locator(".guess svg .range").first).to_be_visible()
    expect(says(teacher)).to_contain_text("2 guesses. The middle half of them")
    expect(teacher.locator(".guess .truth")).to_have_count(0)
    mine = send(one, 3, "Home")
    expect(one.get_by_role("button", name="Change my guess")).to_be_visible()
    expect(teacher.get_by_text("2 of at most 60 guesses")).to_be_visible()
    expect(one.locator(".guess .truth")).to_have_count(0)

    teacher.get_by_role("button", name="Reveal for all").click()
    for page in (teacher, one, two, late):
        expect(page.locator(".guess svg .truth").first).to_be_visible()
        expect(page.locator(".guess svg .range").first).to_be_visible()
        expect(says(page)).to_contain_text("The middle of 2 guesses was off by")
    expect(says(one)).to_contain_text(told(mine, tmp_path))
    expect(says(late)).not_to_contain_text("Your guess")
    expect(teacher.locator(".guess polyline.mine")).to_have_count(0)
    late.get_by_role("button", name="Leave the room").click()
    expect(late.get_by_role("heading", name="Predict first")).to_be_visible()
    expect(late).not_to_have_url(re.compile("room="))


def test_a_room_is_about_the_view_that_it_was_made_from(visit: Any) -> None:
    page = visit().open(f"prune?run={LENET}&predict=1&repair=refit")
    page.get_by_role("button", name="Make a room for a class").click()
    expect(page).to_have_url(re.compile(r"/teach\?.*room="))
    expect(page.get_by_text("Global (refitted)")).to_be_visible()
    page.get_by_role("button", name="Reveal for all").click()
    expect(page.locator(".guess .key")).to_contain_text("truth (refitted)")


@pytest.mark.parametrize("name", ["../x", "amber-apple-99", "%00", "<b>x</b>", "a" * 3000])
def test_a_room_that_does_not_exist_is_answered_with_a_sentence_and_the_page(visit: Any, name: str) -> None:
    page = visit().open(f"teach?room={name}")
    expect(page.get_by_role("alert")).to_contain_text(re.compile("is not the name of a room|There is no room"))
    expect(page.get_by_role("heading", name="Predict first")).to_be_visible()


def test_the_link_is_copied_and_it_says_so(visit: Any) -> None:
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page, path = make_a_room(visitor)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{visitor.url}/{path}"


def test_on_a_phone_a_new_room_shows_its_link(visit: Any) -> None:
    page, _ = make_a_room(visit(viewport={"width": 390, "height": 844}, has_touch=True))
    expect(page.get_by_role("button", name="Copy link")).to_be_focused()
    for field in (page.get_by_label("Link to this view"), page.get_by_role("button", name="Copy link")):
        expect(field).to_be_in_viewport(ratio=1)


def test_a_finger_drags_a_point_on_a_phone_and_nothing_scrolls_sideways(visit: Any) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open(HIDDEN)
    expect(point(page, 2)).to_be_visible()
    point(page, 2).evaluate("(node) => node.scrollIntoView({ block: 'center' })")
    box = at_rest(page, point(page, 2).locator(".knob"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = int(str(point(page, 2).get_attribute("aria-valuenow")))
    touch = page.context.new_cdp_session(page)
    for kind, moved in (("touchStart", 0), ("touchMove", 30), ("touchMove", 61), ("touchEnd", None)):
        points = [] if moved is None else [{"x": x, "y": y + moved}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(point(page, 2)).to_have_attribute("aria-valuenow", str(before - 25))
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_of_our_own(visit: Any, scheme: str) -> None:
    teacher, path = make_a_room(visit(color_scheme=scheme))
    pupil = visit(color_scheme=scheme).open(path)
    send(pupil, 2, "PageDown")
    expect(teacher.get_by_text("1 of at most 60 guesses")).to_be_visible()
    for page in (teacher, pupil):
        clean(page)
    teacher.get_by_role("button", name="Reveal for all").click()
    for page in (teacher, pupil):
        expect(page.locator(".guess svg .truth").first).to_be_visible()
        clean(page)


def clean(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]


def test_the_number_of_images_is_that_of_the_run(visit: Any) -> None:
    page, _ = make_a_room(visit())
    expect(page.get_by_text(f"{wording.count(10_000)} test images. The room ends")).to_be_visible()
