"""Images with their labels, as arrays, and the validation split."""

from dataclasses import dataclass

import numpy as np

from core.config import DataConfig, Problem
from core.errors import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """Images (n, side, side) grey or (n, side, side, 3) coloured, uint8, with their labels (n,) uint8 from 0 on."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, mask: np.ndarray) -> "Split":
        """The images for which a mask (n,) is True, in their order."""
        return Split(self.images[mask], self.labels[mask])


@dataclass(frozen=True, eq=False)
class Dataset:
    """The training and the test images, and the names of their classes in the order of the labels."""

    train: Split
    test: Split
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image: (side, side), or (side, side, 3) if coloured."""
        return self.train.images.shape[1:]

    @property
    def problem(self) -> Problem:
        """The task of a network."""
        return problem(self.shape, self.classes)


def problem(shape: tuple[int, ...], classes: tuple[str, ...]) -> Problem:
    """The task of classifying images of this shape."""
    return Problem(shape[0], shape[2] if len(shape) == 3 else 1, len(classes))


def split(train: Split, config: DataConfig) -> tuple[Split, Split]:
    """Split the training images into those to train on and the validation images, as `hold_out` does.

    Raises:
        DataError: there are no more training images than are to be held out.
    """
    return hold_out(train, config.validation, config.split_seed)


def hold_out(images: Split, n: int, seed: int) -> tuple[Split, Split]:
    """Split images into the remaining ones and n that are held out.

    Each class gives the same share of its images, chosen at random by the seed; where the shares are not whole
    numbers, the classes with the largest remainders give one more. Both parts keep the order of the images.

    Raises:
        DataError: there are no more images than are to be held out.
    """
    if n >= len(images):
        raise DataError(f"{n} of {len(images)} training images cannot be held out; choose fewer.")
    random = np.random.Generator(np.random.PCG64(seed))
    held_out = np.zeros(len(images), dtype=bool)
    for label, take in enumerate(_shares(np.bincount(images.labels), n)):
        held_out[random.permutation(np.flatnonzero(images.labels == label))[:take]] = True
    return images.where(~held_out), images.where(held_out)


def _shares(counts: np.ndarray, total: int) -> np.ndarray:
    """`total` divided in proportion to the counts (c,) int64, by largest remainder."""
    whole, remainder = np.divmod(counts * total, counts.sum())
    order = np.argsort(-remainder, kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole
