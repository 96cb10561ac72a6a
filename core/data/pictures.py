"""A data set of pictures, with one folder per class."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.data import files
from core.data.images import Dataset, Split, hold_out
from core.data.names import distinct, in_order, shown
from core.data.survey import SIDES, Survey, check_counts, check_shape
from core.data.tree import Disk, Entry, Tree
from core.errors import DataError, PictureError
from core.picture.exif import orientation
from core.picture.headers import File
from core.picture.upright import MOST_BYTES, MOST_SIDE, headers, upright

_TRAIN, _TEST = ("train", "training"), ("test", "testing")
"""The folder names of the two parts, in upper or lower case."""

_PICTURES = (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp")
_COMPANIONS = (
    "", ".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".html", ".pdf",
    ".py", ".ipynb", ".db", ".ini", ".log", ".md5", ".sha1", ".sha256", ".xmp", ".url", ".lnk", ".bak", ".tmp",
)  # fmt: skip
"""Endings of files that may lie next to the pictures of a class and are not pictures."""

_SYSTEM = ("@eadir", "__macosx", "__pycache__", "lost+found", "#recycle", "@recycle", "$recycle.bin",
           "system volume information")  # fmt: skip
"""Folders that operating systems create."""


@dataclass(frozen=True)
class _File:
    """A picture's path in the data set's folder, and a text that changes whenever the picture does."""

    path: str
    state: str


class ClassFolders:
    """Folders of pictures, one for each class, below `train` and `test` or together."""

    def __init__(self, tree: Tree) -> None:
        """Raises DataError: a folder cannot be read, or holds a file that may not lie next to pictures."""
        self._tree, self._folder = tree, tree.folder
        train, test = (_part(tree, names) for names in (_TRAIN, _TEST))
        self._places = [train, test] if train and test else [""]
        self._parts = [_classes(tree, place) for place in self._places]
        if not any(self._parts):
            raise DataError(f"{self._folder} holds neither IDX files nor folders of pictures; {tree.remedy}.")
        self._names = tuple(in_order(self._parts[0]))
        self._states = {file.path: file.state for part in self._parts for name in part for file in part[name]}
        self._sorted = list(self._names) == sorted(self._names)  # as earlier versions had them

    def state(self) -> str:
        """A text that changes whenever a picture, a class or its place does."""
        states = [f"{name}\n{file.state}" for part in self._parts for name in part for file in part[name]]
        return f"{self._folder} {files.digest([os.fsencode(state) for state in states])}"

    @property
    def folder(self) -> Path:
        """What sentences call it."""
        return self._folder

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the labels."""
        return self._names

    def parts(self) -> list[list[tuple[str, int]]]:
        """The path and the label of each picture: of the training and the test part, or of the only one.

        Raises:
            DataError: the classes of the two parts differ.
        """
        for part, place in zip(self._parts[1:], self._places[1:], strict=True):
            if set(part) != set(self._names):
                raise DataError(
                    f"The classes of {self._folder} differ: {self._places[0]} has {', '.join(self._names)}; "
                    f"{place} has {', '.join(in_order(part)) or 'none'}. Give both the same folders."
                )
        return [
            [(file.path, label) for label, name in enumerate(self._names) for file in part[name]]
            for part in self._parts
        ]

    def survey(self) -> Survey:
        """Raises DataError: the classes of the two parts differ, or a picture is damaged or unlike the others."""
        n = len(self.parts()[0])
        n -= 0 if self._parts[1:] else n // 6
        check_counts(self._folder, len(self._names), n)
        return self._surveyed(n)

    def survey_of_any_size(self) -> Survey:
        """The same for pictures of any size, whose shape is then (); raises DataError if the headers are damaged."""
        digest, n = _Digest(self._names), len(self.parts()[0])
        for place, label, path, content in self._contents():
            self._parsed(path, content)
            digest.add(place, label, content)
        known = digest.hexdigest()
        return Survey((), self._names, n, known, "", {"pictures": known})

    def _surveyed(self, n: int) -> Survey:
        digest, former, kinds = _Digest(self._names), files.Digest(), list[tuple[bool, bool]]()
        size: tuple[int, int] | None = None
        for place, label, path, content in self._contents():
            file = self._headers(path, content, size)
            size = file.size
            digest.add(place, label, content)
            former.add(os.fsencode(path))
            former.add(content)
            kinds.append((file.coloured, _is_plain(file)))
        assert size is not None
        coloured = any(is_coloured for is_coloured, _ in kinds)
        as_before = all(plain for _, plain in kinds) and kinds[0][0] == coloured and self._sorted
        shape, known = (size[1], size[0], *((3,) if coloured else ())), digest.hexdigest()
        return Survey(shape, self._names, n, known, former.hexdigest() if as_before else "", {"pictures": known})

    def _contents(self) -> Iterator[tuple[int, int, str, bytes]]:
        """Every picture, part by part and class by class: its part, its label, its path and its bytes."""
        for place, part in enumerate(self.parts()):
            for path, label in part:
                yield place, label, path, self._content(path)

    def picture(self, path: str) -> np.ndarray:
        """One picture in its own size, (h, w) grey or (h, w, 3); raises DataError if it cannot be decoded."""
        try:
            return np.asarray(upright(headers(self._content(path)), MOST_SIDE).image)
        except PictureError as error:
            raise self._no_picture(path, error) from error

    def shape(self, path: str) -> tuple[int, ...]:
        """The shape of `picture`, from the headers of its file; raises DataError if they are damaged."""
        file = self._parsed(path, self._content(path))
        size = file.size if orientation(file.exif) < 5 else file.size[::-1]
        return (size[1], size[0], *((3,) if file.coloured else ()))

    def _content(self, path: str) -> bytes:
        content = self._tree.content(path, self._states[path])
        if len(content) > MOST_BYTES:
            raise DataError(
                f"{self._folder / path} has more than {MOST_BYTES / 1e6:.0f} MB; make the picture smaller or remove it."
            )
        return content

    def _headers(self, path: str, content: bytes, size: tuple[int, int] | None) -> File:
        file = self._parsed(path, content)
        width, height = file.size
        if max(file.size) > max(SIDES):
            raise DataError(f"{self._folder / path} is {width} x {height} pixels; {self._tree.remedy}.")
        if size is None:
            check_shape(self._folder, (height, width))
        elif file.size != size:
            raise DataError(f"{self._folder / path} is {width} x {height} pixels, others are {size[0]} wide.")
        return file

    def _parsed(self, path: str, content: bytes) -> File:
        try:
            return headers(content)
        except PictureError as error:
            raise self._no_picture(path, error) from error

    def _no_picture(self, path: str, error: PictureError) -> DataError:
        what = str(error).partition(";")[0]
        return DataError(f"{self._folder / path} is not a complete picture ({what}); replace it or remove it.")

    def read(self, survey: Survey) -> Dataset:
        """Raises DataError: the pictures are no longer those of the survey, or one cannot be decoded."""
        digest = _Digest(self._names)
        counts = [sum(map(len, part.values())) for part in self._parts]
        splits = [Split(np.empty((n, *survey.shape), np.uint8), np.empty(n, np.uint8)) for n in counts]
        at = [0] * len(splits)
        for place, label, path, content in self._contents():
            digest.add(place, label, content)
            splits[place].images[at[place]] = self._pixels(path, content, survey.shape)
            splits[place].labels[at[place]] = label
            at[place] += 1
        if digest.hexdigest() != survey.digest:
            raise DataError(f"{self._folder} was changed while it was read; try again.")
        train, test = splits if splits[1:] else hold_out(splits[0], len(splits[0]) // 6, 0)
        return Dataset(train, test, self._names)

    def _pixels(self, path: str, content: bytes, shape: tuple[int, ...]) -> np.ndarray:
        """Pixels in the survey's shape; a grey picture among coloured ones gets three equal channels."""
        file = self._headers(path, content, (shape[1], shape[0]))
        try:
            image: Image.Image = upright(file).image
        except PictureError as error:
            raise self._no_picture(path, error) from error
        return np.asarray(image.convert("RGB" if shape[2:] else "L"))


class PictureFolders(ClassFolders):
    """The same in a folder on disk."""

    def __init__(self, folder: Path, entries: "list[os.DirEntry[str]]") -> None:
        """Raises as `ClassFolders`; `entries` are those of the folder."""
        super().__init__(Disk(folder, entries))


class _Digest:
    """Digest of the class names and, in order, each picture's part, label and bytes: it identifies the data set."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._digest = files.Digest()
        for name in (f"{len(names)} classes", *names):
            self._digest.add(name.encode())

    def add(self, part: int, label: int, content: bytes) -> None:
        self._digest.add(bytes([part]) + label.to_bytes(1 if label < 256 else 2))
        self._digest.add(content)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _is_plain(file: File) -> bool:
    """Whether earlier versions read the same pixels: they ignored transparency, orientation and 16-bit depth."""
    return not (file.clear or file.deep or orientation(file.exif) > 1 or (file.palette and not file.coloured))


def _part(tree: Tree, names: tuple[str, ...]) -> str | None:
    """The folder of that part; None if there is none."""
    matches = [entry.name for entry in tree.listed("") if entry.name.lower() in names and entry.is_folder()]
    if len(matches) > 1:
        raise DataError(f"{tree.folder} has {' and '.join(matches)}, where one is needed; {tree.remedy}.")
    return matches[0] if matches else None


def _classes(tree: Tree, place: str) -> dict[str, list[_File]]:
    """The pictures of each class by its name, in order; a folder without pictures is not a class."""
    classes = list[tuple[str, list[_File]]]()
    for folder in folders_of(tree, place):
        at = os.path.join(place, folder.name)
        full = tree.folder / at
        pictures = [
            _File(os.path.join(at, entry.name), entry.state()) for entry in tree.listed(at) if _is_picture(full, entry)
        ]
        if pictures:
            classes.append((shown(folder.name), pictures))
        elif not folder.is_link():
            _check_depth(tree, at)
    distinct([name for name, _ in classes], tree.folder / place)
    return dict(classes)


def folders_of(tree: Tree, place: str) -> list[Entry]:
    """The folders in one that a person made; raises DataError if it cannot be read."""
    return [entry for entry in tree.listed(place) if not is_system(entry.name) and entry.is_folder()]


def is_system(name: str) -> bool:
    """Whether a folder of this name is hidden, or of those that operating systems create."""
    return name.startswith(".") or name.lower() in _SYSTEM


def named(name: str) -> bool:
    """Whether a file of this name should be a picture."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in _PICTURES


def _is_picture(folder: Path, entry: Entry) -> bool:
    """Whether it is a picture; raises DataError for any other file that would be skipped silently."""
    if named(entry.name):
        return entry.is_file()
    ending = os.path.splitext(entry.name)[1].lower()
    if not entry.name.startswith(".") and ending not in _COMPANIONS and entry.is_file():
        raise DataError(
            f"{folder / entry.name} is not a PNG, JPEG, BMP or WebP file; convert it, or move it out of the data set."
        )
    return False


def _check_depth(tree: Tree, place: str) -> None:
    """Raises DataError if a folder without pictures has a folder with some, which would be skipped silently."""
    for inner in folders_of(tree, place):
        at = os.path.join(place, inner.name)
        if not inner.is_link() and any(_is_picture(tree.folder / at, entry) for entry in tree.listed(at)):
            raise DataError(
                f"{tree.folder / at} holds pictures one folder too deep: a class is a folder of pictures, and the "
                f"parts of a data set are the folders train and test; {tree.remedy}."
            )
