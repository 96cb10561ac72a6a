"""The data sets: Fashion-MNIST, with verified files, and folders of the host's own."""

import os
from collections.abc import Mapping

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
    """All data sets, always including Fashion-MNIST, and the problem of each folder that cannot be used."""
    collections, problems = [FASHION], list[str]()
    try:
        paths = folders.folders(environ)
    except DataError as error:
        return collections, [str(error)]
    for folder in paths:
        try:
            collections.append(folders.describe(folder))
        except DataError as error:
            problems.append(str(error))
    return collections, problems


def check(name: str) -> None:
    """Check that the data set is on this machine; raises as `load` does."""
    if name == FASHION.id:
        fashion.locate()
    else:
        folders.find(name)


def load(name: str) -> Dataset:
    """Load a whole data set.

    Raises:
        DataError: it is not on this machine, or one of its files is missing, damaged or of another data set.
    """
    return fashion.load(fashion.locate()) if name == FASHION.id else folders.load(folders.find(name), name)


def load_test(name: str) -> Split:
    """The test images alone; raises as `load` does."""
    return fashion.load_test(fashion.locate()) if name == FASHION.id else load(name).test


def md5s(name: str) -> dict[str, str]:
    """The MD5 of each of its files; raises as `load` does."""
    return fashion.md5s(fashion.locate()) if name == FASHION.id else folders.md5s(folders.find(name))


def classes(name: str) -> tuple[str, ...]:
    """The names of its classes, in the order of their labels; raises as `load` does, but never for Fashion-MNIST."""
    return FASHION.classes if name == FASHION.id else folders.describe(folders.find(name)).classes


def title(name: str) -> str:
    """A data set's display name, whether it is on this machine or not."""
    return FASHION.title if name == FASHION.id else name.rpartition("-")[0]
