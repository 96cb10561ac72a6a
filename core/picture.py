"""A visitor's own picture made into what the network sees: 28 x 28 pixels, a light object on a black ground.

A network that was trained on colours sees the middle square of the picture instead, as it is.

The steps follow those by which Fashion-MNIST was made from product photos (Xiao, Rasul and Vollgraf, "Fashion-MNIST: a
novel image dataset for benchmarking machine learning algorithms", 2017, section 2): grey, negate, trim the edges close
to the ground's colour, longest edge to 28, extend to 28 x 28 with the object in the centre. A visitor's photo is lit
worse than a shop's, so its ground is the median of the border, not the colour of the corners; it is subtracted, and
the contrast is stretched.

Nothing that a file says of itself is trusted. Its headers are read here, the limits are checked, and Pillow is given
only what makes up the pixels: no texts, profiles, EXIF data or further frames, each of which can be a bomb of its own.
"""

import base64
import io
import re
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from core.errors import PictureError

MOST_BYTES = 10_000_000
"""Bytes of a file."""

MOST_PIXELS = 16_000_000
"""Pixels of a picture; a phone's photo has 12 million."""

MOST_SIDE = 10_000
"""Pixels along a picture's longer side."""

PNG_URL = "data:image/png;base64,"
"""How the URL of a PNG file begins that holds the file itself."""

_SHOWN = 280  # pixels along the longest side that is kept of a picture
_MOST_PARTS = 10_000  # PNG chunks or JPEG segments; 10 MB in chunks of 8 KB, as libpng writes them, are 1,221
_MOST_SCANS = 50  # of a JPEG: each may take 33 bytes and costs a pass over all pixels; progressive files have about 10

_EXTREMES = (0.1, 99.9)  # percentiles that stand for the darkest and the brightest pixel
_LEAST_CONTRAST = 10  # grey levels between them
_STANDS_OUT = (0.12, 0.25)  # of the contrast, where the ground is lit evenly, and where it is not
_CROWD = 3  # pixels of 3 x 3 that stand out together; fewer are noise

_CHUNKS = (b"IHDR", b"acTL", b"eXIf", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_DECODED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_FRAMES = b"\xc0\xc1\xc2\xc9\xca"  # baseline, extended and progressive; the last two with arithmetic coding
_SEGMENTS = _FRAMES + b"\xc4\xcc\xdb\xdd\xe0\xee"  # tables, restart interval; JFIF and Adobe tell the colours
_MARKER = re.compile(rb"\xff([\x02-\xcf\xda-\xfe])")  # one that a length follows; fill bytes and junk are passed over
_APP1, _SCAN, _END = b"\xe1", b"\xda", b"\xff\xd9"

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# One picture at a time, whoever else uploads, and always in the same thread: the C library keeps some 50 MB for each
# thread that has decoded a large picture, so that a lock alone would not bound the memory.
_decoder = ThreadPoolExecutor(1, "picture")


@dataclass(frozen=True, eq=False)
class Step:
    """What one step made of the picture.

    Attributes:
        title: a few words.
        note: a sentence on what was done and why.
        pixels: (h, w) grey or (h, w, 3) colour; at most 280 pixels along a side.
    """

    title: str
    note: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture ready for the network.

    Attributes:
        image: of the shape that the network sees.
        steps: from the file to the image.
        notes: sentences about the file.
    """

    image: NDArray[np.uint8]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _File:
    """What a file's headers say, and the file without what Pillow need not see.

    Attributes:
        content: header and pixels alone.
        size: width and height in pixels, before the picture is turned upright.
        exif: TIFF bytes; empty where there are none.
        frames: of an animation; 1 otherwise.
        deep: 16 bits, not 8.
    """

    content: bytes
    size: tuple[int, int]
    exif: bytes = b""
    frames: int = 1
    deep: bool = False


@dataclass(frozen=True, eq=False)
class _Upright:
    """A decoded picture, L or RGB, at most 280 pixels along a side; `size` is the width and height it came with."""

    image: Image.Image
    size: tuple[int, int]
    notes: tuple[str, ...]


def read(content: bytes, shape: tuple[int, ...] = (28, 28)) -> Picture:
    """The picture in a PNG, JPEG or WebP file, whatever its name, made into (side, side) greys or (side, side, 3).

    Raises:
        PictureError: the file is empty, too large, damaged or of another format, or nothing is on the picture.
    """
    name = _format(content)
    upright = _decoder.submit(_decoded, name, content).result()
    return _processed(upright, shape[0]) if len(shape) == 2 else _coloured(upright, shape[0])


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of (h, w) grey or (h, w, 3) colour pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def url(png: bytes) -> str:
    """A PNG file as a `data:` URL, which a page holds itself: nothing is kept on the server to be fetched later."""
    return f"{PNG_URL}{base64.b64encode(png).decode()}"


def sheet(images: NDArray[np.uint8], columns: int) -> bytes:
    """One PNG file of (n, h, w) or (n, h, w, 3) images, row by row; the places that are left over are 0."""
    rows = -(-len(images) // columns)
    _, h, w, *colours = images.shape
    places = np.zeros((rows * columns, h, w, *colours), np.uint8)
    places[: len(images)] = images
    grid = places.reshape(rows, columns, h, w, *colours).swapaxes(1, 2)
    return png(grid.reshape(rows * h, columns * w, *colours))


def _format(content: bytes) -> str:
    if not content:
        raise PictureError("This file is empty; choose a PNG, JPEG or WebP picture.")
    if len(content) > MOST_BYTES:
        raise PictureError(
            f"This file has {len(content) / 1e6:,.1f} MB; choose a picture of at most {MOST_BYTES / 1e6:.0f} MB."
        )
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WebP"
    raise PictureError(
        "This file is no PNG, JPEG or WebP picture, whatever its name; choose one of these three formats."
    )


def _decoded(name: str, content: bytes) -> _Upright:
    """A file's only or first picture.

    Raises:
        PictureError: it is too large or damaged.
    """
    try:
        return _opened(name, content)
    except PictureError:
        raise
    except Exception:  # Pillow raises a dozen kinds
        pass  # and its traceback holds on to the pixels, so that it must be no cause or context of the error
    raise PictureError(
        f"This {name} file is damaged, incomplete or of an unusual kind; "
        "save or download it again, or choose another picture."
    )


def _opened(name: str, content: bytes) -> _Upright:
    """Check a file's headers, decode it, and reduce it at once."""
    file = _HEADERS[name](content)
    _check_size(*file.size)
    image = Image.open(io.BytesIO(file.content), formats=[name])
    if image.size != file.size:
        raise ValueError(f"Its headers differ: {image.size} and {file.size}.")
    image.draft(None, (2 * _SHOWN, 2 * _SHOWN))
    image.load()
    small = _reducible(image)
    small.thumbnail((_SHOWN, _SHOWN), Image.Resampling.LANCZOS, reducing_gap=3)

    orientation = _orientation(file.exif or image.info.get("exif", b""))
    notes = _notes(file, image, small, orientation)
    small = _opaque(small)
    if orientation in _UPRIGHT:
        small = small.transpose(_UPRIGHT[orientation])
    return _Upright(small, file.size if orientation < 5 else file.size[::-1], notes)


def _notes(file: _File, image: Image.Image, small: Image.Image, orientation: int) -> tuple[str, ...]:
    frames = max(file.frames, getattr(image, "n_frames", 1))
    clear = small.mode == "RGBA" and np.asarray(small)[..., 3].min() < 255
    deep = "greys" if small.mode == "L" else "colours"
    notes = {
        f"Only the first of its {frames:,} frames is used.": frames > 1,
        "Turned upright, as its EXIF data say.": orientation in _UPRIGHT,
        "Its CMYK colours were converted.": image.mode == "CMYK",
        "Its palette's colours were looked up.": image.mode == "P",
        "Its pixels are black or white, with nothing between.": image.mode == "1",
        f"Its 16-bit {deep} were reduced to 8.": file.deep,
        "What is transparent counts as white.": clear,
    }
    return tuple(note for note, holds in notes.items() if holds)


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        raise PictureError(
            f"This picture has {_size(width, height)} pixels; choose one of at most {MOST_SIDE:,} along a side "
            f"and {MOST_PIXELS / 1e6:.0f} million in all."
        )


def _reducible(image: Image.Image) -> Image.Image:
    """The picture in a mode that pixels can be averaged in: L, RGB, RGBA or CMYK."""
    if image.mode == "I;16":  # Pillow's own conversion clips
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else {"1": "L", "P": "RGB"}.get(image.mode, image.mode)
    return image if image.mode == mode else image.convert(mode)


def _opaque(image: Image.Image) -> Image.Image:
    """The picture in L or RGB."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "L" else image.convert("RGB")


def _png(content: bytes) -> _File:
    """Read a PNG's chunks (W3C, Portable Network Graphics, third edition).

    The chunks of each kind are joined, and a further frame's are none of those that are kept.

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

    width, height, depth = struct.unpack_from(">IIB", chunks[b"IHDR"])
    if depth == 16:  # Pillow would compare the high bytes of the pixels with the low bytes of the transparent colour
        chunks[b"tRNS"].clear()
    plain = b"".join(_chunk(kind, chunks[kind]) for kind in _DECODED if chunks[kind] or kind == b"IEND")
    return _File(
        content[:8] + plain,
        (width, height),
        exif=bytes(chunks[b"eXIf"]),
        frames=int.from_bytes(chunks[b"acTL"][:4]) or 1,
        deep=depth == 16,
    )


def _chunk(kind: bytes, data: bytes | bytearray) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _jpeg(content: bytes) -> _File:
    """Read a JPEG's segments up to its first scan (ITU-T T.81, annex B).

    Raises:
        ValueError, struct.error: the file ends too early, or is made to take long.
    """
    kept, exif, size, at = [content[:2]], b"", (0, 0), 2
    for _ in range(_MOST_PARTS):
        marker = _MARKER.search(content, at)
        if not marker or marker[1] == _SCAN:
            break
        (length,) = struct.unpack_from(">H", content, marker.end())
        segment = content[marker.start() : marker.end() + length]
        if marker[1] in _FRAMES:
            height, width = struct.unpack_from(">HH", segment, 5)
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
    return _File(b"".join([*kept, scans]), size, exif=exif)


def _webp(content: bytes) -> _File:
    """Read a WebP's canvas (RFC 9649, section 2), which libwebp allocates as soon as the file is opened.

    Raises:
        struct.error: the file ends too early.
    """
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    return _File(content, (width, height))


_HEADERS: dict[str, Callable[[bytes], _File]] = {"PNG": _png, "JPEG": _jpeg, "WebP": _webp}


def _orientation(exif: bytes) -> int:
    """How the camera was held, 1 to 8 (CIPA DC-008, section 4.6); 1 where the EXIF data do not say or are damaged."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = ">" if tiff.startswith(b"MM") else "<"
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, value = struct.unpack_from(f"{order}H6xH", tiff, at)
            if tag == 0x0112 and value in _UPRIGHT:
                return int(value)
    except struct.error:
        pass
    return 1


def _processed(upright: _Upright, side: int) -> Picture:
    """Follow the steps of the module's docstring.

    Raises:
        PictureError: nothing stands out from the ground.
    """
    grey = np.asarray(upright.image.convert("L"))
    ground, end = _ends(grey)
    light = _light_on_black(grey, ground, end)
    cropped = _cropped(light.pixels, _threshold(grey, ground, end))
    seen = _centred(cropped.pixels, side)
    note = "The network was trained on grey pictures and knows no colours."
    return Picture(seen.pixels, (_uploaded(upright), Step("Grey", note, grey), light, cropped, seen), upright.notes)


def _coloured(upright: _Upright, side: int) -> Picture:
    """The middle square, made as small as what the network was trained on."""
    image = upright.image.convert("RGB")
    edge = min(image.size)
    left, top = ((length - edge) // 2 for length in image.size)
    square = image.crop((left, top, left + edge, top + edge))
    small = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))
    middle = Step("Middle square", "The network was trained on square pictures.", np.asarray(square))
    seen = Step(_seen(side), f"Made {side} pixels wide; colours and ground stay.", small)
    return Picture(small, (_uploaded(upright), middle, seen), upright.notes)


def _seen(side: int) -> str:
    return f"{side} × {side}, as the network sees it"


def _uploaded(upright: _Upright) -> Step:
    size, reduced = _size(*upright.size), _size(*upright.image.size)
    note = f"{size} pixels." if size == reduced else f"{size} pixels, reduced to {reduced}."
    return Step("As uploaded", note, np.asarray(upright.image))


def _size(width: int, height: int) -> str:
    return f"{width:,} × {height:,}"


def _ends(grey: NDArray[np.uint8]) -> tuple[float, float]:
    """The grey of the ground and that farthest from it: the darkest on a bright ground, the brightest on a dark one.

    Raises:
        PictureError: there is no contrast.
    """
    low, high = np.percentile(grey, _EXTREMES)
    if high - low < _LEAST_CONTRAST:
        raise _nothing()
    ground = float(np.median(_border(grey)))
    return ground, float(low if ground > (low + high) / 2 else high)


def _border(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])


def _light_on_black(grey: NDArray[np.uint8], ground: float, end: float) -> Step:
    pixels = ((grey - ground) / (end - ground) * 255).clip(0, 255).round().astype(np.uint8)
    if end < ground:
        note = "The ground is bright, but the network knows light things on black: it became 0, the darkest part 255."
        return Step("Inverted", note, pixels)
    note = "The ground is dark, as the network knows it: it became 0, the brightest part 255."
    return Step("Not inverted", note, pixels)


def _threshold(grey: NDArray[np.uint8], ground: float, end: float) -> float:
    """What stands out from the ground, in greys of the stretched picture: the more, the less even the ground is lit.

    The spread is the border's median absolute deviation, which an object that touches the border hardly changes.
    """
    least, most = _STANDS_OUT
    spread = float(np.median(np.abs(_border(grey) - ground))) / abs(end - ground)
    return 255 * min(least + 3 * spread, most)


def _cropped(light: NDArray[np.uint8], threshold: float) -> Step:
    """Trim what does not stand out, or is a lone pixel.

    Raises:
        PictureError: nothing but noise stands out.
    """
    stands_out = light > threshold
    neighbours = sliding_window_view(np.pad(stands_out, 1), (3, 3)).sum(axis=(2, 3))
    solid = stands_out & (neighbours >= _CROWD)
    if not solid.any():
        raise _nothing()
    rows, columns = (np.flatnonzero(solid.any(axis=axis)) for axis in (1, 0))
    pixels = light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = pixels.shape
    return Step("Cropped", f"All that stands out from the ground fits in {_size(width, height)} pixels.", pixels)


def _nothing() -> PictureError:
    return PictureError(
        "There is nothing on this picture: all pixels are alike, or nearly so; "
        "choose a picture of a single thing on a plain ground."
    )


def _centred(light: NDArray[np.uint8], side: int) -> Step:
    """Fit (h, w) greys into a square; the larger half of an odd margin is at the left or on top, as Fashion-MNIST's."""
    height, width = (max(1, round(side * length / max(light.shape))) for length in light.shape)
    top, left = (side + 1 - height) // 2, (side + 1 - width) // 2
    pixels = np.zeros((side, side), np.uint8)
    resized = Image.fromarray(light).resize((width, height), Image.Resampling.LANCZOS)
    pixels[top : top + height, left : left + width] = np.asarray(resized)
    note = f"The longest edge became {side} pixels and the object moved to the centre, as in Fashion-MNIST."
    return Step(_seen(side), note, pixels)
