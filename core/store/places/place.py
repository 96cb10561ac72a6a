"""What a run store needs of the place that it is in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MANIFEST = "run.json"
"""The file that makes a folder a run. It appears after the others and is removed before them."""

VARIABLE = "PRUNELAB_RUNS"
"""The environment variable that names the place: a folder, or an fsspec URL such as s3://bucket/runs."""

SET_ASIDE = ".set-aside"
"""Where damaged things go, each into a folder of its own with the reason beside it."""

REASON, NO_REASON = "reason.txt", "The reason was not recorded."


@dataclass(frozen=True)
class Held:
    """A file as a listing shows it: its name below the place, bytes, and a time that orders such files."""

    name: str
    size: int
    time: float


class Place(Protocol):
    """Files by name, with `/` between folders. Any number of processes may use one at once, and see whole files only.

    Methods that write raise StoreError if they cannot, with nothing left behind. Names are those of the product.
    """

    root: Path
    """The folder on this machine: the place itself, or where copies of what is elsewhere lie."""

    @property
    def where(self) -> Path | str:
        """What names the place to another process."""

    def published(self) -> list[str]:
        """The names of the folders that hold a manifest; none if the place cannot be read just now."""

    def find(self, name: str) -> Path | None:
        """A file on this machine with the present content; None if there is no such file.

        Raises:
            StoreError: the place cannot be read just now, so that nobody knows.
        """

    def size(self, name: str) -> int | None:
        """Bytes of a file, which need not be fetched for it; None if there is no such file. Raises as `find` does."""

    def held(self, folder: str) -> list[Held]:
        """The files directly in a folder."""

    def part(self) -> str:
        """What a writer puts between a run's folder and the files that are not the manifest; empty, or `/` and digits.

        Where a folder does not appear at once, two writers of one run must not mix their files.
        """

    def publish(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Make a folder appear with all its files, the last of which is the manifest.

        Raises:
            FileExistsError: another writer was first; his stays.
        """

    def write(self, name: str, content: bytes) -> None:
        """Write one file at once, in place of one that is there."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def remove_all(self, folder: str) -> None:
        """Remove a published folder, if it is there; for readers it is gone at once."""

    def set_aside(self, name: str, label: str, reason: str) -> None:
        """Move a damaged file or folder out of the way, if it is still there."""

    def aside(self) -> list[tuple[str, str]]:
        """Label and reason of what was set aside."""

    def check(self) -> None:
        """Raise StoreError if nothing can be written."""

    def refresh(self) -> None:
        """Another process is known to have written: what is asked for next must show it."""
