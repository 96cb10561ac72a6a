"""The menu to share: the link with the state of the page, its code, the view as a file and as a picture."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import until
from core.panels import CARD
from pages.ui.view.site import PAGES
from tests.browser.conftest import Server
from tests.browser.steps import LENET, drawn, share

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {}
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
VIEW = f"run={LENET}&sparsity=50"

COVER = """() => {
  const head = document.querySelector(".st-key-head"), titles = [...head.querySelectorAll("h1")]
  return [head.getBoundingClientRect().height - titles[0].getBoundingClientRect().height, titles.length]
}"""


def read(code: Locator) -> str:
    """What a phone's camera reads on the screen."""
    found = zxingcpp.read_barcode(Image.open(io.BytesIO(code.screenshot())).convert("RGB"))
    assert found is not None
    return str(found.text)


def picture(page: Page, menu: Locator, folder: Path) -> tuple[str, Image.Image]:
    with page.expect_download() as download:
        menu.get_by_role("button", name="Download this view (PNG)").click()
    download.value.save_as(folder / "picture.png")
    expect(menu.get_by_text("Downloaded")).to_be_visible()
    return download.value.suggested_filename, Image.open(folder / "picture.png").convert("RGB")


@pytest.mark.parametrize("how", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("at", PAGES, ids=lambda page: page.title)
def test_every_page_shares_its_link_beside_its_question(visit: Any, at: Any, how: Any) -> None:
    page = visit(**how, **CLIPBOARD).open(at.name)
    expect(page.locator("h1")).to_contain_text(at.question)
    above, titles = page.evaluate(COVER)
    assert above < 12 and titles == 1  # the button costs no height
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    menu = share(page)
    menu.get_by_role("button", name="Copy link").click()
    expect(menu.get_by_role("status").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    expect(menu.get_by_role("button", name="Download this view (PNG)")).to_have_count(int(at.panel))
    expect(menu.get_by_role("button", name="Download this view (HTML)")).to_have_count(int(at.panel))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_link_and_its_code_have_the_state_of_the_slider(visit: Any, scheme: str) -> None:
    page = drawn(visit(color_scheme=scheme, **CLIPBOARD).open(f"prune?{VIEW}&log=true"))
    page.get_by_role("slider", name="Sparsity").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("sparsity=55"))
    menu = share(page)
    menu.get_by_role("button", name="Copy link").click()
    expect(menu.get_by_role("status").first).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url == read(menu.get_by_role("img")) and "log=true" in link and "sparsity=55" in link
    expect(menu.get_by_label("Link to this view")).to_have_value(link)


def test_a_browser_without_a_clipboard_copies_the_field(visit: Any) -> None:
    visitor = visit(**CLIPBOARD)
    visitor.page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('not over http'))")
    page = visitor.open(f"?{VIEW}")
    menu = share(page)
    menu.get_by_role("button", name="Copy link").click()
    expect(menu.get_by_role("status").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_a_link_that_is_too_long_for_a_code_is_said(visit: Any) -> None:
    visitor = visit()
    page = visitor.open(f"?{VIEW}&x={'y' * 1_500}")
    page.get_by_role("button", name="Share", exact=True).click()
    menu = page.get_by_test_id("stPopoverBody")
    expect(menu.get_by_text("This link is too long for a QR code")).to_be_visible()
    expect(menu.get_by_role("img")).to_have_count(0)
    visitor.errors.clear()  # the browser names the refusal in its console


def test_on_touch_the_systems_sheet_takes_the_link(visit: Any) -> None:
    visitor = visit(**PHONE)
    visitor.page.add_init_script("navigator.share = async (what) => { window.shared = what }")
    page = visitor.open(f"prune?{VIEW}")
    menu = share(page)
    menu.get_by_role("button", name="Share with another app").tap()
    until(page, "Boolean(window.shared)")
    assert page.evaluate("window.shared") == {"title": "How far can I prune?", "url": page.url}


def test_with_a_mouse_there_is_no_systems_sheet(visit: Any) -> None:
    visitor = visit()
    visitor.page.add_init_script("navigator.share = async () => {}")
    expect(share(visitor.open("")).get_by_role("button", name="Share with another app")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("how", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", ["prune", "storage", "images"])
def test_the_panel_is_saved_as_a_picture_of_twice_its_size(
    visit: Any, tmp_path: Path, path: str, how: Any, scheme: Any
) -> None:
    page = drawn(visit(**how, color_scheme=scheme).open(f"{path}?{VIEW}"))
    name, image = picture(page, share(page), tmp_path)
    assert name == f"prunelab-{LENET}-50.png"
    width = page.evaluate("document.querySelector('.live-panel').clientWidth")
    assert image.width == 2 * (width + 48)
    figures = page.evaluate(
        "[...document.querySelectorAll('.live-panel .plot')].reduce((sum, plot) => sum + plot.clientHeight, 0)"
    )
    assert image.height > 2 * figures / (3 if how is DESK else 1)
    assert (sum(image.getpixel((5, 5))) > 600) == (scheme == "light")  # type: ignore[arg-type]
    for part in range(8):  # there is something everywhere, also where nobody has scrolled to
        strip = image.crop((0, part * image.height // 8, image.width, (part + 1) * image.height // 8))
        assert len(strip.getcolors(1 << 24) or ()) > 20
    expect(page.locator(".sheet")).to_have_count(0)


def test_a_part_of_a_page_without_a_panel_has_no_picture_of_it(visit: Any) -> None:
    menu = share(visit().open(f"images?{VIEW}&section=First+to+change"))
    expect(menu.get_by_role("button", name="Copy link")).to_be_visible()
    expect(menu.get_by_role("button", name="Download")).to_have_count(0)


def test_the_menu_is_opened_and_used_by_keys_alone(visit: Any) -> None:
    page = drawn(visit(**CLIPBOARD).open(f"prune?{VIEW}"))
    button = page.get_by_role("button", name="Share", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    menu = page.get_by_test_id("stPopoverBody")
    expect(menu.get_by_role("img")).to_be_visible()
    expect(menu.get_by_role("button", name="Copy link")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(menu.get_by_label("Link to this view")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(menu.get_by_role("status").first).to_have_text("Copied")
    for label in ("Download this view (HTML)", "Download this view (PNG)"):
        page.keyboard.press("Tab")
        expect(menu.get_by_role("button", name=label)).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(button).to_be_focused()


@pytest.mark.parametrize(
    "how",
    [{}, {"color_scheme": "dark"}, {"forced_colors": "active"}, PHONE, {"viewport": {"width": 844, "height": 390}}],
    ids=["light", "dark", "forced colours", "phone", "phone on its side"],
)
def test_the_menu_is_accessible_and_within_the_screen(visit: Any, how: Any) -> None:
    page = drawn(visit(bypass_csp=True, **how).open(f"prune?{VIEW}"))
    menu = share(page)
    found = Axe().run(page, context=".st-key-head, [data-testid=stPopoverBody]").response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]
    box, size = menu.bounding_box(), page.viewport_size
    assert box and size and box["x"] >= 0 and box["y"] >= 0
    assert box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"]
    last = menu.get_by_role("button", name="Download this view (PNG)")
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()


def test_what_is_behind_a_link_is_in_the_head_of_its_page(visit: Any, server: Server) -> None:
    page = visit().open(f"prune?{VIEW}")
    tags = page.evaluate("""() => Object.fromEntries([...document.querySelectorAll("meta[property]")].map((tag) =>
      [tag.getAttribute("property"), tag.content]))""")
    assert tags["og:title"] == "How far can I prune?" and tags["og:url"] == f"{server.url}/prune?{VIEW}"
    drawn(page)
    assert page.locator(".answer").inner_text() == tags["og:description"]
    card = page.request.get(tags["og:image"])
    assert card.ok and Image.open(io.BytesIO(card.body())).size == CARD
