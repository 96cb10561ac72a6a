"""What a network is trained on: which images, in which order, how much each counts, and how it is changed."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from core.config import TrainingConfig

_EASY = 0.75  # share of the images, those of the lowest loss, from which some are skipped


class Changes(NamedTuple):
    """How each of b images is changed; empty where images are not changed so."""

    shift: Tensor
    """(2, b): down and to the right, from 0 for the most negative."""
    mirrored: Tensor
    """(b,): 1 if it is."""
    blanked: Tensor
    """(2, b): row and column of the middle of the blank square."""


class Batch(NamedTuple):
    """The images of one step."""

    at: Tensor
    """(b,): their places among the training images."""
    shares: Tensor
    """(b,): their weights in the loss."""
    changes: Changes


class Batches:
    """The batches of a training, drawn for a whole epoch before it begins.

    They are brought to the device of the images at once, so that no step waits for the host.
    """

    def __init__(self, images: Tensor, settings: TrainingConfig, generator: torch.Generator) -> None:
        """`images` are (n, side, side) or (n, side, side, c) uint8."""
        self._images, self._settings, self._generator = images, settings, generator
        self._steps = steps_per_epoch(settings, len(images))

    def epoch(self, number: int, losses: Tensor) -> list[Batch]:
        """Those of an epoch, counted from 1, if each of the n images last had these losses (n,)."""
        skip = self._settings.skip if number > 1 else 0.0
        order, shares = draw(losses.cpu(), skip, self._generator)
        parts = order.tensor_split(self._steps[number - 1])
        side = self._images.shape[1]
        drawn = [draw_changes(len(part), side, self._settings, self._generator) for part in parts]
        columns = ([order], [shares[order]], *zip(*drawn, strict=True))
        split = (self._split(column, len(parts)) for column in columns)
        return [Batch(at, share, Changes(*changes)) for at, share, *changes in zip(*split, strict=True)]

    def images(self, batch: Batch) -> Tensor:
        """(b, side, side) or (b, side, side, c) uint8, changed."""
        return augment(self._images[batch.at], self._settings, batch.changes)

    def _split(self, parts: Sequence[Tensor], into: int) -> tuple[Tensor, ...]:
        """The parts' last dimensions joined, brought to the device in one piece, and split again."""
        return torch.cat([*parts], -1).to(self._images.device).tensor_split(into, -1)


def steps_per_epoch(settings: TrainingConfig, images: int) -> list[int]:
    """The number of batches of each epoch."""
    later = images - int(settings.skip * images)
    return [math.ceil(n / settings.batch_size) for n in (images, *(settings.epochs - 1) * (later,))]


def draw(losses: Tensor, skip: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The images that an epoch trains on, in random order, and the weight of each of all n in the loss.

    A share `skip` of the images is left out. They are drawn from the share `_EASY` with the lowest loss (n,); the rest
    of that share counts more, so that the expected gradient stays that of all images: Qin et al., "InfoBatch:
    lossless training speed up by unbiased dynamic data pruning", ICLR 2024, with a share in place of their threshold.
    """
    n = len(losses)
    order, shares = torch.randperm(n, generator=generator), torch.ones(n)
    if skip:
        easy = losses.argsort(stable=True)[: int(_EASY * n)]
        easy = easy[torch.randperm(len(easy), generator=generator)]
        skipped, kept = easy.tensor_split([int(skip * n)])
        shares[kept], shares[skipped] = len(easy) / len(kept), 0.0
        order = order[shares[order] > 0]
    return order, shares


def draw_changes(n: int, side: int, settings: TrainingConfig, generator: torch.Generator) -> Changes:
    """How n images of this side are changed. Draws from the generator only what the settings ask for."""

    def random(wanted: bool | int, below: int, *shape: int) -> Tensor:
        return torch.randint(below, shape, generator=generator) if wanted else torch.empty(0, dtype=torch.long)

    reach = settings.shift
    return Changes(random(reach, 2 * reach + 1, 2, n), random(settings.flip, 2, n), random(settings.cutout, side, 2, n))


def augment(images: Tensor, settings: TrainingConfig, changes: Changes) -> Tensor:
    """Each image shifted by up to `settings.shift` pixels, mirrored half of the time, and a square of it blanked.

    (n, side, side) or (n, side, side, c) uint8 to the same; zeros come in at the border, and the square's centre may
    be any pixel (DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017).
    """
    n, side, reach, device = len(images), images.shape[1], settings.shift, images.device
    colours = (1,) * (images.ndim - 3)
    if reach:
        padded = F.pad(images, [0, 0] * len(colours) + [reach] * 4)
        windows = padded.unfold(1, side, 1).unfold(2, side, 1)  # (n, 2r + 1, 2r + 1, c, side, side), a view
        images = windows[torch.arange(n, device=device), *changes.shift]
        images = images.movedim(1, 3) if colours else images
    if settings.flip:
        images = torch.where(changes.mirrored.view(n, 1, 1, *colours).bool(), images.flip(2), images)
    if settings.cutout:
        # (2, n, side), from the centre in rows and columns
        offset = torch.arange(side, device=device) - changes.blanked[:, :, None]
        rows, columns = (-settings.cutout <= 2 * offset) & (2 * offset < settings.cutout)
        square = rows[:, :, None] & columns[:, None, :]
        images = images.masked_fill(square.view(*square.shape, *colours), 0)
    return images
