"""The pictures of the documents, taken of the real app: `python -m tools.pictures [NAME ...]`, all where none is named.

`docs/slider.webp` moves: the slider of the Prune page goes from 0 to 100 %, as Play does. `docs/guide/*.webp` are the
steps of docs/guide.md. The app has a run store of its own, so a picture shows only what comes with the product.
It needs Fashion-MNIST and Debian's chromium, which `make browser-test` installs. It takes three minutes on two cores.
"""

import io
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page

from benchmarks.browser import SETTLED, chromium
from benchmarks.session import serving
from tests.patience import PATIENCE, until

DOCS = Path(__file__).parent.parent / "docs"
MOVING = "slider"
"""The name of the moving picture."""

WIDTH = 900  # pixels of a picture
MARGIN = 80  # CSS pixels of the page on each side of its content
HEIGHT = 3000  # CSS pixels of the window, so high that every figure is on the screen and drawn
AIR = 8  # CSS pixels around what is shown

FRAME, FIRST, LAST = 125, 400, 900  # milliseconds of a frame, and of the first and the last

RUN = "f7efe499fefd"  # the ConvNet that comes with the product
CLASSIC = "8eb9a6882564"  # LeNet-5

SHIRT = [(105, 60), (60, 85), (35, 140), (70, 155), (85, 125), (85, 240), (195, 240), (195, 125), (210, 155)]
SHIRT += [(245, 140), (220, 85), (175, 60), (140, 80), (105, 60)]
"""The outline of a T-shirt on the sheet to draw on, in pixels."""


@dataclass(frozen=True)
class Shot:
    """A picture: the page from the top of one element to the bottom of another.

    Attributes:
        address: of the view, below the root of the app.
        first, last: selectors of the two elements.
        content: width of the page's content in CSS pixels; the picture is always `WIDTH` wide.
        act: what the visitor does there before.
    """

    address: str
    first: str
    last: str
    content: int = 920
    act: Callable[[Page], object] = lambda page: None


def draw_a_shirt(page: Page) -> None:
    """Draw it with the mouse: its outline, and strokes that fill it."""
    sheet = page.locator(".drawing canvas").bounding_box()
    assert sheet is not None
    x, y = sheet["x"], sheet["y"]
    rows = [[(92, at), (188, at)] for at in range(95, 240, 12)]
    sleeves = [[(70, 95), (50, 140)], [(85, 90), (70, 140)], [(210, 95), (230, 140)], [(195, 90), (210, 140)]]
    for stroke in (SHIRT, *rows, *sleeves):
        page.mouse.move(x + stroke[0][0], y + stroke[0][1])
        page.mouse.down()
        for at in stroke[1:]:
            page.mouse.move(x + at[0], y + at[1], steps=4)
        page.mouse.up()


def open_the_first_answer(page: Page) -> None:
    """Of the exercises."""
    page.get_by_text("Answer", exact=True).first.click()


SHOTS = {
    MOVING: Shot(f"prune?run={RUN}&sparsity=0", ".live-panel .control", "#plot-curve", content=1080),
    "guide/answer": Shot(f"?run={RUN}&sparsity=50", ".live-panel .control", ".wall .caption", content=1240),
    "guide/sparsity": Shot(f"prune?run={RUN}&sparsity=0.01", "h1", ".live-panel .readouts", content=1240),
    "guide/curve": Shot(f"prune?run={RUN}&sparsity=50", ".live-panel .control", "#plot-curve", content=1080),
    "guide/weights": Shot(f"prune?run={CLASSIC}&sparsity=50", "figure:has(#plot-distributions)", "#plot-distributions"),
    "guide/images": Shot(f"images?run={RUN}&sparsity=20&outcome=lost", "h2 span", ".gallery li:nth-child(9)"),
    "guide/drawing": Shot(
        f"images?run={RUN}&sparsity=50&section=Your+own+image&source=Drawing",
        "text=As uploaded",
        "#plot-probabilities",
        content=1080,
        act=draw_a_shirt,
    ),
    "guide/bytes": Shot(f"storage?run={RUN}&sparsity=50", ".live-panel .control", "#plot-bytes", content=1080),
    "guide/criteria": Shot("study", "h2", ".js-plotly-plot"),
    "guide/training": Shot("train", "h1", ".table", content=1240),
    "guide/exercises": Shot("teach", "h1", "[data-testid=stExpander]", act=open_the_first_answer),
}
"""By the name of the file below docs/, without its ending; those of the guide in its order."""


@contextmanager
def visiting(browser: Browser, app: str, shot: Shot) -> Iterator[tuple[Page, FloatRect]]:
    """The page as the shot wants it, and what it shows of it in CSS pixels."""
    window, scale = {"width": shot.content + 2 * MARGIN, "height": HEIGHT}, WIDTH / (shot.content + 2 * AIR)
    context = browser.new_context(viewport=window, device_scale_factor=scale)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"{app}/{shot.address}")
    page.wait_for_selector(SETTLED, state="attached")
    shot.act(page)
    page.mouse.move(0, 0)
    clip = until(lambda: at_rest(page, shot), f"{shot.address} does not come to rest.")
    assert clip is not None
    yield page, clip
    context.close()


def at_rest(page: Page, shot: Shot) -> FloatRect | None:
    """What is shown, once two pictures in a row are alike; None before."""
    page.wait_for_selector(SETTLED, state="attached")
    first, last = (page.locator(what).first.bounding_box() for what in (shot.first, shot.last))
    if first is None or last is None:
        return None
    top, bottom = first["y"] - AIR, last["y"] + last["height"] + AIR
    clip = FloatRect(x=MARGIN - AIR, y=top, width=shot.content + 2 * AIR, height=bottom - top)
    before = page.screenshot(clip=clip)
    page.wait_for_timeout(1000)
    return clip if page.screenshot(clip=clip) == before else None


def taken(page: Page, clip: FloatRect) -> Image.Image:
    """The picture, exactly `WIDTH` wide."""
    picture = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return picture.crop((0, 0, WIDTH, picture.height))


def sweep(page: Page, clip: FloatRect) -> list[Image.Image]:
    """A picture of each stop of the slider."""
    slider, frames = page.locator(".live-panel input"), []
    for stop in range(1 + int(slider.get_attribute("max") or 0)):
        slider.evaluate("(it, stop) => { it.value = stop; it.dispatchEvent(new Event('input')) }", stop)
        page.wait_for_selector(f'.live-panel[data-drawn="{stop}"]')
        frames.append(taken(page, clip))
    return frames


def most_bytes(name: str) -> int:
    """How large the file of a picture may be."""
    return 1_500_000 if name == MOVING else 80_000


def save(name: str, frames: Sequence[Image.Image]) -> None:
    """Write one picture, or a moving one of several; raises SystemExit if the file is too large."""
    path = DOCS / f"{name}.webp"
    path.parent.mkdir(exist_ok=True)
    first, *rest = frames
    times = [FIRST, *[FRAME] * (len(rest) - 1), LAST]
    moving = {"save_all": True, "append_images": rest, "duration": times, "loop": 0, "minimize_size": True}
    first.save(path, "WEBP", quality=80, method=6, **(moving if rest else {}))
    size, most = path.stat().st_size, most_bytes(name)
    print(f"{path.relative_to(DOCS.parent)}: {first.width} x {first.height} pixels, {size / 1000:.0f} kB")
    if size > most:
        sys.exit(f"It has more than {most / 1000:.0f} kB: show less.")


def main(names: Sequence[str]) -> None:
    """Take those of these names; all of them if there are none."""
    if unknown := {*names} - SHOTS.keys():
        sys.exit(f"There is no picture {', '.join(sorted(unknown))}; there are {', '.join(SHOTS)}.")
    with (
        tempfile.TemporaryDirectory() as store,
        serving("streamlit_app.py", {"PRUNELAB_RUNS": store}) as (port, _),
        chromium() as browser,
    ):
        for name in names or SHOTS:
            with visiting(browser, f"http://127.0.0.1:{port}", SHOTS[name]) as (page, clip):
                save(name, sweep(page, clip) if name == MOVING else [taken(page, clip)])


if __name__ == "__main__":
    main(sys.argv[1:])
