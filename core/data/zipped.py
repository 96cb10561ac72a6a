"""Class folders of pictures in a zip: read out of it one by one, and nothing is unpacked onto the disk.

A zip comes from a visitor, so nothing in it is trusted. Its list of entries is bounded before it is parsed, and no more
of an entry is unpacked than a picture may have, whatever its header claims.
"""

import io
import re
import stat
import threading
import weakref
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from core.data import files, pictures
from core.data.names import shown
from core.data.pictures import ClassFolders
from core.data.pool import Pool, of_classes
from core.data.survey import BROUGHT, check_counts
from core.errors import DataError
from core.picture.upright import MOST_BYTES

MOST_ENTRIES = 20_000
"""Files and folders in a zip, without those that operating systems add."""
MOST_UNPACKED = 500_000_000
"""Bytes of all files together, unpacked."""

_REMEDY = "zip one folder of pictures for each class, perhaps below folders train and test"
_MOST_LISTED, _MOST_LIST = 50_000, 16_000_000  # entries and bytes of the list of entries; macOS doubles the entries
_MOST_DEPTH = 10
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UTF_8, _ENCRYPTED = 0x800, 0x1 | 0x40 | 0x2000  # flags of an entry
_UNIX = (3, 19)  # systems whose entries have a kind; 19 is macOS
_DRIVE = re.compile(r"[A-Za-z]:")
_IDX = re.compile(r"((train|t10k|test)-(images|labels)[^.]*|.*idx\d-ubyte)(\.gz)?", re.IGNORECASE)


def pool_of_zip(path: Path, title: str) -> Pool:
    """The pictures of a zip of class folders, perhaps all below one folder, perhaps below `train` and `test`.

    They are read when they are needed, through one handle that stays open as long as the pictures are in use. Their id
    is that of a folder with the same name and content.

    Args:
        path: the zip, which must not be changed while it is in use.
        title: its display name, with which its id begins and which sentences use in place of the path.

    Raises:
        DataError: it cannot be read, or is not such a zip; the message says why.
    """
    name = shown(title).strip() or "data"
    archive = _Archive(path, name)
    return of_classes(ClassFolders(_Below(archive, _top(archive))), name)


def _top(archive: "_Archive") -> str:
    """The one folder that holds all others; empty if there is none, or if it is itself a folder of pictures."""
    found = pictures.folders_of(_Below(archive, ""), "")
    if len(found) != 1 or any(pictures.named(entry.name) for entry in archive.folders[found[0].name].values()):
        return ""
    return found[0].name


@dataclass(frozen=True)
class _Entry:
    """A file in a zip, with its state, or a folder, without."""

    name: str
    info: ZipInfo | None = None
    known: str = ""

    def is_folder(self) -> bool:
        return self.info is None

    def is_file(self) -> bool:
        return self.info is not None

    def is_link(self) -> bool:
        return False

    def state(self) -> str:
        return self.known


class _Below:
    """The tree below a folder of a zip."""

    remedy = _REMEDY

    def __init__(self, archive: "_Archive", top: str) -> None:
        self._archive, self._top = archive, top
        self.folder = Path(archive.title) / top

    def listed(self, place: str) -> list[_Entry]:
        entries = self._archive.folders.get(self._full(place), {})
        return sorted(entries.values(), key=lambda entry: entry.name)

    def content(self, path: str, state: str) -> bytes:
        return self._archive.content(self._full(path))

    def _full(self, path: str) -> str:
        return "/".join(filter(None, (self._top, path)))


class _Archive:
    """A zip whose entries were checked.

    Attributes:
        title: what sentences call it.
        folders: the entries of each folder by their names.
    """

    def __init__(self, path: Path, title: str) -> None:
        """Raises DataError if it cannot be read, or holds what may not be in it."""
        self.title, self._lock = title, threading.Lock()
        self.folders = dict[str, dict[str, _Entry]]({"": {}})
        try:
            file = _Bounded(io.FileIO(path))
        except OSError as error:
            raise DataError(f"{title} cannot be read ({error.strerror}); choose the file again.") from error
        weakref.finalize(self, file.close)
        try:
            state, self._zip = files.state(path, _REMEDY), ZipFile(file)
        except Exception as error:  # zipfile raises a dozen kinds
            raise self._incomplete(error) from None
        self._add_all(state)

    def _incomplete(self, error: Exception) -> DataError:
        if isinstance(error, DataError):
            return error
        return DataError(f"{self.title} is not a complete zip file; {_REMEDY}, and choose it again.")

    def _add_all(self, state: str) -> None:
        entries = [(parts, info) for parts, info in self._checked() if not any(map(pictures.is_system, parts))]
        if len(entries) > MOST_ENTRIES:
            raise DataError(f"{self.title} has {len(entries):,} entries; leave at most {MOST_ENTRIES:,} in it.")
        unpacked = sum(info.file_size for _, info in entries)
        if unpacked > MOST_UNPACKED:
            raise DataError(
                f"{self.title} has {unpacked / 1e6:,.0f} MB unpacked; leave at most {MOST_UNPACKED / 1e6:.0f} MB in it."
            )
        for parts, info in entries:
            self._add(parts, info, state)
        for folder, inside in self.folders.items():
            if (n := sum(entry.is_folder() for entry in inside.values())) > BROUGHT.most_classes:
                check_counts(Path(self.title, folder), n, BROUGHT.least_images, BROUGHT)

    def _checked(self) -> Iterator[tuple[list[str], ZipInfo]]:
        """The path of each entry, in parts."""
        for info in self._zip.infolist():
            name = _name(info)
            parts = [part for part in name.split("/") if part not in ("", ".")]
            if (
                "\\" in name
                or "\0" in info.orig_filename
                or ".." in parts
                or name.startswith("/")
                or _DRIVE.match(name)
            ):
                raise DataError(f"{self.title} has an entry {name[:200]!r}, which may lie outside it; {_REMEDY}.")
            if len(parts) > _MOST_DEPTH:
                raise DataError(f"{self.title} has an entry {name[:200]!r}, which lies too deep; {_REMEDY}.")
            if parts:
                yield parts, info

    def _add(self, parts: list[str], info: ZipInfo, state: str) -> None:
        *above, name = parts
        for i, folder in enumerate(above):
            self._put("/".join(above[:i]), _Entry(folder))
        if info.is_dir():
            self._put("/".join(above), _Entry(name))
        else:
            self._check(Path(self.title, *parts), info)
            known = f"{state} {info.header_offset} {info.CRC} {info.file_size}"
            self._put("/".join(above), _Entry(name, info, known))

    def _put(self, folder: str, entry: _Entry) -> None:
        path = f"{folder}/{entry.name}" if folder else entry.name
        before = self.folders[folder].setdefault(entry.name, entry)
        if before is not entry and (before.is_file() or entry.is_file()):
            raise DataError(f"{self.title} has two entries {path}; {_REMEDY}.")
        if entry.is_folder():
            self.folders.setdefault(path, {})

    def _check(self, path: Path, info: ZipInfo) -> None:
        """Raises DataError unless this is a file that can be read and that may be in a data set."""
        kind, name = stat.S_IFMT(info.external_attr >> 16), path.name.lower()
        if info.flag_bits & _ENCRYPTED:
            raise DataError(f"{path} is encrypted; zip the folders without a password.")
        if info.compress_type not in _READABLE:
            raise DataError(f"{path} is compressed in an unusual way; zip the folders again with Deflate.")
        if info.create_system in _UNIX and kind not in (0, stat.S_IFREG):
            raise DataError(f"{path} is a link or a device, not a file; zip the pictures themselves.")
        if name.endswith(".zip"):
            raise DataError(f"{path} is a zip in the zip; unpack it, and {_REMEDY}.")
        if _IDX.fullmatch(name):
            raise DataError(f"{path} is an IDX file, which is not read out of a zip; {_REMEDY}.")

    def content(self, path: str) -> bytes:
        """The first bytes of a file, at most `MOST_BYTES` + 1; raises DataError if it is damaged."""
        folder, _, name = path.rpartition("/")
        info = self.folders[folder][name].info
        assert info is not None
        try:
            with self._lock, self._zip.open(info) as file:
                return file.read(MOST_BYTES + 1)
        except Exception:  # zlib, zipfile and struct raise a dozen kinds
            pass
        raise DataError(f"{Path(self.title, path)} is damaged in the zip; zip the folders again, and choose it again.")


class _Bounded(io.BufferedReader):
    """A file that refuses to give a list of too many entries: it is read in one piece, whatever size it claims."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MOST_LIST:
            raise DataError(f"This zip's list of entries has {size / 1e6:,.0f} MB; {_REMEDY}, with fewer pictures.")
        content = super().read(size)
        if content.count(zipfile.stringCentralDir) > _MOST_LISTED:  # type: ignore[attr-defined]
            raise DataError(f"This zip has more than {_MOST_LISTED:,} entries; leave at most {MOST_ENTRIES:,} in it.")
        return content


def _name(info: ZipInfo) -> str:
    """The path of an entry; many programs write UTF-8 without the flag that says so."""
    if info.flag_bits & _UTF_8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename
