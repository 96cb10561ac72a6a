"""Data sets of the host's own: each a folder below the one that `PRUNELAB_DATASETS` names, in one of two forms.

    <name>/train-images*  train-labels*  t10k-images*  t10k-labels*     IDX files, gzipped or not ("test-" will do too)
    <name>/classes.txt                                                  the classes' names, one a line; else numbers
    <name>/train/<class>/*.png  <name>/test/<class>/*.png               pictures, a folder for each class
    <name>/<class>/*.png                                                the same; a sixth of each class is for testing

Images are 28 x 28 or 32 x 32 pixels, all alike, grey or coloured.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.config import DataConfig, Problem
from core.data import files
from core.data.images import Dataset, Split, hold_out, problem
from core.errors import DataError

VARIABLE = "PRUNELAB_DATASETS"
"""The environment variable that names the folder of data sets."""

SIDES = (28, 32)
MOST_CLASSES = 50
LEAST_IMAGES = 500
"""Of training images: from fewer nothing could be held out to choose by."""

REMEDY = "see “Other data sets” in the README"

_SYMMETRIC = ("cifar-10",)
"""Those known to be as good in the mirror; of others nobody knows."""

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
_LABELS, _IMAGES = "labels", "images"


@dataclass(frozen=True)
class Collection:
    """A data set that is there.

    Attributes:
        id: its name and the beginning of a digest of its content, so that a changed data set is another.
        title: its name for people.
        problem: what is to be answered.
        classes: their names, in the order of the labels.
        images: how many training images it has.
        mirrored: whether the mirror image of each class is known to be of that class.
    """

    id: str
    title: str
    problem: Problem
    classes: tuple[str, ...]
    images: int
    mirrored: bool

    @property
    def config(self) -> DataConfig:
        """As a run has it: 5,000 images are held out for validation, of a small data set an eighth."""
        return DataConfig(name=self.id, validation=min(DataConfig().validation, max(self.images // 8, 100)))


def root(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of data sets: the one that the environment names, else one in the user's cache folder."""
    named = environ.get(VARIABLE)
    return Path(named).expanduser() if named else files.cache_folder() / "datasets"


def folders(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Every folder that should be a data set."""
    try:
        return sorted(path for path in root(environ).iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def describe(folder: Path) -> Collection:
    """What a folder holds, from headers and names; its content is digested once per state.

    Raises:
        DataError: it is no data set, with the first thing that is wrong.
    """
    form = _form(folder)
    shape, classes, n = form.shape(), form.classes(), form.images()
    if shape[0] not in SIDES or shape[:2] != (shape[0],) * 2 or shape[2:] not in ((), (3,)):
        size = " x ".join(map(str, shape))
        raise DataError(f"The images of {folder} are {size}; they must be 28 x 28 or 32 x 32, grey or with 3 colours.")
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise DataError(f"{folder} has {len(classes)} classes; there must be 2 to {MOST_CLASSES}.")
    if n < LEAST_IMAGES:
        raise DataError(f"{folder} has {n} training images; there must be {LEAST_IMAGES} at least.")
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "data"
    return Collection(
        f"{name}-{form.digest()[:8]}", folder.name, problem(shape, classes), classes, n, name in _SYMMETRIC
    )


def load(folder: Path) -> Dataset:
    """All images of a folder.

    Raises:
        DataError: as `describe`, or a file is damaged or does not fit the others.
    """
    form = _form(folder)
    train, test = form.read()
    data = Dataset(train, test, form.classes())
    for part in (train, test):
        if part.images.shape[1:] != form.shape():
            raise DataError(f"The images of {folder} are not all alike; {REMEDY}.")
        if len(part.images) != len(part.labels) or not len(part):
            raise DataError(
                f"{folder} has {len(part.images)} images for {len(part.labels)} labels in one part; {REMEDY}."
            )
        if part.labels.max() >= len(data.classes):
            raise DataError(f"{folder} has a label {part.labels.max()} but {len(data.classes)} classes; {REMEDY}.")
    return data


def md5s(folder: Path) -> dict[str, str]:
    """An MD5 for each IDX file, or one digest of all pictures: what a run keeps of what it was trained on."""
    return _form(folder).md5s()


def _form(folder: Path) -> "_Idx | _Pictures":
    return _Idx(folder) if any(folder.glob("*idx*")) else _Pictures(folder)


class _Idx:
    """Four IDX files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = {
            f"{part}-{what}": self._find(names, what)
            for part, names in (("train", ("train",)), ("test", ("t10k", "test")))
            for what in (_IMAGES, _LABELS)
        }

    def _find(self, names: tuple[str, ...], what: str) -> Path:
        found = [path for name in names for path in sorted(self._folder.glob(f"{name}-{what}*"))]
        if len(found) != 1:
            raise DataError(f"{self._folder} has {len(found)} files {names[0]}-{what}*, where one is needed; {REMEDY}.")
        return found[0]

    def shape(self) -> tuple[int, ...]:
        return files.idx_shape(self._paths["train-images"], REMEDY)[1:]

    def images(self) -> int:
        return files.idx_shape(self._paths["train-images"], REMEDY)[0]

    def classes(self) -> tuple[str, ...]:
        try:
            names = (self._folder / "classes.txt").read_text("utf-8").splitlines()
        except FileNotFoundError:
            names = [str(label) for label in range(self._highest() + 1)]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{self._folder / 'classes.txt'} cannot be read ({error}); {REMEDY}.") from error
        return _distinct([name.strip() for name in names if name.strip()], self._folder)

    def _highest(self) -> int:
        labels = (files.read_idx(self._paths[f"{part}-labels"], REMEDY) for part in ("train", "test"))
        return max(int(found.max(initial=0)) for found in labels)

    def md5s(self) -> dict[str, str]:
        return files.md5s({path.name: path.absolute() for path in self._paths.values()}, REMEDY)

    def digest(self) -> str:
        return files.digest([*(md5.encode() for md5 in self.md5s().values()), "\n".join(self.classes()).encode()])

    def read(self) -> tuple[Split, Split]:
        arrays = {name: files.read_idx(path, REMEDY) for name, path in self._paths.items()}
        train, test = (Split(arrays[f"{part}-images"], arrays[f"{part}-labels"]) for part in ("train", "test"))
        return train, test


class _Pictures:
    """A folder of pictures for each class."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parted = (folder / "train").is_dir() and (folder / "test").is_dir()
        self._train = folder / "train" if self._parted else folder

    def _files(self, part: Path) -> list[tuple[int, Path]]:
        """Each picture with its label, class by class."""
        return [
            (label, path)
            for label, name in enumerate(self.classes())
            for path in sorted((part / name).iterdir() if (part / name).is_dir() else ())
            if path.suffix.lower() in _PICTURES
        ]

    def _all(self) -> list[Path]:
        parts = (self._train, self._folder / "test") if self._parted else (self._train,)
        return [path for part in parts for _, path in self._files(part)]

    def classes(self) -> tuple[str, ...]:
        names = [path.name for path in self._train.iterdir() if path.is_dir() and not path.name.startswith(".")]
        return _distinct(sorted(names), self._folder)

    def images(self) -> int:
        n = len(self._files(self._train))
        return n if self._parted else n - n // 6

    def shape(self) -> tuple[int, ...]:
        found = self._files(self._train)
        if not found:
            raise DataError(f"{self._folder} holds neither IDX files nor folders of pictures; {REMEDY}.")
        return _pixels(found[0][1]).shape

    def md5s(self) -> dict[str, str]:
        return {"pictures": self.digest()}

    def digest(self) -> str:
        paths = self._all()
        state = files.digest([files.state(path, REMEDY).encode() for path in paths])
        name = str(self._folder)
        return files.once({name: f"{name} {state}"}, {name: lambda: self._digest(paths)})[name]

    def _digest(self, paths: list[Path]) -> str:
        try:
            parts = [part for p in paths for part in (str(p.relative_to(self._folder)).encode(), p.read_bytes())]
        except OSError as error:
            raise DataError(f"{self._folder} cannot be read ({error.strerror}); make it readable.") from error
        return files.digest(parts)

    def read(self) -> tuple[Split, Split]:
        train = self._read(self._train)
        return (train, self._read(self._folder / "test")) if self._parted else hold_out(train, len(train) // 6, 0)

    def _read(self, part: Path) -> Split:
        found, shape = self._files(part), self.shape()
        images = np.empty((len(found), *shape), np.uint8)
        for i, (_, path) in enumerate(found):
            pixels = _pixels(path, coloured=len(shape) == 3)
            if pixels.shape != shape:
                raise DataError(f"{path} is {pixels.shape[1]} x {pixels.shape[0]} pixels, others are {shape[0]} wide.")
            images[i] = pixels
        return Split(images, np.array([label for label, _ in found], np.uint8))


def _distinct(names: list[str], folder: Path) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise DataError(f"{folder} names a class twice; give each a name of its own.")
    return tuple(names)


def _pixels(path: Path, *, coloured: bool | None = None) -> np.ndarray:
    """A picture as (h, w) grey or (h, w, 3); as it is where `coloured` does not say. Large ones are not decoded."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if max(image.size) > max(SIDES):
                raise DataError(f"{path} is {image.size[0]} x {image.size[1]} pixels; {REMEDY}.")
            grey = image.mode in ("1", "L", "I;16") if coloured is None else not coloured
            return np.asarray(image.convert("L" if grey else "RGB"))
    except DataError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds
        raise DataError(f"{path} is no whole picture ({type(error).__name__}); replace it or take it away.") from error
