"""The data sets: Fashion-MNIST, whose files are checked to be the real ones, and folders of the host's own."""

import os
from collections.abc import Mapping
from pathlib import Path

from core.config import Problem
from core.data import fashion, folders
from core.data.folders import Collection as Collection
from core.data.images import Dataset as Dataset
from core.data.images import Split as Split
from core.data.images import problem as problem
from core.data.images import split as split
from core.errors import DataError

FASHION = Collection("fashion-mnist", "Fashion-MNIST", Problem(), fashion.CLASSES, 60_000, mirrored=True)


def available(environ: Mapping[str, str] = os.environ) -> tuple[list[Collection], list[str]]:
    """Fashion-MNIST, whether it is there or not, and the host's own data sets; and what is wrong with other folders."""
    found, problems = [FASHION], list[str]()
    for folder in folders.folders(environ):
        try:
            found.append(folders.describe(folder))
        except DataError as error:
            problems.append(str(error))
    return found, problems


def check(name: str) -> None:
    """Do nothing if the data set is on this machine; raises as `load` does."""
    if name == FASHION.id:
        fashion.locate()
    else:
        _folder(name)


def load(name: str) -> Dataset:
    """All of a data set.

    Raises:
        DataError: it is not on this machine, or a file of it is missing, damaged or another's.
    """
    return fashion.load(fashion.locate()) if name == FASHION.id else folders.load(_folder(name))


def load_test(name: str) -> Split:
    """The test images alone; raises as `load` does."""
    return fashion.load_test(fashion.locate()) if name == FASHION.id else load(name).test


def md5s(name: str) -> dict[str, str]:
    """The MD5 of each of its files; raises as `load` does."""
    return fashion.md5s(fashion.locate()) if name == FASHION.id else folders.md5s(_folder(name))


def title(name: str) -> str:
    """A data set's name for people, whether it is there or not."""
    return FASHION.title if name == FASHION.id else name.rpartition("-")[0]


def _folder(name: str) -> Path:
    """The folder whose content has that id."""
    plain = name.rpartition("-")[0]
    for folder in folders.folders():
        try:
            if folders.describe(folder).id == name:
                return folder
        except DataError:
            if folder.name == plain:
                raise
    raise DataError(
        f"The data set {title(name)} ({name}) is not on this machine, or has changed; put its folder into "
        f"{folders.root()}, or name another folder in {folders.VARIABLE}."
    )
