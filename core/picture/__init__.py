"""A picture from outside: its headers are parsed defensively, then it is decoded and made into the network's input.

headers, exif    what a file declares about itself
upright          the decoded picture, L or RGB, opaque and upright, for visitors and data sets
seen             the steps from a visitor's picture to the network's input
drawn            pixels as PNG files
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from core.picture.drawn import PNG_URL as PNG_URL
from core.picture.drawn import png as png
from core.picture.drawn import sheet as sheet
from core.picture.drawn import url as url
from core.picture.seen import Picture as Picture
from core.picture.seen import Step as Step
from core.picture.seen import coloured, fitted, processed
from core.picture.upright import MOST_BYTES as MOST_BYTES
from core.picture.upright import MOST_PIXELS as MOST_PIXELS
from core.picture.upright import MOST_SIDE as MOST_SIDE
from core.picture.upright import Upright, headers, upright

_FORMATS = ("PNG", "JPEG", "WebP")
"""The formats for a visitor's picture; a data set's may be BMP too."""

# One picture at a time, whatever others upload, and always in the same thread: the C library keeps some 50 MB for each
# thread that has decoded a large picture, so that a lock alone would not bound the memory.
_decoder = ThreadPoolExecutor(1, "picture")


def read(content: bytes, shape: tuple[int, ...] = (28, 28)) -> Picture:
    """The picture in a PNG, JPEG or WebP file, whatever its name, made into (side, side) greys or (side, side, 3).

    Raises:
        PictureError: the file is empty, too large, damaged or of another format, or nothing is on the picture.
    """
    decoded = _decoder.submit(_decoded, content).result()
    return processed(decoded, shape[0]) if len(shape) == 2 else coloured(decoded, shape[0])


def read_by(content: bytes, fit: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Picture:
    """The same for a network that reads pictures in its own way: `fit` makes (h, w, c) of (h, w) or (h, w, 3)."""
    return fitted(_decoder.submit(_decoded, content).result(), fit)


def _decoded(content: bytes) -> Upright:
    return upright(headers(content, _FORMATS))
