"""The host's own data sets: each is a folder in the one that `PRUNELAB_DATASETS` names, in one of two forms.

    <name>/train-images*  train-labels*  t10k-images*  t10k-labels*     IDX files, gzipped or not (or "test-")
    <name>/classes.txt                                                  class names, one per line; else numbers
    <name>/train/<class>/*.png  <name>/test/<class>/*.png               pictures, one folder per class
    <name>/<class>/*.png                                                the same; a sixth of each class is for testing

Images are 28 x 28 or 32 x 32 pixels, all of the same size, grey or coloured.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.config import DataConfig, Problem
from core.data import files
from core.data.files import UnreadableError
from core.data.idx import IdxFiles, named
from core.data.images import Dataset, problem
from core.data.names import plain, shown
from core.data.pictures import PictureFolders
from core.data.survey import REMEDY, Survey, surveyed
from core.errors import DataError

VARIABLE = "PRUNELAB_DATASETS"
"""The environment variable that names the folder of data sets."""

_SYMMETRIC = ("cifar-10",)
"""Data sets whose classes are known to survive mirroring."""


@dataclass(frozen=True)
class Collection:
    """A data set on this machine.

    Attributes:
        id: its name and the beginning of a digest of its content, so that a changed data set has another id.
        title: its display name.
        problem: the task.
        classes: their names, in the order of the labels.
        images: how many training images it has.
        mirrored: whether mirror images are known to keep their class.
        former: the id that earlier versions gave the same images and labels; None if it is the same.
    """

    id: str
    title: str
    problem: Problem
    classes: tuple[str, ...]
    images: int
    mirrored: bool
    former: str | None = None

    @property
    def config(self) -> DataConfig:
        """The configuration for a run: 5,000 images are held out for validation, or an eighth of a small data set."""
        return DataConfig(name=self.id, validation=min(DataConfig().validation, max(self.images // 8, 100)))


def root(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of data sets: the one that the environment names, or one in the user's cache folder."""
    chosen = environ.get(VARIABLE)
    return Path(os.path.expanduser(chosen)) if chosen else files.cache_folder() / "datasets"


def folders(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Every folder that should be a data set, and every link that should lead to one.

    Raises:
        DataError: the folder of data sets is there but cannot be read.
    """
    place = root(environ)
    if not os.path.lexists(place):
        return []
    return [Path(entry.path) for entry in files.listed(place, REMEDY) if _may_be_one(entry)]


def _may_be_one(entry: "os.DirEntry[str]") -> bool:
    if entry.name.startswith("."):
        return False
    return not os.path.exists(entry.path) or os.path.isdir(entry.path)


def describe(folder: Path) -> Collection:
    """The data set in a folder; every file is read once per state.

    Raises:
        DataError: it is not a data set; the message names the first problem.
    """
    return _surveyed(folder)[0]


def load(folder: Path, name: str | None = None) -> Dataset:
    """Load all images of a folder, whose id must be `name` if that is given.

    Raises:
        DataError: as `describe`, or the folder holds another data set.
    """
    collection, form, survey = _surveyed(folder)
    if name not in (None, collection.id, collection.former):
        raise gone(str(name))
    with any_error_in_a_sentence(folder):
        return form.read(survey)


def md5s(folder: Path) -> dict[str, str]:
    """An MD5 for each IDX file, or one digest of all pictures: a run stores them to identify its data."""
    return dict(_surveyed(folder)[2].md5s)


def find(name: str) -> Path:
    """The folder whose content has that id.

    Raises:
        DataError: there is none, or the folder of that name has a problem.
    """
    problems, title = list[DataError](), name.rpartition("-")[0]
    for folder in folders():
        if title in (
            plain(folder.name),
            _plain_before(folder.name),
        ):  # other folders have other ids, whatever they hold
            try:
                collection = describe(folder)
            except DataError as error:
                problems.append(error)
            else:
                if name in (collection.id, collection.former):
                    return folder
    raise problems[0] if problems else gone(name)


def gone(name: str) -> DataError:
    """The error for an id that no folder has."""
    return DataError(
        f"The data set {name.rpartition('-')[0]} ({name}) is not on this machine, or has changed; put its folder into "
        f"{root()}, or name another folder in {VARIABLE}."
    )


def _surveyed(folder: Path) -> "tuple[Collection, IdxFiles | PictureFolders, Survey]":
    with any_error_in_a_sentence(folder):
        entries = files.listed(folder, REMEDY)
        form = (IdxFiles if any(map(named, entries)) else PictureFolders)(folder, entries)
        survey = surveyed(form.state(), form.survey)
    name = plain(folder.name)
    known = f"{name}-{survey.digest[:8]}"
    former = f"{_plain_before(folder.name)}-{survey.former[:8]}" if survey.former else known
    collection = Collection(
        known,
        shown(folder.name),
        problem(survey.shape, survey.classes),
        survey.classes,
        survey.images,
        mirrored=name in _SYMMETRIC,
        former=former if former != known else None,
    )
    return collection, form, survey


@contextmanager
def any_error_in_a_sentence(folder: Path) -> Iterator[None]:
    """Turn any other error while reading a folder into a sentence too."""
    try:
        yield
    except (OSError, ValueError, MemoryError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise UnreadableError(f"{folder} cannot be used ({reason}); {REMEDY}.") from error


def _plain_before(name: str) -> str:
    """The beginning of a data set's id in earlier versions, which kept English letters only."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "data"
