"""A picture from outside: its headers read with suspicion, then decoded, then as the network sees it.

headers, exif    what a file says of itself
upright          the picture itself, L or RGB, opaque and upright: of a visitor and of a data set alike
seen             the steps that make a visitor's picture into what the network sees
drawn            pixels as PNG files
"""

from concurrent.futures import ThreadPoolExecutor

from core.picture.drawn import PNG_URL as PNG_URL
from core.picture.drawn import png as png
from core.picture.drawn import sheet as sheet
from core.picture.drawn import url as url
from core.picture.seen import Picture as Picture
from core.picture.seen import Step as Step
from core.picture.seen import coloured, processed
from core.picture.upright import MOST_BYTES as MOST_BYTES
from core.picture.upright import MOST_PIXELS as MOST_PIXELS
from core.picture.upright import MOST_SIDE as MOST_SIDE
from core.picture.upright import Upright, headers, upright

_FORMATS = ("PNG", "JPEG", "WebP")
"""Those that a visitor may choose; a data set's may be BMP too."""

# One picture at a time, whoever else uploads, and always in the same thread: the C library keeps some 50 MB for each
# thread that has decoded a large picture, so that a lock alone would not bound the memory.
_decoder = ThreadPoolExecutor(1, "picture")


def read(content: bytes, shape: tuple[int, ...] = (28, 28)) -> Picture:
    """The picture in a PNG, JPEG or WebP file, whatever its name, made into (side, side) greys or (side, side, 3).

    Raises:
        PictureError: the file is empty, too large, damaged or of another format, or nothing is on the picture.
    """
    found = _decoder.submit(_decoded, content).result()
    return processed(found, shape[0]) if len(shape) == 2 else coloured(found, shape[0])


def _decoded(content: bytes) -> Upright:
    return upright(headers(content, _FORMATS))
