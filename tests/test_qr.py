"""A link as a QR code: what a reader reads in it is the link."""

import re

import numpy as np
import pytest
import zxingcpp

from core.errors import PruneLabError
from pages.ui.view import qr

LINK = "https://lab.example/prune?run=8eb9a6882564&criterion=magnitude&scope=global&repair=none&sparsity=0.01"


def squares(svg: str) -> np.ndarray:
    """The picture's squares, 0 where black: its one path draws rows of them."""
    side = int(re.search(r'width="(\d+)"', svg)[1])  # type: ignore[index]
    found = np.full((side, side), 255, np.uint8)
    x, y = 0, 0.0
    for step, dx, dy in re.findall(r"([Mmh])(-?\d+)(?: ?(-?[\d.]+))?", re.search(r'stroke="#000" d="([^"]+)"', svg)[1]):  # type: ignore[index]
        if step == "h":
            found[int(y), x : x + int(dx)] = 0
        x, y = (int(dx), float(dy)) if step == "M" else (x + int(dx), y + float(dy or 0))
    return found


def read(svg: str) -> str:
    found = zxingcpp.read_barcode(squares(svg).repeat(4, axis=0).repeat(4, axis=1))
    assert found is not None
    return str(found.text)


@pytest.mark.parametrize(
    "link", [LINK, "http://127.0.0.1:8501/", f"{LINK}&section=Your%20own%20image", LINK + "x" * 1_300]
)
def test_a_reader_reads_the_link(link: str) -> None:
    assert read(qr.svg(link)) == link


def test_it_is_black_on_white_with_a_margin_of_four_squares() -> None:
    svg, found = qr.svg(LINK), squares(qr.svg(LINK))
    assert 'fill="#fff"' in svg and (found[4:11, 4] == 0).all()
    inside = np.zeros_like(found, dtype=bool)
    inside[4:-4, 4:-4] = True
    assert (found[~inside] == 255).all()


@pytest.mark.parametrize("link", ["", "javascript:alert(1)", "data:text/html,x", "/prune", "<script>"])
def test_what_is_no_link_is_refused(link: str) -> None:
    with pytest.raises(PruneLabError, match="is not a link; it must begin with http"):
        qr.svg(link)


@pytest.mark.parametrize("link", [LINK + "x" * 1_500, f"http://{'é' * 800}"])
def test_a_link_that_is_too_long_is_answered_with_a_sentence(link: str) -> None:
    with pytest.raises(PruneLabError, match=r"too long for a QR code: it has 1,\d{3} characters, and 1,500 fit"):
        qr.svg(link)
