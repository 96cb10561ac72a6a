"""Pictures of any size with their labels, for a network that was not trained here: read one by one, as they are needed.

A folder of pictures may have a training part or none. Without one, some of the test pictures are set aside for whatever
looks at pictures before the report: finding how the input is read, criteria, repair. They are not reported on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data import fashion, files, folders
from core.data.idx import named
from core.data.images import Dataset, Split, hold_out
from core.data.pictures import PictureFolders
from core.data.survey import REMEDY
from core.errors import DataError

MOST_CLASSES = 1_000
LEAST_IMAGES = 20
"""Pictures of a folder without a training part; with fewer, nothing could be set aside."""
_ASIDE, _MOST_ASIDE = 5, 1_000  # a fifth of the test pictures, and at most so many


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures with their labels.

    Attributes:
        labels: (n,) integers from 0 on.
        read: the picture of an index, (h, w) grey or (h, w, 3), uint8; raises DataError if it is damaged.
    """

    labels: NDArray[np.int64]
    read: Callable[[int], NDArray[np.uint8]]

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, indices: NDArray[np.int64]) -> "Pictures":
        """Those with these indices, in this order."""
        read = self.read
        return Pictures(self.labels[indices], lambda i: read(int(indices[i])))

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
        return _of_arrays(fashion.load(fashion.locate()))
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name a folder with one folder of pictures for each class.")
    entries = files.listed(folder, REMEDY)
    return _of_arrays(folders.load(folder)) if any(map(named, entries)) else _of_folders(folder)


def _of_arrays(data: Dataset) -> Pool:
    test, train = (Pictures(part.labels.astype(np.int64), part.images.__getitem__) for part in (data.test, data.train))
    return Pool(test, train, data.classes)


def _of_folders(folder: Path) -> Pool:
    form = PictureFolders(folder, files.listed(folder, REMEDY))
    if not 2 <= len(form.names) <= MOST_CLASSES:
        raise DataError(f"{folder} has {len(form.names):,} classes; there must be 2 to {MOST_CLASSES:,}.")
    parts = [_of_paths(form, part) for part in form.parts()]
    if len(parts) == 2:
        return Pool(parts[1], parts[0], form.names)
    whole = parts[0]
    if len(whole) < LEAST_IMAGES:
        raise DataError(f"{folder} has {len(whole)} pictures; there must be at least {LEAST_IMAGES}.")
    test, before = _held_out(whole.labels, min(len(whole) // _ASIDE, _MOST_ASIDE), 0)
    return Pool(whole.of(test), whole.of(before), form.names, aside=len(before))


def _of_paths(form: PictureFolders, part: list[tuple[str, int]]) -> Pictures:
    return Pictures(np.array([label for _, label in part], np.int64), lambda i: form.picture(part[i][0]))


def _held_out(labels: NDArray[np.int64], n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of those that stay, and of n that are held out, each class in proportion."""
    rest, held_out = hold_out(Split(np.arange(len(labels)), labels), n, seed)
    return rest.images, held_out.images
