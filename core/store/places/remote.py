"""A remote place: its URL, opened by fsspec and shown without passwords, and the objects that it lists."""

import hashlib
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from core.errors import StoreError
from core.store.places.place import VARIABLE

_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": 5, "read_timeout": 10, "retries": {"total_max_attempts": 1}}}
}
"""Options of a backend, by scheme. By default s3fs tries five times and waits minutes each time."""


@dataclass(frozen=True)
class Object:
    """An object in a listing; `version` changes with its content."""

    size: int
    time: float
    version: str

    @classmethod
    def listed(cls, info: Mapping[str, Any]) -> "Object":
        """From fsspec's description, whose keys depend on the backend."""
        when = next((info[key] for key in ("LastModified", "mtime", "last_modified", "created") if info.get(key)), 0.0)
        seconds = when.timestamp() if isinstance(when, datetime) else float(when)
        state = f"{info.get('ETag') or seconds} {info['size']}"
        return cls(info["size"], seconds, hashlib.sha256(state.encode()).hexdigest()[:12])


def file_system(url: str, shown: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a URL, and the base path in it.

    Raises:
        StoreError: the URL names no place, or the package for its scheme is missing.
    """
    scheme, _, rest = url.partition("://")
    if not scheme or not rest.strip("/") or "?versionId=" in rest:
        raise StoreError(
            f"{VARIABLE} names {shown}, which is not a place; add a bucket and a folder, or name a folder."
        )
    try:
        opened: tuple[AbstractFileSystem, str] = url_to_fs(url, **_OPTIONS.get(scheme, {}))
    except Exception as error:  # each backend has its own
        what = f"{VARIABLE} names {shown}, which cannot be opened ({in_a_line(error) or type(error).__name__})"
        raise StoreError(f"{what}; name a folder, or install the package that fsspec needs for it.") from error
    return opened[0], opened[1].rstrip("/")


def in_a_line(error: Exception) -> str:
    """The message of an error, shortened."""
    return textwrap.shorten(str(error), 300, placeholder=" …").rstrip(".")


def without_secrets(url: str) -> str:
    """A URL that may be shown: without user and password, and without anything after `?` or `#`."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
