"""The mark of PruneLab, four weights and the threshold below which one is pruned: as SVG, and as PNG of any size."""

import io
from functools import lru_cache

from PIL import Image, ImageDraw

from core.figures.colours import DENSE, PRUNED

NAME = "PruneLab"
SIDE = 32
"""Side of the square in which the mark is drawn."""

_BARS = ((3, 18, DENSE), (10, 9, DENSE), (17, 24, PRUNED), (24, 13, DENSE))
"""Left, top and colour of each weight."""

_WIDE, _FLOOR = 5, 29
_DASHES, _DASH, _LEVEL, _THICK = range(2, 30, 5), 3, 20.5, 2
_FINER = 8  # the picture is drawn larger and reduced, so that its edges are smooth

ICO_SIDES = (16, 32, 48)
PNG_SIDES = (180, 192, 512)
"""Pixels of the icons that systems ask for: beside a title, on a phone's home screen, and in a list of apps."""


def heading(title: str) -> str:
    """What the browser's tab and its history call a page."""
    return f"{title} \N{MIDDLE DOT} {NAME}"


def _boxes() -> list[tuple[float, float, float, float, str]]:
    """Left, top, right, bottom and colour of all that is drawn, in order."""
    bars = [(x, y, x + _WIDE, _FLOOR, colour) for x, y, colour in _BARS]
    return bars + [(x, _LEVEL, min(x + _DASH, SIDE - 2), _LEVEL + _THICK, PRUNED) for x in _DASHES]


@lru_cache(maxsize=1)
def mark() -> str:
    """The mark as SVG."""
    return _svg(SIDE, "")


@lru_cache(maxsize=1)
def wordmark() -> str:
    """The mark and the name as SVG, in ink that follows the system's light or dark scheme."""
    style = "text{fill:#16191d}@media(prefers-color-scheme:dark){text{fill:#e6e8eb}}"
    font = "font-family='system-ui,-apple-system,Segoe UI,Roboto,Helvetica Neue,Arial,sans-serif'"
    text = f"<text x='40' y='24' {font} font-size='22' font-weight='700' textLength='104'>{NAME}</text>"
    return _svg(144, f"<style>{style}</style>{text}")


def _svg(width: int, more: str) -> str:
    boxes = "".join(
        f'<rect x="{left}" y="{top}" width="{right - left:g}" height="{bottom - top:g}" fill="{colour}"/>'
        for left, top, right, bottom, colour in _boxes()
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {SIDE}">{boxes}{more}</svg>'


@lru_cache(maxsize=8)
def png(side: int) -> bytes:
    """The mark as a PNG file of `side` x `side` pixels, on white; what is transparent may become black."""
    return _file(_drawn(side, "#FFFFFF"), "PNG")


@lru_cache(maxsize=1)
def ico() -> bytes:
    """The mark as one ICO file with a picture of each of `ICO_SIDES`."""
    *smaller, largest = (_drawn(side, "#FFFFFF00") for side in ICO_SIDES)
    return _file(largest, "ICO", sizes=[(side, side) for side in ICO_SIDES], append_images=smaller)


def _drawn(side: int, paper: str) -> Image.Image:
    finer = _FINER * side / SIDE
    image = Image.new("RGBA", (_FINER * side, _FINER * side), paper)
    pen = ImageDraw.Draw(image)
    for *corners, colour in _boxes():
        left, top, right, bottom = (round(finer * at) for at in corners)
        pen.rectangle((left, top, right - 1, bottom - 1), colour)
    return image.resize((side, side), Image.Resampling.BOX)


def _file(image: Image.Image, kind: str, **how: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **how)
    return written.getvalue()


def manifest(start: str, icons: dict[int, str]) -> dict[str, object]:
    """The web app manifest, for a phone that puts the app on its home screen; `icons` maps sides to paths."""
    return {
        "name": NAME,
        "short_name": NAME,
        "description": "See what magnitude pruning does to a network.",
        "start_url": start,
        "display": "browser",
        "background_color": "#FFFFFF",
        "theme_color": DENSE,
        "icons": [{"src": path, "sizes": f"{side}x{side}", "type": "image/png"} for side, path in icons.items()],
    }
