"""The app's icons: every form that a head names is served, in the size that it says."""

import io
import json
import re

import pytest
from PIL import Image

from pages.ui.server.icons import LINKS
from pages.ui.view import brand
from tests.asgi import ask


def opened(path: str) -> Image.Image:
    answer = ask(path)
    assert answer.status == 200
    return Image.open(io.BytesIO(answer.body))


def test_every_icon_that_a_head_names_is_served() -> None:
    named = re.findall('href="([^"]+)"', LINKS)
    assert len(named) == 4
    for path in named:
        assert ask(path).status == 200


def test_a_title_has_an_icon_in_each_size() -> None:
    icon = opened("/favicon.ico")
    assert icon.format == "ICO" and icon.info["sizes"] == {(side, side) for side in (16, 32, 48)}


def test_a_home_screen_has_an_icon_on_white_in_the_sizes_that_the_manifest_says() -> None:
    icons = json.loads(ask("/manifest.webmanifest").text)["icons"]
    assert [icon["sizes"] for icon in icons] == ["180x180", "192x192", "512x512"]
    for icon in icons:
        image = opened(icon["src"])
        assert f"{image.width}x{image.height}" == icon["sizes"]
        assert image.getpixel((0, 0)) == (255, 255, 255, 255)


@pytest.mark.parametrize("side", [16, 180, 512])
def test_the_picture_is_the_drawing(side: int) -> None:
    """Each bar's middle has its colour, in every size."""
    image = brand._drawn(side, "#FFFFFF").convert("RGB")
    for left, top, right, bottom, colour in brand._boxes()[:4]:
        at = (int((left + right) / 2 * side / 32), int((0.75 * bottom + 0.25 * top) * side / 32))
        shown = image.getpixel(at)
        wanted = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
        assert isinstance(shown, tuple) and all(abs(a - b) < 60 for a, b in zip(shown, wanted, strict=True)), at
    assert f'viewBox="0 0 {brand.SIDE} {brand.SIDE}"' in brand.mark()
