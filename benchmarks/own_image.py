"""Seconds from choosing a file until both networks' answers stand on the page, in a browser, the worker warm.

The page itself notes when: asking from outside would have to wait while it draws the figures below the screen.

Real garments as product photos: JPEGs of 640 x 500 pixels, dark on bright, each another. The baseline is the same page
with a file that is refused, so that no network is asked: upload, rerun and message alone.
"""

import io
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from playwright.sync_api import Page

from benchmarks.browser import SETTLED, chromium, until
from benchmarks.results import Row, save, spread
from benchmarks.session import serving
from core import data

FILES = 20


def photo(image: NDArray[np.uint8]) -> bytes:
    """A test image (28, 28) as a shop would show it: dark on a bright ground, larger, off the centre, a JPEG."""
    garment = ImageOps.invert(Image.fromarray(image)).resize((420, 420), Image.Resampling.BICUBIC)
    sheet = Image.new("RGB", (640, 500), (250, 250, 250))
    sheet.paste(garment.convert("RGB"), (140, 30))
    file = io.BytesIO()
    sheet.save(file, "JPEG")
    return file.getvalue()


WATCH = """(selector) => {
  const began = performance.now()
  window.took = null
  const look = new MutationObserver(() => {
    if (!document.querySelector(selector)) return
    window.took = performance.now() - began
    look.disconnect()
  })
  look.observe(document, { subtree: true, childList: true, attributes: true })
}"""


def seconds(page: Page, name: str, content: bytes, *, there: str) -> float:
    """Choose a file; until an element is there that was not there before."""
    page.evaluate(WATCH, there)
    page.set_input_files("input[type=file]", {"name": name, "mimeType": "image/jpeg", "buffer": content})
    until(page, "took !== null")
    page.wait_for_selector(SETTLED, state="attached")
    page.wait_for_timeout(500)
    return float(page.evaluate("took")) / 1000


def refuse(page: Page, name: str) -> float:
    """The baseline; it also takes the last answer off the page."""
    return seconds(page, name, b"no picture", there="[data-testid=stAlert]")


def answer(page: Page, name: str, image: NDArray[np.uint8]) -> float:
    return seconds(page, name, photo(image), there=".live-panel[data-drawn]:not([aria-busy])")


def main() -> None:
    """Measure and write the table."""
    test = data.load_test(data.FASHION.id)
    with serving("streamlit_app.py", {}) as (port, _), chromium() as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/images?section=Your+own+image")
        page.wait_for_selector(SETTLED, state="attached")
        page.wait_for_selector("input[type=file]", state="attached")
        answer(page, "first.jpg", test.images[0])  # starts and warms the worker
        refuse(page, "refused.jpg")
        pairs = [
            (answer(page, f"{i}.jpg", test.images[i]), refuse(page, f"refused-{i}.jpg")) for i in range(1, FILES + 1)
        ]
    answered, refused = ([pair[i] for pair in pairs] for i in (0, 1))
    save(
        "own_image",
        [row("answered by both networks", answered, refused), row("refused (baseline)", refused, refused)],
        {"answered": spread(answered), "refused": spread(refused)},
    )


def row(what: str, times: Sequence[float], baseline: Sequence[float]) -> Row:
    median = statistics.median(times)
    times_baseline = median / statistics.median(baseline)
    return {"file": what, "median (s)": median, "largest (s)": max(times), "times the baseline": times_baseline}


if __name__ == "__main__":
    main()
