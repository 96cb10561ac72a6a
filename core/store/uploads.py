"""Files that visitors upload, known by the SHA-256 of their content, until they are forgotten."""

import hashlib
from pathlib import Path

from core.errors import StoreError
from core.store.kept import Kept

FOLDER = "uploads"
ROOM = 2_000_000_000
"""Bytes that uploads may take; the oldest go first."""


def put(store: Kept, content: bytes) -> str:
    """Keep a file, and return its name: SHA-256 in hexadecimal digits. Raises StoreError if it cannot be written."""
    name = hashlib.sha256(content).hexdigest()
    store.keep(f"{FOLDER}/{name}", content)
    store.trim(FOLDER, ROOM)
    return name


def expire(store: Kept, before: float) -> None:
    """Forget what was uploaded before a time, in seconds since 1970; raises StoreError."""
    for name in store.held(FOLDER, before):
        store.drop(name)


def path(store: Kept, name: str) -> Path:
    """Where an upload lies on this machine.

    Raises:
        StoreError: it is not kept, or no longer.
    """
    found = store.found(f"{FOLDER}/{name}")
    if found is None:
        raise StoreError("This file is no longer kept; upload it again.")
    return found


def drop(store: Kept, name: str) -> None:
    """Forget an upload and what was found out about it; raises StoreError if it cannot be removed."""
    for file in store.held(FOLDER):
        if file.removeprefix(f"{FOLDER}/").partition(".")[0] == name:
            store.drop(file)
