"""The page of a network alone: in a browser, from a file, it gives the answers that torch gives, and asks nobody."""

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import until
from core import data, picture
from core.config import Design, Problem
from core.cost import alone, compact
from core.engine.inference import Classifier
from core.engine.models import build, get_weights
from core.networks import NETWORKS
from core.pruning import PruningConfig, Weights, prune, rank
from core.store.runs import RunStore

pytestmark = pytest.mark.browser

SHIPPED = {
    "lenet": "8eb9a6882564",
    "convnet": "f7efe499fefd",
    "resnet": "26b447ba27a8",
    "convnet-tiny": "936ea67fb8cc",
    "convnet-mini": "095c9108c0df",
}
CLASSES = tuple(f"class {i}" for i in range(10))
ANSWERS = """images => images.map(image => [...window.logits(Uint8Array.from(atob(image), c => c.charCodeAt(0)))])"""


UNPACKED = """async text => {
  const arrays = await unpacked(Uint8Array.from(atob(text), c => c.charCodeAt(0)))
  return Object.entries(arrays).map(([name, { shape, values }]) => [name, shape, [...new Uint8Array(values.buffer)]])
}"""


@dataclass
class Opened:
    """The page in a tab, and what it asked for or complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Its answers about images (n, ...)."""
        sent = [base64.b64encode(image.tobytes()).decode() for image in images]
        return np.array(self.page.evaluate(ANSWERS, sent), np.float32)

    def seen(self) -> NDArray[np.uint8]:
        """The greys or colours (side, side, 3) of what it shows as the network's input."""
        url = self.page.evaluate("document.querySelector('#seen').toDataURL()")
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
            return np.asarray(image.convert("RGB"))


class Tabs:
    """Opens pages from files."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser, self._folder, self.all = browser, folder, list[Opened]()

    def open(self, content: bytes) -> Opened:
        path = self._folder / f"network-{len(self.all)}.html"
        path.write_bytes(content)
        opened = Opened(self._browser.new_page())
        opened.page.on("request", lambda request: opened.asked.append(request.url))
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        self.all.append(opened)
        opened.page.goto(path.as_uri())
        until(opened.page, "document.querySelector('#word').textContent !== '…'")
        return opened


@pytest.fixture
def tabs(browser: Browser, tmp_path: Path) -> Iterator[Tabs]:
    """At the end no page may have asked for anything but itself, or had an error."""
    tabs = Tabs(browser, tmp_path)
    yield tabs
    for i, opened in enumerate(tabs.all):
        opened.page.close()
        assert opened.asked == [(tmp_path / f"network-{i}.html").as_uri()] and not opened.errors


def made(design: Design, weights: Weights, images: NDArray[np.uint8]) -> bytes:
    labels = np.arange(len(images)) % 10
    return alone.page("A network", ["It is a test."], design, compact.pack(weights, {}), CLASSES, images, labels)


def any_weights(design: Design) -> Weights:
    """Those of a new network, half of them zero; its normalisation is as if it had seen images."""
    chance, weights = np.random.default_rng(0), get_weights(build(design, 0))
    for name, array in weights.items():
        if "running" in name or name.endswith("norm.bias"):
            weights[name] = chance.uniform(0.5, 1.5, array.shape).astype(np.float32)
    return prune(weights, rank(weights, PruningConfig()), 0.5)


def small(network: str = "lenet", side: int = 28, channels: int = 1) -> tuple[bytes, Design, Weights]:
    """The page of a network without training, with two images of chance."""
    design = Design(network, Problem(side=side, channels=channels))
    shape = (2, side, side, 3) if channels > 1 else (2, side, side)
    weights = any_weights(design)
    return made(design, weights, np.random.default_rng(1).integers(0, 256, shape, np.uint8)), design, weights


@pytest.mark.parametrize(
    ("network", "sparsity"),
    [("lenet", 0.9), ("convnet", 0.9), ("resnet", 0.95), ("convnet-tiny", 0.0), ("convnet-mini", 0.0)],
)
def test_its_logits_are_those_of_torch(tabs: Tabs, real_data: None, network: str, sparsity: float) -> None:
    run, images = RunStore().get(SHIPPED[network]), data.load_test("fashion-mnist").images[:500]
    dense = RunStore().weights(run.id)
    weights = prune(dense, rank(dense, PruningConfig()), sparsity)
    page = made(run.design, weights, images[:10])
    assert len(page) - len(alone.payload(page)) * 4 / 3 <= 35_000
    assert network in ("convnet", "resnet") or len(page) <= 60_000
    found = tabs.open(page).logits(images)
    assert np.abs(found - Classifier(run.design, images).infer(weights)).max() <= 1e-4


@pytest.mark.parametrize("network", NETWORKS)
def test_images_in_colours_and_of_another_size_are_answered_as_torch_does(tabs: Tabs, network: str) -> None:
    page, design, weights = small(network, side=32, channels=3)
    images = np.random.default_rng(2).integers(0, 256, (20, 32, 32, 3), np.uint8)
    assert np.abs(tabs.open(page).logits(images) - Classifier(design, images).infer(weights)).max() <= 1e-4


def test_a_test_image_is_answered_at_once_and_said_to_be_right_or_wrong(tabs: Tabs) -> None:
    page, design, weights = small()
    opened = tabs.open(page)
    images = np.random.default_rng(1).integers(0, 256, (2, 28, 28), np.uint8)
    for i, best in enumerate(Classifier(design, images).infer(weights).argmax(axis=1)):
        opened.page.locator("#images button").nth(i).press("Enter")
        expect(opened.page.locator("#word")).to_have_text(CLASSES[best])
        expect(opened.page.locator("#sentence")).to_contain_text("Right." if best == i else f"Wrong: it is class {i}.")
        np.testing.assert_array_equal(opened.seen()[..., 0], images[i])
    assert opened.page.locator("#bars li").count() == 10


def test_a_drawing_is_answered_and_cleared(tabs: Tabs) -> None:
    page = tabs.open(small()[0]).page
    page.locator("#clear").click()
    expect(page.locator("#sentence")).to_have_text("Draw something, or choose one.")
    box = page.locator("#pad").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 80, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 240, steps=5)
    page.mouse.up()
    expect(page.locator("#sentence")).to_contain_text("% sure.")
    assert page.locator("#bars li.best").count() == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_becomes_the_input_that_the_product_makes_of_it(tabs: Tabs, channels: int) -> None:
    opened = tabs.open(small(channels=channels)[0])
    pixels = np.full((200, 260, 3), 240, np.uint8)
    pixels[40:150, 70:190] = (60, 20, 140)
    pixels[90:170, 100:130] = (20, 160, 60)
    content = picture.png(pixels)
    opened.page.set_input_files("#file", {"name": "thing.png", "mimeType": "image/png", "buffer": content})
    expect(opened.page.locator("#sentence")).to_have_text(re.compile(r"% sure\.$"))
    expected = picture.read(content, (28, 28, 3) if channels == 3 else (28, 28)).image
    expected = expected if channels == 3 else np.stack([expected] * 3, axis=-1)
    assert np.abs(opened.seen().astype(int) - expected.astype(int)).max() <= 1


def test_what_is_no_picture_gets_a_sentence(tabs: Tabs) -> None:
    page = tabs.open(small()[0]).page
    blank = picture.png(np.full((50, 50), 200, np.uint8))
    for content, said in ((b"no picture", "not a picture"), (blank, "nothing on this picture")):
        page.set_input_files("#file", {"name": "thing.png", "mimeType": "image/png", "buffer": content})
        expect(page.locator("#sentence")).to_contain_text(said)
        expect(page.locator("#word")).to_have_text("No answer")


def test_a_damaged_network_gets_a_sentence(tabs: Tabs) -> None:
    content, _, _ = small()
    payload = alone.payload(content)
    for damaged in (payload[: len(payload) // 2], payload[:2000] + b"\0" + payload[2001:], b""):
        page = content.replace(base64.b64encode(payload), base64.b64encode(damaged))
        shown = tabs.open(page).page
        expect(shown.locator("#sentence")).to_contain_text("is damaged")
        assert shown.evaluate("typeof window.logits") == "undefined"


def on_a_grid(shape: tuple[int, ...], most: int, seed: int, share: float = 1.0) -> NDArray[np.float32]:
    """Whole numbers up to `most` times a scale for each row; about that share of them is not zero."""
    chance = np.random.default_rng(seed)
    whole = np.rint(chance.normal(size=shape) * most / 3).clip(-most, most) * (chance.random(shape) < share)
    scales = chance.uniform(0.01, 0.1, shape[0]).astype(np.float32).reshape(-1, *[1] * (len(shape) - 1))
    return np.asarray(whole.astype(np.float32) * scales + np.float32(0), np.float32)


def test_every_kind_of_array_is_decoded_bit_for_bit(browser: Browser) -> None:
    chance = np.random.default_rng(4)
    normal = chance.normal(size=(40, 30)).astype(np.float32)
    specials = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.4e38, -1.0], np.float32)
    arrays: Weights = {
        "int8": on_a_grid((16, 8, 3, 3), 127, 0),
        "int8 with zeros": on_a_grid((16, 8, 3, 3), 127, 1, 0.1),
        "int4": on_a_grid((64, 30), 7, 2),
        "int4 in one row": on_a_grid((1, 50), 7, 3)[0],
        "normal": normal,
        "positive": np.abs(normal),
        "sparse": np.where(chance.random(normal.shape) < 0.05, normal, np.float32(0)),
        "float16": normal.astype(np.float16).astype(np.float32),
        "uniform bits": chance.integers(0, 1 << 32, 5000, np.uint32).view(np.float32),
        "specials": specials,
        "ones": np.ones(12, np.float32),
        "zeros": np.zeros((3, 4), np.float32),
        "none": np.zeros((0, 4), np.float32),
        "one": np.array(0.25, np.float32),
        "größe": np.array([2.0], np.float32),
    }
    zeros: Weights = {"weight": np.zeros((10, 4), np.float32), "bias": np.zeros(10, np.float32)}
    page = browser.new_page()
    page.add_script_tag(path=Path(alone.__file__).parent / "decoder.js")
    for written in (arrays, zeros):
        read = page.evaluate(UNPACKED, base64.b64encode(compact.pack(written, {"run": "x" * 300})).decode())
        assert [(name, tuple(shape)) for name, shape, _ in read] == [(name, a.shape) for name, a in written.items()]
        for name, _, values in read:
            assert bytes(values) == written[name].tobytes(), name
    page.close()
