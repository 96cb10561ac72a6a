"""Pictures of any size with their labels, for a network that was not trained here: read one by one, as they are needed.

A folder of pictures may have a training part or none. Without one, some of the test pictures are set aside for whatever
looks at pictures before the report: finding how the input is read, criteria, repair. They are not reported on.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import FASHION, fashion, files
from core.data.folders import any_error_in_a_sentence
from core.data.idx import IdxFiles, named
from core.data.images import Split, hold_out
from core.data.names import plain, shown
from core.data.pictures import ClassFolders, PictureFolders
from core.data.survey import BROUGHT, REMEDY, Survey, check_counts, surveyed
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

    def __getitem__(self, i: int) -> NDArray[np.uint8]:
        """As `read`."""
        return self.read(i)

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
        title: its display name.
        identify: its id; it may have to read every picture.
        aside: how many of the test pictures were set aside; 0 if there is a training part.
    """

    test: Pictures
    before: Pictures
    classes: tuple[str, ...]
    title: str
    identify: Callable[[], str]
    aside: int = 0

    @cached_property
    def id(self) -> str:
        """`fashion-mnist`, or its name and the beginning of a digest of its pictures, labels and class names.

        Folders of pictures are read for it, once for each state of the files, and then the id is cached.

        Raises:
            DataError: a picture is damaged or cannot be read.
        """
        return self.identify()


def pool(place: str) -> Pool:
    """The pictures of a folder (class folders, perhaps below `train` and `test`, or IDX files) or of `fashion-mnist`.

    Raises:
        DataError: it is not on this machine, or not a data set; the message says why.
    """
    if place == FASHION.id:
        data = fashion.load(fashion.locate())
        test, before = (of_array(part.images, part.labels) for part in (data.test, data.train))
        return Pool(test, before, data.classes, FASHION.title, lambda: FASHION.id)
    return of_folder(Path(place).expanduser())


def of_folder(folder: Path) -> Pool:
    """The pictures of a folder; raises as `pool` does."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name a folder with one folder of pictures for each class.")
    with any_error_in_a_sentence(folder):
        title, entries = os.path.basename(os.path.abspath(folder)), files.listed(folder, REMEDY)
        if any(map(named, entries)):
            return _of_idx(folder, entries, title)
        return of_classes(PictureFolders(folder, entries), title)


def _of_idx(folder: Path, entries: "list[os.DirEntry[str]]", title: str) -> Pool:
    form = IdxFiles(folder, entries, BROUGHT)
    survey = _surveyed(form.state(), form.survey)
    parts = {name: of_array(part.images, part.labels) for name, part in form.read_parts(survey).items()}
    before, test = parts.get("train"), parts["test"]
    return _divided(folder, before, test, survey.classes, title, lambda: survey.digest)


def of_classes(form: ClassFolders, title: str) -> Pool:
    """The pictures of class folders, wherever they lie, under a name.

    Raises:
        DataError: the classes of the two parts differ, or there are too many classes or too few pictures.
    """
    *before, test = [_of_paths(form, part) for part in form.parts()]
    check_counts(form.folder, len(form.names), len(before[0] if before else test), BROUGHT)

    def digest() -> str:
        return _surveyed(form.state(), form.survey_of_any_size).digest

    return _divided(form.folder, before[0] if before else None, test, form.names, title, digest)


def _surveyed(state: str, look: Callable[[], Survey]) -> Survey:
    return surveyed(f"brought {state}", look)  # the same files may be refused for a network that is trained here


def _divided(
    folder: Path,
    before: Pictures | None,
    test: Pictures,
    classes: tuple[str, ...],
    title: str,
    digest: Callable[[], str],
) -> Pool:
    """Without a training part, some of the test pictures are set aside."""

    def identify() -> str:
        with any_error_in_a_sentence(folder):
            return f"{plain(title)}-{digest()[:8]}"

    if before is not None:
        return Pool(test, before, classes, shown(title), identify)
    if len(test) < LEAST_IMAGES:
        raise DataError(f"{folder} has {len(test)} pictures; there must be at least {LEAST_IMAGES}.")
    rest, aside = _held_out(test.labels, min(len(test) // _ASIDE, _MOST_ASIDE), 0)
    return Pool(test.of(rest), test.of(aside), classes, shown(title), identify, aside=len(aside))


def of_array(images: NDArray[np.uint8], labels: NDArray[Any]) -> Pictures:
    """Images (n, h, w) or (n, h, w, 3) of one size, with their labels (n,)."""
    return Pictures(labels.astype(np.int64), images.__getitem__, lambda i: images.shape[1:])


def _of_paths(form: ClassFolders, part: list[tuple[str, int]]) -> Pictures:
    paths, labels = [path for path, _ in part], np.array([label for _, label in part], np.int64)
    return Pictures(labels, lambda i: form.picture(paths[i]), lambda i: form.shape(paths[i]))


def _held_out(labels: NDArray[np.int64], n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of those that stay, and of n that are held out, each class in proportion."""
    rest, held_out = hold_out(Split(np.arange(len(labels)), labels), n, seed)
    return rest.images, held_out.images
