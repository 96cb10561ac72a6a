"""A data set of four IDX files, like MNIST."""

import os
import re
from pathlib import Path

import numpy as np

from core.data import files
from core.data.files import Idx
from core.data.images import Dataset, Split
from core.data.names import distinct, shown
from core.data.survey import REMEDY, TRAINED, Limits, Survey, by, check_counts, check_shape
from core.errors import DataError

_NAME = re.compile(r"(train|t10k|test)-(images|labels)")
_CLASSES = "classes.txt"
_NOT_IDX = (".txt", ".csv", ".json", ".md", ".md5", ".sha1", ".sha256", ".asc", ".sig")
_NAMES = {"train": ("train",), "test": ("t10k", "test")}


def named(entry: "os.DirEntry[str]") -> bool:
    """Whether a file is named like one of the four."""
    fits = _NAME.match(entry.name) and not entry.name.lower().endswith(_NOT_IDX)
    return bool(fits) and files.is_file(entry, REMEDY)


class IdxFiles:
    """A folder with four IDX files and, if the classes have names, `classes.txt`; perhaps without the training part."""

    def __init__(self, folder: Path, entries: "list[os.DirEntry[str]]", limits: Limits = TRAINED) -> None:
        """Raises DataError if one of the files is missing or present twice."""
        self._folder, self._limits = folder, limits
        names = [entry.name for entry in entries if named(entry)]
        trains = any(name.startswith("train") for name in names) or not limits.without_training
        self._parts = ("train", "test") if trains else ("test",)
        self._paths = {
            (part, what): self._find(names, starts, what)
            for part, starts in _NAMES.items()
            if part in self._parts
            for what in ("images", "labels")
        }
        given = [entry for entry in entries if entry.name == _CLASSES and files.is_file(entry, REMEDY)]
        self._names = folder / _CLASSES if given else None

    def _find(self, names: list[str], starts: tuple[str, ...], what: str) -> Path:
        matches = [name for start in starts for name in names if name.startswith(f"{start}-{what}")]
        if len(matches) != 1:
            which = f" ({', '.join(matches)})" if matches else ""
            raise DataError(
                f"{self._folder} has {len(matches)} files {starts[0]}-{what}*{which}, where one is needed; {REMEDY}."
            )
        return self._folder / matches[0]

    def state(self) -> str:
        """A text that changes whenever a file does; raises DataError if a file's status cannot be read."""
        paths = [*self._paths.values(), *([self._names] if self._names else [])]
        return "\n".join(files.state(path, REMEDY) for path in paths)

    def survey(self) -> Survey:
        """Raises DataError: a file is damaged, or does not fit the others."""
        contents = {key: files.look_at_idx(path, REMEDY) for key, path in self._paths.items()}
        for key, content in contents.items():
            self._check_dimensions(key, content.shape)
        shapes = {part: _image(contents[part, "images"].shape) for part in self._parts}
        highest = max(contents[part, "labels"].highest for part in self._parts)
        first = self._parts[0]
        classes, shape, n = self._classes(highest), shapes[first], contents[first, "images"].shape[0]
        check_shape(self._folder, shape, self._limits)
        check_counts(self._folder, len(classes), n, self._limits)
        self._check_fit(contents, shapes, highest, len(classes))
        md5s = {self._paths[key].name: content.md5 for key, content in contents.items()}
        digest = files.digest([*(md5.encode() for md5 in md5s.values()), "\n".join(classes).encode()])
        return Survey(shape, classes, n, digest, digest, md5s)

    def _check_dimensions(self, key: tuple[str, str], shape: tuple[int, ...]) -> None:
        held = by(shape) or "single"
        if key[1] == "images" and len(shape) not in (3, 4):
            raise DataError(f"{self._paths[key]} holds {held} bytes, which are not images; {REMEDY}.")
        if key[1] == "labels" and (not shape or set(shape[1:]) - {1}):
            raise DataError(f"{self._paths[key]} holds {held} bytes, which are not one label per image; {REMEDY}.")

    def _check_fit(
        self, contents: dict[tuple[str, str], Idx], shapes: dict[str, tuple[int, ...]], highest: int, classes: int
    ) -> None:
        if len({*shapes.values()}) > 1:
            both = " and ".join(f"{by(shape)} in {part}" for part, shape in shapes.items())
            raise DataError(f"The images of {self._folder} are not all alike: {both}; {REMEDY}.")
        for part in self._parts:
            images, labels = (contents[part, what].shape[0] for what in ("images", "labels"))
            if images != labels or not images:
                raise DataError(
                    f"{self._folder} has {images} images for {labels} labels in one part, {part}; {REMEDY}."
                )
        if highest >= classes:
            raise DataError(f"{self._folder} has a label {highest} but {classes} classes; {REMEDY}.")

    def _classes(self, highest: int) -> tuple[str, ...]:
        if self._names is None:
            return tuple(str(label) for label in range(highest + 1))
        try:
            names = self._names.read_text("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise DataError(f"{self._names} cannot be read ({error}); write it in UTF-8.") from error
        except OSError as error:
            raise files.unreadable(self._names, error, REMEDY) from error
        return distinct([shown(name.strip()) for name in names if name.strip()], self._folder)

    def read(self, survey: Survey) -> Dataset:
        """The images of both parts; raises as `read_parts` does."""
        return Dataset(**self.read_parts(survey), classes=survey.classes)

    def read_parts(self, survey: Survey) -> dict[str, Split]:
        """The images of each part; raises DataError if the files are not those of the survey, or cannot be read."""
        arrays = {key: files.read_idx(path, REMEDY) for key, path in self._paths.items()}
        for key, path in self._paths.items():
            if files.md5_of_idx(arrays[key]) != survey.md5s[path.name]:
                raise DataError(f"{path} was changed while it was read; try again.")
        return {
            part: Split(_squeezed(arrays[part, "images"]), arrays[part, "labels"].reshape(-1)) for part in self._parts
        }


def _image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one image, without an axis for a single colour."""
    return shape[1:3] if shape[3:] == (1,) else shape[1:]


def _squeezed(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), *_image(images.shape))
