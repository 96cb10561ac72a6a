"""Seconds from choosing a file until both networks' answers stand on the page, in a browser, the worker warm.

Real garments as product photos: JPEGs of 640 x 500 pixels, dark on bright, each another. The baseline is the same page
with a file that is refused, so that no network is asked: upload, rerun and message alone.
"""

import io
import statistics
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from playwright.sync_api import Page

from benchmarks.browser import SETTLED, chromium
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


def seconds(page: Page, name: str, content: bytes, *, until: str) -> float:
    """Choose a file; until an element is there that was not there before."""
    began = time.perf_counter()
    page.set_input_files("input[type=file]", {"name": name, "mimeType": "image/jpeg", "buffer": content})
    page.wait_for_selector(until, timeout=120_000)
    took = time.perf_counter() - began
    page.wait_for_selector(SETTLED, state="attached")
    page.wait_for_timeout(500)
    return took


def refuse(page: Page, name: str) -> float:
    """The baseline; it also takes the last answer off the page."""
    return seconds(page, name, b"no picture", until="[data-testid=stAlert]")


def answer(page: Page, name: str, image: NDArray[np.uint8]) -> float:
    return seconds(page, name, photo(image), until=".live-panel[data-drawn]:not([aria-busy])")


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
