"""Files of a data set: what they hold, read or digested once per file state, and what to say of a bad one."""

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from core.errors import DataError


def cache_folder() -> Path:
    """The user's cache folder for PruneLab, which need not exist yet."""
    return platformdirs.user_cache_path("prunelab", appauthor=False)


def md5s(paths: Mapping[str, Path], remedy: str) -> dict[str, str]:
    """The MD5 of the unpacked content of each file, computed once per file state, by the names given.

    A state is a path, size, modification time and inode. What was computed is remembered in the user's cache folder,
    and in this process where that folder cannot be written. `remedy` is what to do about a bad file, as the end of a
    sentence.

    Raises:
        DataError: a file is missing, unreadable or cut short.
    """
    states = {name: state(path, remedy) for name, path in paths.items()}
    return once(states, {name: partial(_md5, paths[name], states[name], remedy) for name in paths})


def once(states: Mapping[str, str], compute: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """What `compute` gives for each name, or what is remembered of its state."""
    known = _recall()
    found = {name: known.get(state) or compute[name]() for name, state in states.items()}
    fresh = {states[name]: value for name, value in found.items() if states[name] not in known}
    if fresh:
        _remember(known | fresh)
    return found


def state(path: Path, remedy: str) -> str:
    """What changes when a file does.

    Raises:
        DataError: it is missing or cannot be looked at.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; {remedy}.") from None
    except OSError as error:
        raise _unreadable(path, error, remedy) from error
    return f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ino}"


@lru_cache(maxsize=32)
def _md5(path: Path, state: str, remedy: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with _opened(path) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (EOFError, zlib.error, OSError) as error:
        raise _unreadable(path, error, remedy) from error
    return digest.hexdigest()


def _opened(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


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
        raise _unreadable(path, error, remedy) from error
    shape = _shape(content[:260])
    if shape is None or len(content) != 4 + 4 * len(shape) + prod(shape):
        raise DataError(f"{path} is not a whole IDX file of bytes; replace it by the original, or {remedy}.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape).copy()


def idx_shape(path: Path, remedy: str) -> tuple[int, ...]:
    """The shape that an IDX file's header gives; raises as `read_idx` does."""
    try:
        with _opened(path) as file:
            shape = _shape(file.read(260))
    except (EOFError, zlib.error, OSError) as error:
        raise _unreadable(path, error, remedy) from error
    if shape is None:
        raise DataError(f"{path} is not an IDX file of bytes; replace it by the original, or {remedy}.")
    return shape


def _shape(header: bytes) -> tuple[int, ...] | None:
    """None where it is no header."""
    if len(header) < 4 or header[:3] != b"\0\0\x08" or len(header) < 4 + 4 * header[3]:
        return None
    return tuple(int(side) for side in np.frombuffer(header, ">u4", header[3], 4))


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write a uint8 array as a gzipped IDX file, without name and time in gzip's header."""
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes(), 6, mtime=0))


def _unreadable(path: Path, error: Exception, remedy: str) -> DataError:
    replace = f"replace it by the original, or {remedy}"
    if isinstance(error, EOFError):
        return DataError(f"{path} is cut short; {replace}.")
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return DataError(f"{path} is damaged or not a gzip file; {replace}.")
    reason = error.strerror if isinstance(error, OSError) else error
    return DataError(f"{path} cannot be read ({reason}); make it readable, or {remedy}.")


def digest(parts: Sequence[bytes]) -> str:
    """SHA-256 over parts, each with its length, in hexadecimal digits."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


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
