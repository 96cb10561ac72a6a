"""A link as a QR code: it is drawn here, black on white with the quiet zone that cameras need."""

import re

import segno

from pages.ui.view import qr

LINK = "https://school.example/teach?room=amber-zebra-12"


def test_the_code_is_black_on_white_with_a_quiet_zone_of_four_modules() -> None:
    drawn = qr.svg(LINK)
    assert drawn.startswith("<svg") and drawn.endswith("</svg>") and "http-equiv" not in drawn
    assert not set(re.findall(r"https?://[^\"]+", drawn)) - {"http://www.w3.org/2000/svg"}
    size = segno.make_qr(LINK).symbol_size(border=4)[0]
    assert f'viewBox="0 0 {size} {size}"' in drawn
    assert re.search(r'fill="#(?:fff|ffffff)"|#fff', drawn) and "#000" in drawn


def test_the_code_has_the_modules_of_the_link() -> None:
    """The dark strokes are those of the matrix."""
    drawn, matrix = qr.svg(LINK), segno.make_qr(LINK).matrix
    strokes = re.search(r'stroke="#000"[^>]*d="([^"]+)"|d="([^"]+)"[^>]*stroke="#000"', drawn)
    assert strokes is not None
    dark = sum(int(length) for length in re.findall(r"h(\d+)", strokes[1] or strokes[2]))
    assert dark == sum(map(sum, matrix))
