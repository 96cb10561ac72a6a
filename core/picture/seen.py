"""From a picture to the network's input: 28 x 28 pixels, a light object on a black background.

A network that was trained on colours gets the middle square of the picture instead, unchanged.

The steps follow those that made Fashion-MNIST from product photos (Xiao, Rasul and Vollgraf, "Fashion-MNIST: a
novel image dataset for benchmarking machine learning algorithms", 2017, section 2): grey, negate, trim the edges close
to the background's colour, longest edge to 28, extend to 28 x 28 with the object in the centre. A visitor's photo is
lit less evenly than a shop's, so its background is the median of the border, not the colour of the corners; it is
subtracted, and the contrast is stretched.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from core.errors import PictureError
from core.picture.upright import Upright, size_of

_EXTREMES = (0.1, 99.9)  # percentiles that stand for the darkest and the brightest pixel
_LEAST_CONTRAST = 10  # grey levels between them
_STANDS_OUT = (0.12, 0.25)  # of the contrast, where the background is lit evenly, and where it is not
_CROWD = 3  # pixels of 3 x 3 that stand out together; fewer are noise


@dataclass(frozen=True, eq=False)
class Step:
    """The result of one step.

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
        image: in the shape of the network's input.
        steps: from the file to the image.
        notes: sentences about the file.
    """

    image: NDArray[np.uint8]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def processed(upright: Upright, side: int) -> Picture:
    """Follow the steps of the module's docstring.

    Raises:
        PictureError: nothing stands out from the background.
    """
    grey = np.asarray(upright.image.convert("L"))
    background, end = _ends(grey)
    light = _light_on_black(grey, background, end)
    cropped = _cropped(light.pixels, _threshold(grey, background, end))
    seen = _centred(cropped.pixels, side)
    note = "The network was trained on grey pictures and knows no colours."
    return Picture(seen.pixels, (_uploaded(upright), Step("Grey", note, grey), light, cropped, seen), upright.notes)


def fitted(upright: Upright, fit: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Picture:
    """The whole picture, and what a network's own way of reading makes of it: (h, w, c) of its size."""
    whole = np.asarray(upright.image)
    seen = fit(whole)
    small = Step("What the network sees", "In its size, before its pixels are scaled.", seen.squeeze())
    return Picture(whole, (_uploaded(upright), small), upright.notes)


def coloured(upright: Upright, side: int) -> Picture:
    """The middle square, resized to the network's input."""
    image = upright.image.convert("RGB")
    edge = min(image.size)
    left, top = ((length - edge) // 2 for length in image.size)
    square = image.crop((left, top, left + edge, top + edge))
    small = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))
    middle = Step("Middle square", "The network was trained on square pictures.", np.asarray(square))
    seen = Step(_seen(side), f"Resized to {side} pixels; colours and background are unchanged.", small)
    return Picture(small, (_uploaded(upright), middle, seen), upright.notes)


def _seen(side: int) -> str:
    return f"{side} × {side}, as the network sees it"


def _uploaded(upright: Upright) -> Step:
    size, reduced = size_of(*upright.size), size_of(*upright.image.size)
    note = f"{size} pixels." if size == reduced else f"{size} pixels, reduced to {reduced}."
    return Step("As uploaded", note, np.asarray(upright.image))


def _ends(grey: NDArray[np.uint8]) -> tuple[float, float]:
    """The grey of the background and the one farthest from it: darkest on a bright one, brightest on a dark one.

    Raises:
        PictureError: there is no contrast.
    """
    low, high = np.percentile(grey, _EXTREMES)
    if high - low < _LEAST_CONTRAST:
        raise _nothing()
    background = float(np.median(_border(grey)))
    return background, float(low if background > (low + high) / 2 else high)


def _border(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])


def _light_on_black(grey: NDArray[np.uint8], background: float, end: float) -> Step:
    pixels = ((grey - background) / (end - background) * 255).clip(0, 255).round().astype(np.uint8)
    if end < background:
        note = (
            "Inverted: the network expects light objects on a dark background. The background is now 0, the darkest "
            "part 255."
        )
        return Step("Inverted", note, pixels)
    note = "Not inverted: the background is dark, as the network expects. It is now 0, the brightest part 255."
    return Step("Not inverted", note, pixels)


def _threshold(grey: NDArray[np.uint8], background: float, end: float) -> float:
    """The grey above which a pixel of the stretched picture stands out: higher where the background is lit less evenly.

    The spread is the border's median absolute deviation, which an object that touches the border hardly changes.
    """
    least, most = _STANDS_OUT
    spread = float(np.median(np.abs(_border(grey) - background))) / abs(end - background)
    return 255 * min(least + 3 * spread, most)


def _cropped(light: NDArray[np.uint8], threshold: float) -> Step:
    """Trim edges that do not stand out, except for single pixels.

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
    return Step(
        "Cropped", f"Everything that stands out from the background fits in {size_of(width, height)} pixels.", pixels
    )


def _nothing() -> PictureError:
    return PictureError(
        "There is nothing on this picture: all pixels are alike, or nearly so; "
        "choose a picture of a single thing on a plain background."
    )


def _centred(light: NDArray[np.uint8], side: int) -> Step:
    """Fit (h, w) greys into a square; the larger half of an odd margin is at the left or top, as in Fashion-MNIST."""
    height, width = (max(1, round(side * length / max(light.shape))) for length in light.shape)
    top, left = (side + 1 - height) // 2, (side + 1 - width) // 2
    pixels = np.zeros((side, side), np.uint8)
    resized = Image.fromarray(light).resize((width, height), Image.Resampling.LANCZOS)
    pixels[top : top + height, left : left + width] = np.asarray(resized)
    note = f"The longest edge became {side} pixels and the object moved to the centre, as in Fashion-MNIST."
    return Step(_seen(side), note, pixels)
