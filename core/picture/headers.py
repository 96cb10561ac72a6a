"""The headers of a picture file, parsed defensively, and the file reduced to what Pillow needs.

Nothing in a file is trusted. Its headers are read here, and Pillow is given only the pixel data: no text, profiles,
EXIF data or further frames, each of which could be a decompression bomb.
"""

import io
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

_MOST_PARTS = 10_000  # PNG chunks or JPEG segments; 10 MB in chunks of 8 KB, as libpng writes them, are 1,221
_MOST_SCANS = 50  # of a JPEG: each may take 33 bytes and costs a pass over all pixels; progressive files have about 10

_CHUNKS = (b"IHDR", b"acTL", b"eXIf", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_DECODED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_GREY, _PALETTE, _GREY_ALPHA, _ALPHA = 0, 3, 4, (4, 6)  # colour types of a PNG
_FRAMES = b"\xc0\xc1\xc2\xc9\xca"  # baseline, extended and progressive; the last two with arithmetic coding
_SEGMENTS = _FRAMES + b"\xc4\xcc\xdb\xdd\xe0\xee"  # tables, restart interval; JFIF and Adobe tell the colours
_MARKER = re.compile(rb"\xff([\x02-\xcf\xda-\xfe])")  # one that a length follows; fill bytes and junk are skipped
_APP1, _SCAN, _END = b"\xe1", b"\xda", b"\xff\xd9"


@dataclass(frozen=True, eq=False)
class File:
    """The headers of a file, and the file reduced to what Pillow needs.

    Attributes:
        format: a key of `READERS`.
        content: header and pixels only.
        size: width and height in pixels, before the picture is turned upright.
        exif: TIFF bytes; empty where there are none.
        frames: of an animation; 1 otherwise.
        deep: whether it has 16 bits per channel, not 8.
        coloured: whether its pixels can have colours, not only greys.
        palette: whether its pixels are indices into a colour table.
        clear: whether its pixels can be transparent.
    """

    format: str
    content: bytes
    size: tuple[int, int]
    exif: bytes = b""
    frames: int = 1
    deep: bool = False
    coloured: bool = True
    palette: bool = False
    clear: bool = False


def format_of(content: bytes) -> str | None:
    """The format by the file's first bytes, whatever its name; None if it is not in `READERS`."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WebP"
    return "BMP" if content.startswith(b"BM") else None


def _png(content: bytes) -> File:
    """Read a PNG's chunks (W3C, Portable Network Graphics, third edition).

    Chunks of the same kind are joined; those of further frames are dropped.

    Raises:
        ValueError, struct.error: a checksum is wrong, or the file ends too early.
    """
    chunks = {kind: bytearray() for kind in _CHUNKS}
    at, kind = 8, b""
    for _ in range(_MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        (checksum,) = struct.unpack_from(">I", content, end)
        if kind in chunks:
            if zlib.crc32(content[at + 4 : end]) != checksum:
                raise ValueError(f"The checksum of {kind!r} is wrong.")
            chunks[kind] += content[at + 8 : end]
        if kind == b"IEND":
            break
        at = end + 4
    else:
        raise ValueError("It has too many chunks.")

    width, height, depth, colours = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    if depth == 16:  # Pillow would compare the high bytes of the pixels with the low bytes of the transparent colour
        chunks[b"tRNS"].clear()
    plain = b"".join(_chunk(kind, chunks[kind]) for kind in _DECODED if chunks[kind] or kind == b"IEND")
    greys = _greys(chunks[b"PLTE"]) if colours == _PALETTE else colours in (_GREY, _GREY_ALPHA)
    return File(
        "PNG",
        content[:8] + plain,
        (width, height),
        exif=bytes(chunks[b"eXIf"]),
        frames=int.from_bytes(chunks[b"acTL"][:4]) or 1,
        deep=depth == 16,
        coloured=not greys,
        palette=colours == _PALETTE,
        clear=colours in _ALPHA or bool(chunks[b"tRNS"]),
    )


def _chunk(kind: bytes, data: bytes | bytearray) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _jpeg(content: bytes) -> File:
    """Read a JPEG's segments up to its first scan (ITU-T T.81, annex B).

    Raises:
        ValueError, struct.error: the file ends too early, or would take too long to decode.
    """
    kept, exif, size, colours, at = [content[:2]], b"", (0, 0), 0, 2
    for _ in range(_MOST_PARTS):
        marker = _MARKER.search(content, at)
        if not marker or marker[1] == _SCAN:
            break
        (length,) = struct.unpack_from(">H", content, marker.end())
        segment = content[marker.start() : marker.end() + length]
        if marker[1] in _FRAMES:
            height, width, colours = struct.unpack_from(">HHB", segment, 5)
            size = width, height
        if marker[1] == _APP1 and segment[4:10] == b"Exif\0\0":
            exif = exif or segment[10:]
        if marker[1] in _SEGMENTS:
            kept.append(segment)
        at = marker.end() + length
    if not marker or marker[1] != _SCAN:
        raise ValueError("It has no scan, or too many segments.")

    scans = content[marker.start() : content.index(_END, marker.end()) + 2]
    if scans.count(b"\xff" + _SCAN) > _MOST_SCANS:
        raise ValueError("It has too many scans.")
    return File("JPEG", b"".join([*kept, scans]), size, exif=exif, coloured=colours > 1)


def _webp(content: bytes) -> File:
    """Read a WebP's canvas (RFC 9649, section 2), which libwebp allocates as soon as the file is opened.

    Raises:
        struct.error: the file ends too early.
    """
    kind, exif, clear = content[12:16], b"", False
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        exif, clear = _webp_exif(content), bool(content[20] & 0x10)
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height, clear = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    return File("WebP", content, (width, height), exif=exif, clear=clear)


def _webp_exif(content: bytes) -> bytes:
    at = 12
    for _ in range(_MOST_PARTS):
        if at + 8 > len(content):
            break
        kind, length = struct.unpack_from("<4sI", content, at)
        if kind == b"EXIF":
            return content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return b""


def _bmp(content: bytes) -> File:
    """Read a BMP's header with Pillow, which decodes no pixels for it; for data sets only.

    Raises:
        Exception: whatever Pillow raises.
    """
    with Image.open(io.BytesIO(content), formats=["BMP"]) as image:
        table = image.getpalette() if image.mode == "P" else None
        coloured = image.mode in ("RGB", "RGBA") if table is None else not _greys(table)
        return File("BMP", content, image.size, coloured=coloured, palette=bool(table), clear=image.mode == "RGBA")


def _greys(table: Sequence[int]) -> bool:
    """Whether red, green and blue are equal in every colour of a table."""
    return table[::3] == table[1::3] == table[2::3]


READERS: dict[str, Callable[[bytes], File]] = {"PNG": _png, "JPEG": _jpeg, "WebP": _webp, "BMP": _bmp}
