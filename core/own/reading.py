"""How a picture becomes a network's input: a reading. Which readings are plausible follows from the graph's input.

A file says nothing of how pixels were scaled before training, so that is found by measuring: see
`core.engine.own.finding`.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.own.outline import Input

Pixels = NDArray[np.uint8]
"""A picture, (h, w) grey or (h, w, 3) coloured."""


@dataclass(frozen=True)
class Scale:
    """Pixels from 0 to 1, less `mean`, over `std`, for each channel; `factor` times that."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    factor: float = 1.0


SCALES: dict[str, Scale] = {
    "0 to 1": Scale(),
    "0 to 255": Scale(factor=255.0),
    "−1 to 1": Scale((0.5,), (0.5,)),
    "ImageNet's mean and deviation": Scale((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "CIFAR-10's mean and deviation": Scale((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "MNIST's mean and deviation": Scale((0.1307,), (0.3081,)),
    "Fashion-MNIST's mean and deviation": Scale((0.2860,), (0.3530,)),
}
"""What training programs do to pixels, by name. Of three constants a grey picture takes the first."""

RAW = "0 to 255"
"""The only one for whole numbers."""

_CROPPED = 0.875  # of the picture's shorter side, as in torchvision: 224 of 256

FITS = ("resize", "crop")


@dataclass(frozen=True)
class Reading:
    """How pictures are read.

    Attributes:
        layout: NCHW, NHWC or NHW.
        size: height and width in pixels.
        channels: 1 or 3.
        scale: a key of `SCALES`.
        fit: "resize" changes height and width as needed; "crop" takes the middle, in the picture's own proportions.
        inverted: whether black becomes white first.
        bgr: whether blue comes first.
        type: float32 or uint8.
    """

    layout: str
    size: tuple[int, int]
    channels: int
    scale: str = "0 to 1"
    fit: str = "resize"
    inverted: bool = False
    bgr: bool = False
    type: str = "float32"

    def __str__(self) -> str:
        """Such as `0 to 1, RGB, 224 × 224 resize, NCHW`."""
        colours = "grey" if self.channels == 1 else "BGR" if self.bgr else "RGB"
        inverted = ", inverted" if self.inverted else ""
        return f"{self.scale}{inverted}, {colours}, {self.size[0]} × {self.size[1]} {self.fit}, {self.layout}"

    @property
    def frame(self) -> tuple[object, ...]:
        """What `fitted` depends on: equal frames make the same of a picture."""
        return self.size, self.channels, self.fit

    def fitted(self, picture: Pixels) -> Pixels:
        """A picture in the network's size and channels, uint8: (height, width, channels)."""
        image = Image.fromarray(picture).convert("L" if self.channels == 1 else "RGB")
        height, width = self.size
        if image.size != (width, height):
            box = _middle(image.size, (width, height)) if self.fit == "crop" else None
            image = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
        return np.asarray(image).reshape(height, width, self.channels)

    def batch(self, fitted: Pixels) -> NDArray[Any]:
        """Fitted pictures (n, height, width, channels) as the network's input."""
        pixels: NDArray[Any] = 255 - fitted if self.inverted else fitted
        pixels = pixels[..., ::-1] if self.bgr else pixels
        if self.type == "float32":
            scale = SCALES[self.scale]
            mean, std = (np.array(part[: self.channels], np.float32) for part in (scale.mean, scale.std))
            pixels = ((pixels.astype(np.float32) / np.float32(255) - mean) / std) * np.float32(scale.factor)
        axes = {"NCHW": (0, 3, 1, 2), "NHWC": (0, 1, 2, 3), "NHW": (0, 1, 2, 3)}[self.layout]
        moved = np.ascontiguousarray(pixels.transpose(axes))
        return moved[..., 0] if self.layout == "NHW" else moved


def _middle(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[float, float, float, float]:
    """The middle of a picture of this width and height, in the wanted proportions: left, top, right, bottom."""
    scale = _CROPPED * min(size[0] / wanted[0], size[1] / wanted[1])
    width, height = wanted[0] * scale, wanted[1] * scale
    left, top = (size[0] - width) / 2, (size[1] - height) / 2
    return left, top, left + width, top + height


def sides(text: str) -> tuple[int, int] | None:
    """Height and width of `48x192`; None if the text does not say them."""
    height, by, width = text.lower().partition("x")
    if not (by and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        return None
    return int(height), int(width)


def candidates(
    given: Input, sizes: set[tuple[int, int]], *, coloured: bool, size: tuple[int, int] | None
) -> list[Reading]:
    """The plausible readings of an input, the most common first.

    Args:
        given: the graph's input.
        sizes: height and width of the pictures.
        coloured: whether any of them has colours.
        size: height and width where the graph leaves them open.
    """
    scales = [RAW] if given.type == "uint8" else [*SCALES]
    found = []
    for layout, scale, inverted in product(given.layouts, scales, (False, True)):
        channels = given.channels(layout) or (3 if coloured else 1)
        height, width = given.size(layout)
        if size:
            height, width = height or size[0], width or size[1]
        if height is None or width is None:
            continue
        fits = FITS[: 1 if sizes <= {(height, width)} else 2]
        for fit, bgr in product(fits, (False, True) if channels == 3 and coloured else (False,)):
            found.append(Reading(layout, (height, width), channels, scale, fit, inverted, bgr, given.type))
    return found
