"""Decode a picture file, opaque and upright: for visitors' pictures and data sets."""

import io
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.errors import PictureError
from core.picture.exif import UPRIGHT, orientation
from core.picture.headers import READERS, File, format_of

MOST_BYTES = 10_000_000
"""Bytes of a file."""

MOST_PIXELS = 16_000_000
"""Pixels of a picture; a phone's photo has 12 million."""

MOST_SIDE = 10_000
"""Pixels along a picture's longer side."""

_NUMBERS = {3: "three", 4: "four"}
SHOWN = 280
"""Pixels along the longest side that is kept of a visitor's picture."""


@dataclass(frozen=True, eq=False)
class Upright:
    """A decoded picture, L or RGB, perhaps reduced; `size` is the width and height it came with."""

    image: Image.Image
    size: tuple[int, int]
    notes: tuple[str, ...]


def headers(content: bytes, formats: Collection[str] = READERS) -> File:
    """Parse the headers of a file in one of these formats.

    Raises:
        PictureError: it is empty, too large, damaged or of another format.
    """
    name = _format(content, formats)
    try:
        return READERS[name](content)
    except Exception:  # also what Pillow raises of a BMP
        pass
    raise _damaged(name)


def upright(file: File, longest: int = SHOWN) -> Upright:
    """Decode a file's only or first picture, and reduce it to at most so many pixels along a side.

    Raises:
        PictureError: it is too large or damaged.
    """
    _check_size(*file.size)
    try:
        return _decoded(file, longest)
    except Exception:  # Pillow raises a dozen kinds
        pass  # its traceback keeps the pixels alive, so it must not become a cause or context of the error
    raise _damaged(file.format)


def _format(content: bytes, formats: Collection[str]) -> str:
    names = ", ".join([*formats][:-1]) + f" or {[*formats][-1]}"
    if not content:
        raise PictureError(f"This file is empty; choose a {names} picture.")
    if len(content) > MOST_BYTES:
        raise PictureError(
            f"This file has {len(content) / 1e6:,.1f} MB; choose a picture of at most {MOST_BYTES / 1e6:.0f} MB."
        )
    name = format_of(content)
    if name is not None and name in formats:
        return name
    raise PictureError(
        f"This file is not a {names} picture, whatever its name; choose one of these {_NUMBERS[len(formats)]} formats."
    )


def _damaged(name: str) -> PictureError:
    return PictureError(
        f"This {name} file is damaged, incomplete or of an unusual kind; "
        "save or download it again, or choose another picture."
    )


def _decoded(file: File, longest: int) -> Upright:
    """Decode a picture, and reduce it at once."""
    image = Image.open(io.BytesIO(file.content), formats=[file.format])
    if image.size != file.size:
        raise ValueError(f"Its headers differ: {image.size} and {file.size}.")
    image.draft(None, (2 * longest, 2 * longest))
    image.load()
    small = _reducible(image)
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=3)

    turn = orientation(file.exif)
    notes = _notes(file, image, small, turn)
    small = _opaque(small)
    if turn in UPRIGHT:
        small = small.transpose(UPRIGHT[turn])
    return Upright(small, file.size if turn < 5 else file.size[::-1], notes)


def _notes(file: File, image: Image.Image, small: Image.Image, turn: int) -> tuple[str, ...]:
    frames = max(file.frames, getattr(image, "n_frames", 1))
    clear = small.mode == "RGBA" and np.asarray(small)[..., 3].min() < 255
    deep = "greys" if small.mode == "L" else "colours"
    notes = {
        f"Only the first of its {frames:,} frames is used.": frames > 1,
        "Turned upright, as its EXIF data say.": turn in UPRIGHT,
        "Its CMYK colours were converted.": image.mode == "CMYK",
        "Its palette's colours were looked up.": image.mode == "P",
        "Its pixels are black or white, with nothing between.": image.mode == "1",
        f"Its 16-bit {deep} were reduced to 8.": file.deep,
        "Transparent pixels count as white.": clear,
    }
    return tuple(note for note, holds in notes.items() if holds)


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        raise PictureError(
            f"This picture has {size_of(width, height)} pixels; choose one of at most {MOST_SIDE:,} along a side "
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


def size_of(width: int, height: int) -> str:
    """A picture's size in words: `640 × 480`."""
    return f"{width:,} × {height:,}"
