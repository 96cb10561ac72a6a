"""Arrays in files (safetensors), each file with a digest of its content. Nothing is pickled."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as encode

from core.errors import StoreError


class DamageError(StoreError):
    """The content of a file is wrong, as opposed to a file that cannot be opened at the moment."""


class OtherWeightsError(DamageError):
    """A file holds a result that was computed from other weights than the run has."""


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names, types, shapes and content, in order of name. That of its weights identifies a network."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        sha.update(f"{name}:{value.dtype.str}:{value.shape};".encode())
        sha.update(value.tobytes())
    return sha.hexdigest()


def pack(arrays: Mapping[str, NDArray[Any]], **metadata: str) -> bytes:
    """Arrays and metadata as the content of a file, with their digest."""
    contiguous = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    return encode(contiguous, {"digest": digest(contiguous), **metadata})


def unpack(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Arrays and metadata of a file, checked against its digest.

    Raises:
        DamageError: the file does not match its digest.
        StoreError: it cannot be read at the moment.
    """
    try:
        with safe_open(path, framework="np") as file:
            arrays, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamageError(f"{path.name} is not a complete safetensors file ({error}).") from error
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read ({error.strerror or error}); try again.") from error
    if metadata.get("digest") != digest(arrays):
        raise DamageError(f"{path.name} does not contain what was stored in it.")
    return arrays, metadata


def state(path: Path) -> tuple[int, ...]:
    """Values that change when another file takes its place; raises StoreError if the status cannot be read."""
    try:
        stat = path.stat()
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read ({error.strerror}).") from error
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


@lru_cache(maxsize=512)
def named_digest(path: Path, state: tuple[int, ...]) -> str | None:
    """The digest that a file in this `state` names, without reading its arrays; None if it names none.

    Raises:
        SafetensorError, OSError: it cannot be read at the moment, or is damaged.
    """
    with safe_open(path, framework="np") as file:
        stored: str | None = (file.metadata() or {}).get("digest")
        return stored


def freeze(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Make arrays read-only: readers of a file that has not changed share them."""
    for value in arrays.values():
        value.flags.writeable = False


def check(arrays: Mapping[str, NDArray[Any]], expected: Mapping[str, tuple[type, tuple[int, ...]]], name: str) -> None:
    """Raises DamageError unless the arrays of the file `name` have these types and shapes."""
    actual = {key: (value.dtype.type, value.shape) for key, value in arrays.items()}
    if actual != dict(expected):
        wrong = sorted(key for key in actual.keys() | expected.keys() if actual.get(key) != expected.get(key))
        raise DamageError(f"{name} does not hold the arrays that run.json lists: {', '.join(wrong)}.")


def confirmed(of: str | None, present: str | None) -> str:
    """The digest stored with a result: of the weights it was computed from, by default the present ones.

    Raises:
        StoreError: the network has other weights by now, so this result is obsolete.
    """
    if of and present and of != present:
        raise StoreError(
            "The network was trained again while this was computed from its old weights; ask for it again."
        )
    return of or present or ""
