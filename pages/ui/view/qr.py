"""A link as a QR code, drawn on this server."""

import io

import segno


def svg(link: str) -> str:
    """The code as SVG: dark on white with its quiet zone, in dark mode too, because cameras need that."""
    drawn = io.BytesIO()
    segno.make_qr(link).save(drawn, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return drawn.getvalue().decode().strip()
