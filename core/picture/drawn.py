"""Pictures of arrays: PNG files, and their URLs."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PNG_URL = "data:image/png;base64,"
"""The beginning of a `data:` URL that contains a PNG file."""


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of (h, w) grey or (h, w, 3) colour pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def url(png: bytes) -> str:
    """A PNG file as a `data:` URL, embedded in the page: the server stores nothing to be fetched later."""
    return f"{PNG_URL}{base64.b64encode(png).decode()}"


CELL = 160
"""Pixels along the longer side of a picture on a sheet of pictures of different sizes, at most."""


def sheet(images: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], columns: int) -> bytes:
    """One PNG file of (n, h, w) or (n, h, w, 3) images, row by row; unused places are 0.

    Pictures of different sizes and colours are made smaller than `CELL` where they are larger, and put in the middle of
    equal cells.
    """
    if not isinstance(images, np.ndarray):
        images = _alike(images)
    rows = -(-len(images) // columns)
    _, h, w, *colours = images.shape
    places = np.zeros((rows * columns, h, w, *colours), np.uint8)
    places[: len(images)] = images
    grid = places.reshape(rows, columns, h, w, *colours).swapaxes(1, 2)
    return png(grid.reshape(rows * h, columns * w, *colours))


def _alike(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(h, w) and (h, w, 3) pictures as cells of one size and kind."""
    small = [_reduced(image) for image in images]
    height, width = (max(image.shape[axis] for image in small) for axis in (0, 1))
    coloured = any(image.ndim == 3 for image in small)
    cells = np.zeros((len(small), height, width, *((3,) if coloured else ())), np.uint8)
    for cell, image in zip(cells, small, strict=True):
        top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
        place = cell[top : top + image.shape[0], left : left + image.shape[1]]
        place[...] = image if image.ndim == cell.ndim else image[..., None]
    return cells


def _reduced(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture in its own proportions, with at most `CELL` pixels along its longer side."""
    height, width = image.shape[:2]
    scale = CELL / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX, reducing_gap=2.0))
