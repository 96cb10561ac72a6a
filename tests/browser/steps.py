"""What tests of several pages do in the browser, and the run that they open."""

import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import FloatRect, Locator, Page, expect

from benchmarks.browser import SETTLED
from core.config import RunConfig
from core.networks import NETWORKS
from tests.patience import PATIENCE, until

LENET = RunConfig(network="lenet", training=NETWORKS["lenet"].recipes["report"]).run_id
CONVNET = RunConfig(network="convnet", training=NETWORKS["convnet"].recipes["thorough"]).run_id
MINI = RunConfig(network="convnet-mini", training=NETWORKS["convnet-mini"].recipes["2 kB"]).run_id
"""Runs that ship."""


def asked(url: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and content."""
    request = urllib.request.Request(url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return (
            answer.status,
            {k.lower(): v for k, v in answer.headers.items()},
            answer.read().decode("utf-8", "replace"),
        )


def drawn(page: Page) -> Page:
    """Wait until the panel shows a stop."""
    page.wait_for_selector(".live-panel[data-drawn]")
    return page


def choose(page: Page, *, seed: int, epochs: int) -> None:
    """LeNet by the report's recipe with this seed and so many epochs; the page is at rest when this returns."""
    page.get_by_role("combobox", name="Network").click()
    page.get_by_role("option", name="LeNet").click()
    expect(page.get_by_text("The classic of 1998")).to_be_visible()
    page.wait_for_selector(SETTLED, state="attached")
    page.get_by_text("Values of the recipe").click()
    page.get_by_role("spinbutton", name="Epochs").fill(str(epochs))
    page.keyboard.press("Enter")
    page.get_by_role("spinbutton", name="Seed").fill(str(seed))
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{epochs} epochs")).to_be_visible()
    at_rest(page, page.get_by_role("button", name="Train", exact=True))


def compete(page: Page, scope: str) -> None:
    """Choose which weights compete with one another."""
    page.get_by_role("button", name=re.compile(", Global$")).click()
    page.get_by_role("radio", name=scope).click()


def share(page: Page) -> Locator:
    """Open the menu to share, and wait until its code is there."""
    page.get_by_role("button", name="Share", exact=True).click()
    menu = page.get_by_test_id("stPopoverBody")
    expect(menu.get_by_role("img", name="QR code of the link")).to_be_visible()
    return menu


def saved(visit: Any, path: str, folder: Path) -> Path:
    page = visit().open(path)
    share(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this view (HTML)").click()
    download.value.save_as(folder / "report.html")
    return folder / "report.html"


def opened(page: Page, path: Path) -> tuple[Page, list[str]]:
    """The file in a browser without a network, and what went wrong in it."""
    wrong: list[str] = []
    page.set_default_timeout(1000 * PATIENCE)
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request", lambda r: wrong.append(r.url[:80]) if not r.url.startswith(("file:", "data:", "blob:")) else None
    )
    page.goto(path.as_uri())
    expect(page.locator(".live-panel[data-drawn]")).to_be_attached()
    return page, wrong


def click_cell(page: Page, figure: str, column: int, row: int, of: int, *, touch: bool = False) -> None:
    """Click or tap a cell of a square matrix, once what an earlier click has changed moves it no more."""
    area = page.locator(f"#plot-{figure} .nsewdrag.drag").first
    area.scroll_into_view_if_needed()
    box = at_rest(page, area)
    click = page.touchscreen.tap if touch else page.mouse.click
    click(box["x"] + (column + 0.5) / of * box["width"], box["y"] + (row + 0.5) / of * box["height"])


def at_rest(page: Page, area: Locator) -> FloatRect:
    """Where something is, when the script has run and two readings half a second apart agree."""

    def settled() -> FloatRect | None:
        page.wait_for_selector(SETTLED, state="attached")
        before = area.bounding_box()
        page.wait_for_timeout(500)
        return before if before == area.bounding_box() else None

    found = until(settled)
    assert found is not None
    return found
