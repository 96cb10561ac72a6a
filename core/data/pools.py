"""The data sets of this machine for a network that is brought: Fashion-MNIST, and the host's own folders."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.data import FASHION, folders
from core.data.names import plain, shown
from core.data.pool import Pool, of_folder, pool
from core.errors import DataError, escaped

_MOST_NAMED = 20  # places in a sentence


@dataclass(frozen=True)
class Offered:
    """A data set that may be chosen.

    Attributes:
        place: what `opened` takes; no two are alike, unless two names differ in bytes that are not text.
        title: its display name.
    """

    place: str
    title: str


def offered(environ: Mapping[str, str] = os.environ) -> list[Offered]:
    """Fashion-MNIST and each folder of the host's own, whether it can be used or not; no picture is read.

    If the folder of data sets cannot be read, only Fashion-MNIST is offered.
    """
    try:
        found = folders.folders(environ)
    except DataError:
        found = []
    return [Offered(FASHION.id, FASHION.title), *(Offered(_place(folder), shown(folder.name)) for folder in found)]


def opened(place: str, environ: Mapping[str, str] = os.environ) -> Pool:
    """The data set that is offered under this place or title; a place is compared with them, and is never a path.

    Raises:
        DataError: it is not offered, or it cannot be used.
    """
    if place in (FASHION.id, FASHION.title):
        return pool(FASHION.id)
    found = folders.folders(environ)
    matches = [folder for folder in found if _place(folder) == place]
    matches = matches or [folder for folder in found if shown(folder.name) == place]
    if len(matches) > 1:
        raise DataError(f"{len(matches)} data sets are called {place}; rename all but one of the folders.")
    if not matches:
        raise _not_offered(place, environ)
    return of_folder(matches[0])


def find(name: str, environ: Mapping[str, str] = os.environ) -> Pool:
    """The data set with that id.

    Raises:
        DataError: it is not on this machine, or has changed, or the folder of that name has a problem.
    """
    if name == FASHION.id:
        return pool(name)
    problems, title = list[DataError](), name.rpartition("-")[0]
    for folder in folders.folders(environ):
        if plain(folder.name) == title:  # other folders have other ids, whatever they hold
            try:
                found = of_folder(folder)
                if found.id == name:
                    return found
            except DataError as error:
                problems.append(error)
    raise problems[0] if problems else folders.gone(name)


def _place(folder: Path) -> str:
    """The folder's name on one line; one that is called like Fashion-MNIST has a slash, which no name has."""
    name = escaped(folder.name)
    return f"{name}/" if name in (FASHION.id, FASHION.title) else name


def _not_offered(place: str, environ: Mapping[str, str]) -> DataError:
    places = [one.place for one in offered(environ)]
    more = f" and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
    return DataError(
        f"There is no data set {place[:100]!r} here; choose one of these: {', '.join(places[:_MOST_NAMED])}{more}."
    )
