"""Single files of a store, by name, written whole or not at all."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError

from core.errors import StoreError
from core.store import arrays as of_arrays
from core.store.places import Place


class Kept:
    """Files in a place. A file that is damaged, or cannot be read at the moment, counts as missing."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def keep(self, name: str, content: bytes) -> None:
        """Write one file, whole or not at all, replacing an existing one.

        Raises:
            StoreError: the place cannot be written, or the disk is full; nothing is left behind.
        """
        self._place.write(name, content)

    def kept(self, name: str) -> bytes | None:
        """The content that `keep` wrote; None if there is none, or it cannot be read at the moment."""
        try:
            path = self._place.find(name)
            return path.read_bytes() if path else None
        except (StoreError, OSError):
            return None

    def found(self, name: str) -> Path | None:
        """The path of a file that `keep` wrote, with its current content; None if there is none, or it is unknown."""
        try:
            return self._place.find(name)
        except StoreError:
            return None

    def state(self, name: str) -> tuple[int, ...] | None:
        """Values that change when another file takes its place; None if there is none, or it is unknown now."""
        try:
            path = self._place.find(name)
            return of_arrays.state(path) if path else None
        except StoreError:
            return None

    def drop(self, name: str) -> None:
        """Remove a file that `keep` wrote, if it exists; raises as `keep` does."""
        self._place.remove(name)

    def held(self, folder: str, before: float = math.inf) -> list[str]:
        """The names of the files that `keep` wrote into a folder, before a time in seconds since 1970."""
        return [file.name for file in self._place.held(folder) if file.time < before]

    def trim(self, folder: str, room: int) -> None:
        """Remove the oldest files that `keep` wrote into a folder until the others fit; raises as `keep` does."""
        left = room
        for file in sorted(self._place.held(folder), key=lambda file: -file.time):
            left -= file.size
            if left < 0:
                self._place.remove(file.name)

    def keep_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write arrays with their digest and order, as `keep` does."""
        self.keep(name, of_arrays.pack(arrays, order=json.dumps([*arrays])))

    def kept_arrays(self, name: str) -> dict[str, NDArray[Any]] | None:
        """The arrays that `keep_arrays` wrote; None if they are missing or damaged: to be computed again."""
        try:
            path = self._place.find(name)
            arrays, metadata = of_arrays.unpack(path) if path else ({}, {})
            return {key: arrays[key] for key in json.loads(metadata["order"])}
        except (StoreError, KeyError, ValueError):
            return None

    def kept_digest(self, name: str) -> str | None:
        """The digest of the arrays that `keep_arrays` wrote, without reading them; None if missing or damaged."""
        try:
            path = self._place.find(name)
            return of_arrays.named_digest(path, of_arrays.state(path)) if path else None
        except (StoreError, SafetensorError, OSError):
            return None
