"""The wall of the Overview in a browser: it turns under the finger, says what it shows, and opens an image."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FloatRect, Locator, expect

from core import panels
from core.evaluation.answers import of_each_class
from core.pruning import PruningConfig
from core.store.runs import RunStore
from core.words import wording
from tests.browser.steps import LENET, drawn

pytestmark = pytest.mark.browser


def counts(percent: float) -> list[str]:
    """The wall's legend at a stop, from the stored arrays."""
    store = RunStore()
    profile, labels = store.profile(LENET, PruningConfig()), store.labels(LENET)
    assert profile is not None
    images = of_each_class(labels, panels.IMAGES)
    true, dense, now = (
        row[images] for row in (labels, profile.predicted[0], profile.predicted[profile.stop_index(percent)])
    )
    lost, gained = (dense == true) & (now != true), (dense != true) & (now == true)
    other = (dense != now) & ~lost & ~gained
    return [f"{lost.sum()} lost", f"{gained.sum()} gained", f"{other.sum()} wrong in another way"]


def box_of(node: Locator) -> FloatRect:
    box = node.bounding_box()
    assert box is not None
    return box


def test_it_turns_under_the_finger_and_the_numbers_follow(visit: Any) -> None:
    page = drawn(visit().open(f"?run={LENET}&sparsity=0.01"))
    legend, before = page.locator(".wall .legend li"), page.locator(".wall canvas").screenshot()
    expect(legend).to_have_text(counts(0.01))
    page.locator(".live-panel input[type=range]").focus()
    profile = RunStore().profile(LENET, PruningConfig())
    assert profile is not None
    for _ in range(profile.stop_index(90) - profile.stop_index(0.01)):
        page.keyboard.press("ArrowRight")
    expect(legend).to_have_text(counts(90))
    expect(page.locator(".wall canvas")).to_have_attribute("aria-label", re.compile(r"\d+ correct answers lost"))
    expect(page).to_have_url(re.compile("sparsity=90"))
    page.wait_for_function("() => document.querySelector('.wall canvas').getContext('2d') !== null")
    assert page.locator(".wall canvas").screenshot() != before


def test_an_image_says_its_two_answers_and_opens_by_click_and_by_keys(visit: Any) -> None:
    page = drawn(visit().open(f"?run={LENET}&sparsity=80"))
    canvas, caption = page.locator(".wall canvas"), page.locator(".wall .caption")
    canvas.focus()
    images = of_each_class(RunStore().labels(LENET), panels.IMAGES)
    expect(caption).to_contain_text(f"Test image {wording.count(images[0])}, ")
    page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text(f"Test image {wording.count(images[1])}, ")
    expect(caption).to_contain_text("Dense: ")
    expect(caption).to_contain_text("Pruned: ")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"images\?.*image={images[1]}"))
    expect(page).to_have_url(re.compile(rf"run={LENET}.*sparsity=80"))
    page.go_back()
    drawn(page)
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 20, box["y"] + 12)
    expect(page).to_have_url(re.compile(r"images\?.*image=\d+"))


def test_the_claim_stands_beside_its_reenactment_and_the_run_in_view(visit: Any) -> None:
    """The re-enactment ships, so the browser shows it on every server."""
    for query, name in (("", "ConvNet, thorough, seed 0"), (f"run={LENET}&sparsity=90", "LeNet-5, report, seed 0")):
        lines = visit().open(f"?{query}").locator(".table tbody tr")
        expect(lines).to_have_count(3)
        expect(lines.nth(1)).to_contain_text("Re-enacted: LeNet-5, report, seed 0")
        expect(lines.nth(1)).to_contain_text("4 of 44,190 weights")
        expect(lines.nth(2)).to_contain_text(f"In view: {name}")


def test_the_first_screen_shows_slider_answer_and_wall(visit: Any) -> None:
    desk = drawn(visit(viewport={"width": 1400, "height": 900}).open("?sparsity=50"))
    box = desk.locator(".wall").bounding_box()
    assert box is not None and box["y"] + box["height"] < 900
    phone = drawn(visit(viewport={"width": 390, "height": 844}, has_touch=True).open("?sparsity=50"))
    wall = phone.locator(".wall canvas").bounding_box()
    assert wall is not None and wall["y"] < 844 and wall["x"] >= 0 and wall["x"] + wall["width"] <= 390
    assert phone.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollWidth") <= 390


VIEWS = {
    "desk": {},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    "200 % zoom": {"viewport": {"width": 700, "height": 450}, "device_scale_factor": 2},
}


@pytest.mark.parametrize("how", VIEWS.values(), ids=VIEWS)
def test_what_is_said_of_an_image_lies_over_nothing_and_moves_nothing(visit: Any, how: dict[str, Any]) -> None:
    page = drawn(visit(**how).open(f"?run={LENET}&sparsity=90"))
    caption, canvas = page.locator(".wall .caption"), page.locator(".wall canvas")
    others = [page.locator(".readouts"), page.locator("#plot-kernels")]
    before = [box_of(node) for node in others]
    canvas.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        expect(caption).to_contain_text("Pruned: ")
        said, after = box_of(caption), [box_of(node) for node in others]
        scrolled = after[0]["y"] - before[0]["y"]  # the focus may scroll the page
        for box, was in zip(after, before, strict=True):
            assert abs(box["y"] - was["y"] - scrolled) < 1
            apart = box["x"] >= said["x"] + said["width"] or box["y"] >= said["y"] + said["height"]
            assert apart or box["y"] + box["height"] <= said["y"]
    main = page.get_by_test_id("stMain")
    assert main.evaluate("({ scrollWidth, clientWidth }) => scrollWidth - clientWidth") <= 1


def test_the_pictures_are_there_without_the_data_set(visit: Any) -> None:
    page = visit()
    got: list[int] = []
    page.page.on("response", lambda answer: got.append(answer.status) if "/wall.png" in answer.url else None)
    drawn(page.open(f"?run={LENET}"))
    page.page.wait_for_timeout(0)
    assert got == [200]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_of_our_own(visit: Any, scheme: str) -> None:
    page = drawn(visit(color_scheme=scheme).open("?sparsity=60"))
    found = Axe().run(page).response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]


def test_less_motion_is_respected(visit: Any) -> None:
    page = drawn(visit(reduced_motion="reduce").open(f"?run={LENET}&sparsity=0"))
    page.locator(".live-panel input[type=range]").focus()
    page.keyboard.press("End")
    expect(page.locator(".wall .legend li").first).to_have_text(counts(100)[0])
    first = page.locator(".wall canvas").screenshot()
    page.wait_for_timeout(400)
    assert page.locator(".wall canvas").screenshot() == first
