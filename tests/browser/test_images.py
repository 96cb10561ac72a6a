"""The Images page in a browser: cells filter, the gallery opens, a real file and a drawing are answered."""

import io
import re
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from benchmarks.own_image import photo
from core import data
from core.data import Split
from core.data.fashion import CLASSES
from core.errors import DataError
from core.evaluation import compare
from core.evaluation.answers import Filter
from core.evaluation.profile import Profile
from core.pruning import PruningConfig
from core.run import Run
from core.store.runs import RunStore
from pages.ui.view.address import default_run
from tests.browser.steps import click_cell, drawn

pytestmark = pytest.mark.browser

SPARSITY = 80


@pytest.fixture(scope="module")
def split() -> Split:
    try:
        return data.load_test(data.FASHION.id)
    except DataError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def run() -> Run:
    """The run that the page opens on."""
    found = default_run(RunStore())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def profile(run: Run) -> Profile:
    found = RunStore().profile(run.id, PruningConfig())
    assert found is not None
    return found


def heading(n: int, *what: str) -> re.Pattern[str]:
    return re.compile(rf"^{n:,} of 10,000 images{''.join(f', {part}' for part in what)}$")


def test_every_kind_of_cell_filters_the_gallery_and_the_link(visit: Any, run: Run, profile: Profile) -> None:
    page = drawn(visit().open(f"images?sparsity={SPARSITY}"))
    labels, row = RunStore().labels(run.id), profile.stop_index(SPARSITY)
    dense, pruned = profile.predicted[0], profile.predicted[row]

    def found(**wanted: Any) -> int:
        return len(Filter(**wanted).select(labels, dense, pruned))

    title = page.get_by_role("heading", level=2)
    expect(title).to_have_text(heading(10_000))
    click_cell(page, "outcomes", 1, 0, 2)
    expect(title).to_have_text(heading(compare(labels, dense, pruned).lost, "lost"))
    expect(page).to_have_url(re.compile("outcome=lost"))
    shirt, coat = CLASSES.index("Shirt"), CLASSES.index("Coat")
    click_cell(page, "pruned", shirt, coat, 10)
    expect(title).to_have_text(heading(found(true=coat, pruned=shirt), "true class Coat", "pruned answer Shirt"))
    expect(page).to_have_url(re.compile("true=Coat.*pruned=Shirt"))
    click_cell(page, "difference", shirt, coat, 10)
    expect(title).to_have_text(
        heading(found(true=coat, moved=shirt), "true class Coat", "answer moved to or from Shirt")
    )
    click_cell(page, "dense", coat, coat, 10)
    expect(title).to_have_text(heading(found(true=coat, dense=coat), "true class Coat", "dense answer Coat"))


def test_a_tap_on_a_cell_is_sent_once(visit: Any) -> None:
    visitor, sent = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True), list[bytes]()
    visitor.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(bytes(frame))))
    page = drawn(visitor.open(f"images?sparsity={SPARSITY}"))
    click_cell(page, "outcomes", 1, 0, 2, touch=True)
    expect(page).to_have_url(re.compile("outcome=lost"))
    page.wait_for_timeout(1000)
    assert b"".join(sent).count(b'"figure"') == 1


def test_a_link_opens_with_its_filter_and_page(visit: Any) -> None:
    page = drawn(visit().open(f"images?sparsity={SPARSITY}&outcome=lost&true=Sandal&page=2"))
    expect(page.get_by_role("heading", level=2)).to_contain_text("lost, true class Sandal")
    expect(page.get_by_text("Images 25 to 48")).to_be_visible()
    expect(page.locator(".gallery li")).to_have_count(24)
    for title in page.locator(".gallery .title").all_inner_texts():
        assert title == "Sandal"
    assert page.locator("[data-testid=stMain] *").count() < 3000


def test_a_picture_in_the_gallery_is_the_image(visit: Any, split: Split) -> None:
    page = drawn(visit().open(f"images?sparsity={SPARSITY}"))
    real = split.images.reshape(len(split), -1).astype(float)
    real -= real.mean(axis=1, keepdims=True)
    real /= np.linalg.norm(real, axis=1, keepdims=True)
    for card in (page.locator(".gallery button").nth(i) for i in (0, 7, 23)):
        number = int(re.findall(r"No\. ([\d,]+)", card.inner_text())[0].replace(",", ""))
        card.locator(".picture").scroll_into_view_if_needed()
        shot = Image.open(io.BytesIO(card.locator(".picture").screenshot())).convert("L").resize((28, 28))
        shown = np.asarray(shot, float).ravel()
        assert number == np.argmax(real @ (shown - shown.mean()))  # of all 10,000 it is most like this one


def test_an_opened_image_tells_its_story_and_goes_back(visit: Any, profile: Profile, split: Split) -> None:
    page = drawn(visit().open(f"images?sparsity={SPARSITY}&outcome=lost"))
    card = page.locator(".gallery button").first
    number = int(re.findall(r"No\. ([\d,]+)", card.inner_text())[0].replace(",", ""))
    card.click()
    expect(page).to_have_url(re.compile(f"image={number}"))
    page.wait_for_selector("#plot-story .main-svg")
    row = profile.stop_index(SPARSITY)
    before, after = (CLASSES[profile.predicted[r, number]] for r in (0, row))
    expect(page.locator(".live-panel .answer")).to_have_text(
        f"The dense network says {before}, the pruned one {after}; the true class is {CLASSES[split.labels[number]]}."
    )
    shown = page.locator(".readouts dd:not(.note)").all_inner_texts()
    assert shown[1:3] == [before, after]
    page.get_by_role("button", name="Back to the images").click()
    expect(page.locator(".gallery button").first).to_contain_text(f"No. {number:,}")
    assert "image=" not in page.url


def upload(page: Page, content: bytes, name: str = "photo.jpg") -> None:
    page.set_input_files("input[type=file]", {"name": name, "mimeType": "image/jpeg", "buffer": content})


def sure(profile: Profile, labels: np.ndarray, name: str) -> int:
    """An image of a class that the dense network is sure of."""
    return int(np.argmax((labels == CLASSES.index(name)) * profile.probability[0] * (profile.predicted[0] == labels)))


def test_an_uploaded_file_is_answered_by_both_networks(visit: Any, profile: Profile, split: Split) -> None:
    page = visit().open("images?section=Your+own+image&sparsity=99.9")
    for name in ("Trouser", "Ankle boot"):
        upload(page, photo(split.images[sure(profile, split.labels, name)]), f"{name}.jpg")
        expect(page.locator(".readouts dd:not(.note)").nth(1)).to_have_text(name)
        pruned = page.locator(".readouts dd:not(.note)").nth(2).inner_text()
        assert pruned in CLASSES
    assert page.get_by_text("28 × 28").count() >= 1
    expect(page.get_by_text("It cannot say “none of these”")).to_be_visible()


@pytest.mark.parametrize(
    "content",
    [b"", b"<html><script>alert(1)</script></html>", photo(np.zeros((28, 28), np.uint8))[:2000]],
    ids=["empty", "HTML", "cut"],
)
def test_a_hostile_file_is_answered_with_one_sentence(visit: Any, content: bytes) -> None:
    page = visit().open("images?section=Your+own+image")
    upload(page, content)
    expect(page.get_by_role("alert").filter(has_text=re.compile("[.]$"))).to_be_visible()
    expect(page.locator(".live-panel")).to_have_count(0)


def test_a_drawing_is_answered_and_cleared(visit: Any) -> None:
    page = visit().open("images?section=Your+own+image&source=Drawing")
    canvas = page.locator(".drawing canvas")
    box = canvas.bounding_box()

    def stroke(*points: tuple[int, int]) -> None:
        (x, y), *rest = points
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.down()
        for x, y in rest:
            page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
        page.mouse.up()

    for x in (100, 115, 160, 175):
        stroke((x, 40), (x, 240))
    stroke((100, 40), (175, 40))
    drawn(page)
    expect(page.locator(".readouts dd:not(.note)").nth(1)).to_have_text("Trouser")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".live-panel")).to_have_count(0)


@pytest.mark.parametrize("query", ["", "section=First+to+change", "section=Class+by+class", "image=25"])
def test_a_narrow_screen_shows_everything_without_scrolling_sideways(visit: Any, query: str) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True).open(f"images?{query}")
    page.wait_for_timeout(500)
    wide = "() => document.querySelector('[data-testid=stMain]').scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 1


@pytest.mark.parametrize(
    "query", ["", "section=First+to+change", "section=Class+by+class", "image=25", "source=Drawing"]
)
def test_axe_finds_nothing_of_our_own(visit: Any, query: str) -> None:
    section = "&section=Your+own+image" if "source" in query else ""
    page = visit().open(f"images?{query}{section}")
    if "First" in query:
        page.wait_for_selector(".js-plotly-plot")
    elif "source" not in query:
        drawn(page)
    found = Axe().run(page).response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]


def test_each_section_is_in_the_link(visit: Any) -> None:
    page = visit().open("images")

    for section, text in (("First to change", "An answer may change back"), ("Class by class", "most often confused")):
        page.get_by_role("radio", name=section).click()
        expect(page.get_by_text(text).first).to_be_visible()
        assert section.replace(" ", "+") in page.url
