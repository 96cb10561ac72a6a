"""The interface of a place that can hold a run store."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MANIFEST = "run.json"
"""The file that makes a folder a run. It appears after the others and is removed before them."""

VARIABLE = "PRUNELAB_RUNS"
"""The environment variable that names the place: a folder, or an fsspec URL such as s3://bucket/runs."""

SET_ASIDE = ".set-aside"
"""The folder for damaged items, each in a folder of its own with the reason next to it."""

REASON, NO_REASON = "reason.txt", "The reason was not recorded."


@dataclass(frozen=True)
class Held:
    """A file in a listing: its name in the place, its size in bytes, and a time to sort by."""

    name: str
    size: int
    time: float


class Place(Protocol):
    """Files by name, with `/` between folders. Any number of processes may use one at once; they see whole files only.

    Methods that write raise StoreError if they fail, and leave nothing behind.
    """

    root: Path
    """The folder on this machine: the place itself, or that of the copies of a remote place."""

    @property
    def where(self) -> Path | str:
        """The name of the place, for another process."""

    def published(self) -> list[str]:
        """The names of the folders that hold a manifest; none if the place cannot be read at the moment."""

    def find(self, name: str) -> Path | None:
        """The path of a local file with the current content; None if there is no such file.

        Raises:
            StoreError: the place cannot be read at the moment, so it is unknown.
        """

    def size(self, name: str) -> int | None:
        """The size of a file in bytes, without fetching it; None if there is no such file. Raises as `find` does."""

    def held(self, folder: str) -> list[Held]:
        """The files directly in a folder."""

    def part(self) -> str:
        """The path between a run's folder and its files other than the manifest; empty, or `/` and digits.

        If a folder does not appear at once, the digits keep the files of two writers of one run apart.
        """

    def publish(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Make a folder appear with all its files, the last of which is the manifest.

        Raises:
            FileExistsError: another writer was first; that folder stays.
        """

    def write(self, name: str, content: bytes) -> None:
        """Write one file atomically, replacing an existing one."""

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""

    def remove_all(self, folder: str) -> None:
        """Remove a published folder, if it exists; for readers it is gone at once."""

    def set_aside(self, name: str, label: str, reason: str) -> None:
        """Move a damaged file or folder out of the way, if it still exists."""

    def aside(self) -> list[tuple[str, str]]:
        """Label and reason of each item that was set aside."""

    def check(self) -> None:
        """Raise StoreError if nothing can be written."""

    def refresh(self) -> None:
        """Call when another process has written: the next query must show it."""
