"""Files of a data set: reading and digesting them once per file state, and the errors for bad ones."""

import errno
import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from core.errors import DataError


class UnreadableError(DataError):
    """A file cannot be read at the moment, as opposed to one whose content is wrong."""


def cache_folder() -> Path:
    """The user's cache folder for PruneLab, which may not exist yet."""
    return platformdirs.user_cache_path("prunelab", appauthor=False)


def md5s(paths: Mapping[str, Path], remedy: str) -> dict[str, str]:
    """The MD5 of the unpacked content of each file, computed once per file state, by the names given.

    A state is a path, size, modification time and inode. Results are cached in the user's cache folder, or in
    this process if that folder cannot be written. `remedy` says what to do about a bad file, as the end of a sentence.

    Raises:
        DataError: a file is missing, unreadable or cut short.
    """
    states = {name: state(path, remedy) for name, path in paths.items()}
    return once(states, {name: partial(_md5, paths[name], states[name], remedy) for name in paths})


def once(states: Mapping[str, str], compute: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """The result of `compute` for each name, or the cached one for its state."""
    known = _recall()
    values = {name: known.get(state) or compute[name]() for name, state in states.items()}
    fresh = {states[name]: value for name, value in values.items() if states[name] not in known}
    if fresh:
        _remember(known | fresh)
    return values


def state(path: Path, remedy: str) -> str:
    """A text that changes whenever the file does.

    Raises:
        DataError: the file is missing, or its status cannot be read.
    """
    try:
        return _state(str(path), path.stat())
    except FileNotFoundError:
        raise UnreadableError(f"{path} is missing; {remedy}.") from None
    except OSError as error:
        raise unreadable(path, error, remedy) from error


def _state(path: str, status: os.stat_result) -> str:
    """Includes ctime, which no program can set: a changed file may have an older modification time."""
    return f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def listed(folder: Path, remedy: str) -> "list[os.DirEntry[str]]":
    """The entries of a folder, sorted by name.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(folder, error, remedy) from error


def is_folder(entry: "os.DirEntry[str]", remedy: str) -> bool:
    """Whether the entry is a folder or a link to one; circular and broken links are not.

    Raises:
        DataError: its status cannot be read.
    """
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise unreadable(Path(entry.path), error, remedy) from error


def is_file(entry: "os.DirEntry[str]", remedy: str) -> bool:
    """Whether the entry is a file or a link to one.

    Raises:
        DataError: its status cannot be read, or it is a broken link.
    """
    try:
        if entry.is_symlink():
            entry.stat()
        return entry.is_file()
    except OSError as error:
        raise unreadable(Path(entry.path), error, remedy) from error


def state_of(entry: "os.DirEntry[str]", remedy: str) -> str:
    """The `state` of an entry from `listed`."""
    try:
        return _state(entry.path, entry.stat())
    except OSError as error:
        raise unreadable(Path(entry.path), error, remedy) from error


@lru_cache(maxsize=32)
def _md5(path: Path, state: str, remedy: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with _opened(path) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (EOFError, zlib.error, OSError) as error:
        raise unreadable(path, error, remedy) from error
    return digest.hexdigest()


def _opened(path: Path) -> Any:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def read_idx(path: Path, remedy: str) -> np.ndarray:
    """An IDX file of unsigned bytes, gzipped or not, as a uint8 array.

    IDX: two zero bytes, 0x08 for unsigned bytes, the number of dimensions, each dimension as a big-endian 32-bit
    number, then the entries, the last dimension running fastest.

    Raises:
        DataError: the file cannot be read, or is of another type or length.
    """
    try:
        with _opened(path) as file:
            content = file.read()
    except (EOFError, zlib.error, OSError) as error:
        raise unreadable(path, error, remedy) from error
    shape = _shape(content[:260])
    if shape is None or len(content) != 4 + 4 * len(shape) + prod(shape):
        raise _not_idx(path, remedy)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape).copy()


@dataclass(frozen=True)
class Idx:
    """What an IDX file of unsigned bytes holds: its shape, the MD5 of its unpacked content, the highest entry or 0."""

    shape: tuple[int, ...]
    md5: str
    highest: int


def look_at_idx(path: Path, remedy: str) -> Idx:
    """Read a whole IDX file piece by piece, whatever size its header claims; raises as `read_idx` does."""
    try:
        with _opened(path) as file:
            header = file.read(4)
            header += file.read(4 * header[3]) if len(header) == 4 else b""
            shape, md5, n, highest = _shape(header), hashlib.md5(header, usedforsecurity=False), 0, 0
            while shape is not None and n <= prod(shape) and (piece := file.read(1 << 20)):
                md5.update(piece)
                n, highest = n + len(piece), max(highest, int(np.frombuffer(piece, np.uint8).max()))
    except (EOFError, zlib.error, OSError) as error:
        raise unreadable(path, error, remedy) from error
    if shape is None or n != prod(shape):
        raise _not_idx(path, remedy)
    return Idx(shape, md5.hexdigest(), highest)


def _not_idx(path: Path, remedy: str) -> DataError:
    return DataError(f"{path} is not a complete IDX file of bytes; replace it with the original, or {remedy}.")


def md5_of_idx(values: np.ndarray) -> str:
    """The MD5 of a uint8 array as an IDX file holds it."""
    return hashlib.md5(_header(values) + values.tobytes(), usedforsecurity=False).hexdigest()


def _header(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()


def _shape(header: bytes) -> tuple[int, ...] | None:
    """The shape in an IDX header; None if it is not one."""
    if len(header) < 4 or header[:3] != b"\0\0\x08" or len(header) < 4 + 4 * header[3]:
        return None
    return tuple(int(side) for side in np.frombuffer(header, ">u4", header[3], 4))


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write a uint8 array as a gzipped IDX file, without name and time in gzip's header."""
    path.write_bytes(gzip.compress(_header(values) + values.astype(np.uint8).tobytes(), 6, mtime=0))


def unreadable(path: Path, error: Exception, remedy: str) -> DataError:
    """The error that says why a file or folder could not be read."""
    replace = f"replace it with the original, or {remedy}"
    if isinstance(error, EOFError):
        return DataError(f"{path} is cut short; {replace}.")
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return DataError(f"{path} is damaged or not a gzip file; {replace}.")
    reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    return UnreadableError(f"{path} cannot be read ({reason}); make it readable, or {remedy}.")


class Digest:
    """SHA-256 over parts, each with its length."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, part: bytes) -> None:
        self._sha.update(len(part).to_bytes(8, "big"))
        self._sha.update(part)

    def hexdigest(self) -> str:
        return self._sha.hexdigest()


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256 over parts, each with its length, in hexadecimal digits."""
    sha = Digest()
    for part in parts:
        sha.add(part)
    return sha.hexdigest()


def _memory() -> Path:
    return cache_folder() / "md5.json"


def _recall() -> dict[str, str]:
    try:
        known: Any = json.loads(_memory().read_text())
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in known.items() if isinstance(v, str)} if isinstance(known, dict) else {}


def _remember(known: dict[str, str]) -> None:
    path = _memory()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:
            json.dump(known, file, indent=1)
        os.replace(file.name, path)
