"""A link as a QR code, drawn by the server itself."""

import io

import segno

from core.errors import PruneLabError
from core.words import wording

LONGEST = 1_500
"""Characters of a link; with more, the squares are too small for a phone."""


def svg(link: str) -> str:
    """An SVG picture of the code: black squares on white, with the margin of four squares that readers need.

    Raises:
        PruneLabError: this is not a link, or it is too long.
    """
    if not link.startswith(("http://", "https://")):
        raise PruneLabError(f"“{link[:40]}” is not a link; it must begin with http:// or https://.")
    length = len(link.encode())
    if length > LONGEST:
        counts = f"it has {wording.count(length)} characters, and {wording.count(LONGEST)} fit"
        raise PruneLabError(f"This link is too long for a QR code: {counts}. Copy it instead.")
    drawn = io.BytesIO()
    code = segno.make_qr(link, error="l", encoding="utf-8")
    code.save(drawn, "svg", border=4, dark="#000", light="#fff", xmldecl=False)
    return drawn.getvalue().decode()
