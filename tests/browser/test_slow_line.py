"""A visitor who is faster than the line: what the browser still says of before must not undo what was done since."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.steps import compete
from tests.patience import until

pytestmark = pytest.mark.browser


class Line:
    """What the server says to a page can be held back for a while."""

    def __init__(self, page: Page) -> None:
        self._kept: list[bytes | str] = []
        self._held = False
        page.route_web_socket(re.compile("/_stcore/stream"), self._route)

    def _route(self, browser: WebSocketRoute) -> None:
        self._browser, server = browser, browser.connect_to_server()
        server.on_message(lambda message: self._kept.append(message) if self._held else browser.send(message))

    def hold(self) -> None:
        """From now on, nothing arrives."""
        self._held = True

    def let_go(self) -> None:
        """All arrives that was held back, and all that follows."""
        self._held = False
        for message in self._kept:
            self._browser.send(message)


def move_slider(page: Page) -> None:
    """From 0.01 % to 15 %, as the first stops go."""
    page.get_by_role("slider").first.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(700)  # until the browser has said so


def type_page(page: Page) -> None:
    page.get_by_role("spinbutton", name="Page").fill("3")
    page.keyboard.press("Enter")


ACTIONS: dict[str, tuple[str, Callable[[Page], None], str]] = {
    "a scope": ("prune", lambda page: compete(page, "Layerwise"), "scope=layerwise"),
    "how it is drawn": ("prune", lambda page: page.get_by_text("Logarithmic counts").click(), "log=true"),
    "a page of images": ("images", type_page, "page=3"),
}


@pytest.mark.parametrize("what", ACTIONS)
def test_what_is_chosen_at_once_after_the_slider_does_not_move_it_back(visit: Any, what: str) -> None:
    path, act, parameter = ACTIONS[what]
    visitor = visit()
    line = Line(visitor.page)
    page = visitor.open(path)
    if what == "how it is drawn":
        page.get_by_role("button", name="Display").click()
    expect(page.locator(".live-panel output").first).to_contain_text("0.01\u00a0%")
    line.hold()
    move_slider(page)
    act(page)
    page.wait_for_timeout(1_000)  # both have reached the server
    line.let_go()
    expect(page).to_have_url(re.compile(parameter))
    expect(page).to_have_url(re.compile(r"sparsity=15\b"))
    expect(page.get_by_role("textbox", name="Exact sparsity")).to_have_value("15")
    expect(page.locator(".live-panel output").first).to_contain_text("15\u00a0%")


def test_the_answer_to_an_earlier_move_does_not_take_the_slider_back(visit: Any) -> None:
    visitor = visit()
    line = Line(visitor.page)
    page = visitor.open("prune")
    expect(page.locator(".live-panel[data-drawn]")).to_have_count(1)
    line.hold()
    slider = page.get_by_role("slider").first
    start = int(slider.input_value())
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1_500)  # until the server has answered
    page.evaluate(
        "() => { const output = document.querySelector('.live-panel output'); window.said = [];"
        "new MutationObserver(() => window.said.push(output.textContent)).observe(output, { childList: true }) }"
    )
    page.keyboard.press("PageUp")
    line.let_go()
    expect(page.get_by_role("textbox", name="Exact sparsity")).to_have_value("20")
    assert int(slider.input_value()) == start + 11
    assert {text[:4] for text in page.evaluate("window.said")} == {"20\u00a0%"}


def test_what_is_typed_at_once_after_the_slider_counts(visit: Any) -> None:
    visitor = visit()
    line = Line(visitor.page)
    page = visitor.open("prune")
    expect(page.locator(".live-panel output").first).to_contain_text("0.01\u00a0%")
    line.hold()
    move_slider(page)
    line.let_go()
    page.get_by_role("textbox", name="Exact sparsity").fill("0.01")  # what stood there before
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"sparsity=0\.01\b"))
    expect(page.locator(".live-panel output").first).to_contain_text("0.01\u00a0%")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Exact sparsity, %"


def test_nothing_can_be_moved_before_there_is_something_to_move(visit: Any) -> None:
    """Keys and clicks at that time went to a stop of no list, and raised an error."""
    held = list[Route]()
    visitor = visit()
    page = visitor.page
    page.route(re.compile(r"/panel\.json"), lambda route: held.append(route))
    with page.expect_request(re.compile(r"/panel\.json")):
        page.goto(f"{visitor.url}/prune")
    slider, play = page.get_by_role("slider"), page.get_by_role("button", name="Play from 0 to 100\u00a0%")
    for control in (slider, play):
        control.focus()
        for key in ("ArrowRight", "PageUp", "Space"):
            page.keyboard.press(key)
    page.wait_for_timeout(700)
    expect(slider).to_be_disabled()
    for route in held:
        route.continue_()
    expect(page.locator(".live-panel output")).to_contain_text("0.01\u00a0%")
    expect(page).to_have_url(re.compile(r"sparsity=0\.01\b"))
    slider.press("ArrowRight")
    expect(page.locator(".live-panel output")).to_contain_text("0.02\u00a0%")


def test_values_of_the_last_recipe_are_not_taken_for_the_new_one(visit: Any) -> None:
    visitor = visit()
    line = Line(visitor.page)
    page = visitor.open("train")
    expect(page.get_by_text("3 epochs")).to_be_visible()  # of the ConvNet's quick recipe
    line.hold()
    page.get_by_role("combobox", name="Network").click()
    page.get_by_role("option", name="LeNet").click()
    page.get_by_role("spinbutton", name="Seed").fill("11")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1_000)
    line.let_go()
    expect(page.get_by_text("2 epochs")).to_be_visible()
    page.get_by_text("Values of the recipe").click()
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value("2")
    expect(page.get_by_role("combobox", name="Optimizer")).to_have_value("sgd")
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("11")


def test_no_message_refers_to_one_that_the_browser_may_have_thrown_away_meanwhile(visit: Any) -> None:
    """After such a message ("Cached ForwardMsg MISS") a page shows nothing more that the server says."""
    said = list[ForwardMsg]()
    visitor = visit()
    visitor.page.on(
        "websocket", lambda line: line.on("framereceived", lambda frame: said.append(ForwardMsg.FromString(frame)))
    )
    page = visitor.open("storage")

    def said_again() -> bool:
        """Move the slider by one stop. Return whether something large has been said, or referred to, a second time."""
        page.wait_for_timeout(2500)
        page.locator("input[type=range]").focus()
        page.keyboard.press("ArrowRight")
        large = {message.hash for message in said if message.ByteSize() > 10_000}
        return sum((message.ref_hash or message.hash) in large for message in said) > len(large)

    until(said_again)
    assert not [message for message in said if message.HasField("ref_hash")]
