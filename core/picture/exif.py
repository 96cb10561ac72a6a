"""How a camera was held, from the EXIF data of a picture."""

import struct

from PIL import Image

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The operation that turns a picture upright, by its orientation; 1 is upright already."""

_ORIENTATION = 0x0112
_RATIONALS = (5, 10)
_TYPES = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I"}
"""TIFF 6.0, section 2, and 13 for an offset, as `struct` reads them; a text (2) never holds a number."""


def orientation(exif: bytes) -> int:
    """1 to 8 (CIPA DC-008, section 4.6), whatever the type and the byte order; 1 if the data do not say."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = ">" if tiff.startswith(b"MM") else "<"
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, n = struct.unpack_from(f"{order}HHI", tiff, at)
            if tag == _ORIENTATION and (value := _value(tiff, order, at + 8, kind, n)) in UPRIGHT:
                return int(value)
    except struct.error:
        pass
    return 1


def _value(tiff: bytes, order: str, at: int, kind: int, n: int) -> float:
    """The first of an entry's n values, stored in the entry itself if they fit into its last 4 bytes."""
    form = order + _TYPES.get(kind, "")
    if n * struct.calcsize(form) > 4:
        (at,) = struct.unpack_from(f"{order}I", tiff, at)
    numbers = struct.unpack_from(form, tiff, at)
    if kind in _RATIONALS:
        return float(numbers[0] / numbers[1]) if numbers[1] else 0.0
    return float(numbers[0]) if numbers else 0.0
