"""Where class folders of pictures lie: on disk, or anywhere else that lists folders and reads files the same way."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from core.data import files
from core.data.files import UnreadableError
from core.data.survey import REMEDY
from core.picture.upright import MOST_BYTES


class Entry(Protocol):
    """A file or a folder; each method raises DataError if its status cannot be read."""

    @property
    def name(self) -> str:
        """Without the folders above it."""

    def is_folder(self) -> bool:
        """Whether it is a folder or a link to one."""

    def is_file(self) -> bool:
        """Whether it is a file or a link to one."""

    def is_link(self) -> bool:
        """Whether it is a link."""

    def state(self) -> str:
        """A text that changes whenever the file does."""


class Tree(Protocol):
    """Folders and files, by their paths from its top."""

    @property
    def folder(self) -> Path:
        """What sentences call its top."""

    @property
    def remedy(self) -> str:
        """What to do if it is not a data set, as the end of a sentence."""

    def listed(self, place: str) -> Sequence[Entry]:
        """The entries of a folder, sorted by name; raises DataError if it cannot be read."""

    def content(self, path: str, state: str) -> bytes:
        """A file's first `MOST_BYTES` + 1 bytes; raises DataError if it cannot be read or has another state."""


class OnDisk:
    """An entry of a folder on disk."""

    __slots__ = ("_entry", "name")

    def __init__(self, entry: "os.DirEntry[str]") -> None:
        self._entry, self.name = entry, entry.name

    def is_folder(self) -> bool:
        """As `Entry`."""
        return files.is_folder(self._entry, REMEDY)

    def is_file(self) -> bool:
        """As `Entry`."""
        return files.is_file(self._entry, REMEDY)

    def is_link(self) -> bool:
        """As `Entry`."""
        return self._entry.is_symlink()

    def state(self) -> str:
        """As `Entry`."""
        return files.state_of(self._entry, REMEDY)


class Disk:
    """A folder on disk, whose own entries are known."""

    remedy = REMEDY

    def __init__(self, folder: Path, entries: "list[os.DirEntry[str]]") -> None:
        self.folder, self._entries = folder, entries

    def listed(self, place: str) -> list[OnDisk]:
        """As `Tree`."""
        return [OnDisk(entry) for entry in (files.listed(self.folder / place, REMEDY) if place else self._entries)]

    def content(self, path: str, state: str) -> bytes:
        """As `Tree`."""
        place = self.folder / path
        try:
            with open(place, "rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise files.unreadable(place, error, REMEDY) from error
        if _numbers(files.state(place, REMEDY)) != _numbers(state):
            raise UnreadableError(f"{place} was changed while the data set was read; try again.")
        return content


def _numbers(state: str) -> list[str]:
    """Size, times and inode; the path before them may be written in two ways, `x` and `./x`."""
    return state.rsplit(" ", 4)[1:]
