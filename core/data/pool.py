"""Pictures of any size with their labels, for a network that was not trained here: read one by one, as they are needed.

A folder of pictures may have a training part or none. Without one, some of the test pictures are set aside for whatever
looks at pictures before the report: finding how the input is read, criteria, repair. They are not reported on.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import fashion, files
from core.data.idx import IdxFiles, named
from core.data.images import Split, hold_out
from core.data.pictures import PictureFolders
from core.data.survey import BROUGHT, REMEDY, check_counts
from core.errors import DataError

LEAST_IMAGES = 10
"""Pictures of a folder without a training part; with fewer, nothing could be set aside."""
_ASIDE, _MOST_ASIDE = 5, 1_000  # a fifth of the test pictures, and at most so many


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures with their labels.

    Attributes:
        labels: (n,) integers from 0 on.
        read: the picture of an index, (h, w) grey or (h, w, 3), uint8; raises DataError if it is damaged.
        shape: the shape that `read` would give, without decoding the picture.
    """

    labels: NDArray[np.int64]
    read: Callable[[int], NDArray[np.uint8]]
    shape: Callable[[int], tuple[int, ...]]

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, indices: NDArray[np.int64]) -> "Pictures":
        """Those with these indices, in this order."""
        read, shape = self.read, self.shape
        return Pictures(self.labels[indices], lambda i: read(int(indices[i])), lambda i: shape(int(indices[i])))

    def sample(self, n: int, seed: int) -> "Pictures":
        """At most so many of them, each class in proportion, drawn by the seed, in a random order."""
        chosen = np.arange(len(self))
        if n < len(self):
            chosen = _held_out(self.labels, n, seed)[1]
        return self.of(np.random.Generator(np.random.PCG64(seed)).permutation(chosen))


@dataclass(frozen=True, eq=False)
class Pool:
    """The pictures that are reported on, those that may be looked at before, and the names of the classes.

    Attributes:
        test: reported on.
        before: training pictures, or some that were set aside of the test pictures.
        classes: their names, in the order of the labels.
        aside: how many of the test pictures were set aside; 0 if there is a training part.
    """

    test: Pictures
    before: Pictures
    classes: tuple[str, ...]
    aside: int = 0


def pool(place: str) -> Pool:
    """The pictures of a folder (class folders, perhaps below `train` and `test`, or IDX files) or of `fashion-mnist`.

    Raises:
        DataError: it is not on this machine, or not a data set; the message says why.
    """
    if place == "fashion-mnist":
        data = fashion.load(fashion.locate())
        test, before = (of_array(part.images, part.labels) for part in (data.test, data.train))
        return Pool(test, before, data.classes)
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name a folder with one folder of pictures for each class.")
    entries = files.listed(folder, REMEDY)
    return _of_idx(folder, entries) if any(map(named, entries)) else _of_folders(folder, entries)


def _of_idx(folder: Path, entries: "list[os.DirEntry[str]]") -> Pool:
    form = IdxFiles(folder, entries, BROUGHT)
    survey = form.survey()
    parts = {name: of_array(part.images, part.labels) for name, part in form.read_parts(survey).items()}
    if "train" in parts:
        return Pool(parts["test"], parts["train"], survey.classes)
    return _divided(folder, parts["test"], survey.classes)


def of_array(images: NDArray[np.uint8], labels: NDArray[Any]) -> Pictures:
    """Images (n, h, w) or (n, h, w, 3) of one size, with their labels (n,)."""
    return Pictures(labels.astype(np.int64), images.__getitem__, lambda i: images.shape[1:])


def _of_folders(folder: Path, entries: "list[os.DirEntry[str]]") -> Pool:
    form = PictureFolders(folder, entries)
    parts = [_of_paths(form, part) for part in form.parts()]
    check_counts(folder, len(form.names), len(parts[0]), BROUGHT)
    return Pool(parts[1], parts[0], form.names) if len(parts) == 2 else _divided(folder, parts[0], form.names)


def _divided(folder: Path, whole: Pictures, classes: tuple[str, ...]) -> Pool:
    """Test pictures alone, some of which are set aside."""
    if len(whole) < LEAST_IMAGES:
        raise DataError(f"{folder} has {len(whole)} pictures; there must be at least {LEAST_IMAGES}.")
    test, before = _held_out(whole.labels, min(len(whole) // _ASIDE, _MOST_ASIDE), 0)
    return Pool(whole.of(test), whole.of(before), classes, aside=len(before))


def _of_paths(form: PictureFolders, part: list[tuple[str, int]]) -> Pictures:
    paths, labels = [path for path, _ in part], np.array([label for _, label in part], np.int64)
    return Pictures(labels, lambda i: form.picture(paths[i]), lambda i: form.shape(paths[i]))


def _held_out(labels: NDArray[np.int64], n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of those that stay, and of n that are held out, each class in proportion."""
    rest, held_out = hold_out(Split(np.arange(len(labels)), labels), n, seed)
    return rest.images, held_out.images
