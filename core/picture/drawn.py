"""Pictures of arrays: PNG files, and their URLs."""

import base64
import io

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


def sheet(images: NDArray[np.uint8], columns: int) -> bytes:
    """One PNG file of (n, h, w) or (n, h, w, 3) images, row by row; unused places are 0."""
    rows = -(-len(images) // columns)
    _, h, w, *colours = images.shape
    places = np.zeros((rows * columns, h, w, *colours), np.uint8)
    places[: len(images)] = images
    grid = places.reshape(rows, columns, h, w, *colours).swapaxes(1, 2)
    return png(grid.reshape(rows * h, columns * w, *colours))
