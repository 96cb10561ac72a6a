"""Pictures of arrays: PNG files, and their URLs."""

import base64
import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PNG_URL = "data:image/png;base64,"
"""The beginning of a `data:` URL that contains a PNG file."""


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of (h, w) grey or (h, w, 3) colour pixels; with alpha (h, w, 2) or (h, w, 4)."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def url(png: bytes) -> str:
    """A PNG file as a `data:` URL, embedded in the page: the server stores nothing to be fetched later."""
    return f"{PNG_URL}{base64.b64encode(png).decode()}"


CELL = 160
"""Pixels along the longer side of a picture on a sheet of pictures of different sizes, at most."""
MOST_ON_SHEET = 1_000_000
"""Pixels of all cells of such a sheet; on a sheet of many pictures each is smaller than `CELL`."""


def sheet(images: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], columns: int) -> bytes:
    """One PNG file of (n, h, w) or (n, h, w, 3) images, row by row; unused places are 0.

    A list may hold pictures of different sizes, (h, w) and (h, w, 3). Each lies in the middle of one of equal cells, in
    its own proportions: large ones are reduced, at most to `CELL`, and small ones are enlarged a whole number of times.
    What a picture does not cover of its cell is transparent.

    Raises:
        ValueError: the list is empty.
    """
    if not isinstance(images, np.ndarray):
        images = _alike(images)
    rows = -(-len(images) // columns)
    _, h, w, *colours = images.shape
    places = np.zeros((rows * columns, h, w, *colours), np.uint8)
    places[: len(images)] = images
    grid = places.reshape(rows, columns, h, w, *colours).swapaxes(1, 2)
    return png(grid.reshape(rows * h, columns * w, *colours))


def reduced(image: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """A picture (h, w) or (h, w, 3) in its proportions, with at most so many pixels along its longer side."""
    height, width = image.shape[:2]
    scale = most / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX, reducing_gap=2.0))


def enlarged(image: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """A picture in which each pixel is a square of so many pixels a side."""
    return image.repeat(times, axis=0).repeat(times, axis=1)


def _alike(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(h, w) and (h, w, 3) pictures as cells of one size and kind: with alpha if they do not all cover their cells."""
    if not images:
        raise ValueError("A sheet needs at least one picture.")
    most = max(1, min(CELL, math.isqrt(MOST_ON_SHEET // len(images))))
    small = [reduced(image, most) for image in images]
    side = max(max(image.shape[:2]) for image in small)
    small = [enlarged(image, side // max(image.shape[:2])) for image in small]
    if any(image.ndim == 3 for image in small):
        small = [image if image.ndim == 3 else np.stack([image] * 3, axis=-1) for image in small]
    if len({image.shape for image in small}) == 1:
        return np.stack(small)
    return _centred([image if image.ndim == 3 else image[..., None] for image in small])


def _centred(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(h, w, c) pictures in the middle of cells (n, height, width, c + 1) with an alpha channel."""
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    cells = np.zeros((len(images), height, width, images[0].shape[2] + 1), np.uint8)
    for cell, image in zip(cells, images, strict=True):
        h, w = image.shape[:2]
        top, left = (height - h) // 2, (width - w) // 2
        place = cell[top : top + h, left : left + w]
        place[..., :-1], place[..., -1] = image, 255
    return cells
