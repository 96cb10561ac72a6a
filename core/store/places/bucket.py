"""Objects below an fsspec URL, such as s3://bucket/runs, with local copies of the objects that were requested.

    <url>/<run>/<digits>/...        a run's files, below the digits of their writer
    <url>/<run>/run.json            written after them and only if there is none; names the digits
    <url>/<folder>/<file>           anything else

A copy's folder is named after the object's version, so an existing copy is up to date. One listing of all names shows
what exists; it is renewed after a second, and at once for a name that it lacks. Nobody waits long for it: a place that
does not answer in time counts as unreachable.
"""

import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import platformdirs

from core.errors import StoreError
from core.store.places.place import MANIFEST, NO_REASON, REASON, SET_ASIDE, Held
from core.store.places.remote import Object, file_system, in_a_line, without_secrets
from core.store.places.waiting import answer_within, beside

T = TypeVar("T")

_FRESH, _MISSING = 1.0, 0.2
"""Seconds for which a listing is valid: for names that it shows, and for names that it lacks."""

_LISTING, _TRANSFER = 5.0, 120.0  # seconds that a listing may take, and that one file may
_PATIENCE = 10.0  # seconds for which a place that cannot be reached is not tried again
_CHECKED = 30.0  # seconds for which a successful test of writing is valid
_ABANDONED = 3600  # seconds after which files without a manifest belong to a writer that died
_UNUSED = 600  # seconds after which an outdated copy is removed; somebody may be reading it


class Bucket:
    """A `Place` whose folders appear with their manifest."""

    def __init__(self, url: str, root: Path | None = None) -> None:
        self.where, self._shown = url, without_secrets(url)
        self._files, self._base = file_system(url, self._shown)
        copies = platformdirs.user_cache_path("prunelab", appauthor=False) / "copies"
        self.root = root or copies / hashlib.sha256(os.fsencode(url)).hexdigest()[:12]
        self._lock = threading.Lock()
        self._objects: dict[str, Object] = {}
        self._listed_at = self._tidied_at = self._checked_at = -float("inf")
        self._trouble: StoreError | None = None
        self._stale = False
        self._listing: Future[dict[str, Object]] | None = None

    def published(self) -> list[str]:
        """As `Place` says."""
        return [path.parts[0] for path in map(PurePosixPath, self._listed()) if path.parts[1:] == (MANIFEST,)]

    def find(self, name: str) -> Path | None:
        """As `Place` says; fetched unless there is a local copy."""
        item = self._object(name)
        if item is None:
            return None
        path = PurePosixPath(name)
        copy = self.root / path.parent / item.version / path.name
        return copy if copy.is_file() or self._fetch(name, copy) else None

    def size(self, name: str) -> int | None:
        """As `Place` says."""
        item = self._object(name)
        return item.size if item else None

    def held(self, folder: str) -> list[Held]:
        """As `Place` says."""
        objects = self._listed().items()
        return [Held(name, item.size, item.time) for name, item in objects if _folder(name) == folder]

    def part(self) -> str:
        """A slash and random digits, unique to this writer."""
        return f"/{uuid.uuid4().hex[:8]}"

    def publish(self, folder: str, files: Mapping[str, bytes]) -> None:
        """As `Place` says."""
        *names, manifest = files
        keys = [self._key(f"{folder}/{name}") for name in names]
        with self._writing():
            try:
                for key, name in zip(keys, names, strict=True):
                    self._do(self._files.pipe_file, key, files[name])
            except Exception:
                self._discard(keys)
                raise
            last = self._key(f"{folder}/{manifest}")
            try:
                self._do(self._files.pipe_file, last, files[manifest], mode="create")
            except FileExistsError:
                if self._do(self._files.cat_file, last) != files[manifest]:
                    self._discard(keys)
                    raise  # otherwise this very request succeeded and was repeated because its answer was lost

    def _discard(self, keys: Iterable[str]) -> None:
        for key in keys:
            with suppress(Exception):  # each backend has its own; what stays is tidied up later
                self._do(self._files.rm_file, key)

    def write(self, name: str, content: bytes) -> None:
        """As `Place` says."""
        with self._writing():
            self._do(self._files.pipe_file, self._key(name), content)

    def remove(self, name: str) -> None:
        """As `Place` says."""
        with self._writing(), suppress(FileNotFoundError):
            self._do(self._files.rm_file, self._key(name))

    def remove_all(self, folder: str) -> None:
        """As `Place` says."""
        self.remove(f"{folder}/{MANIFEST}")
        for name in self._below(folder):
            self.remove(name)

    def set_aside(self, name: str, label: str, reason: str) -> None:
        """As `Place` says."""
        aside, names = f"{SET_ASIDE}/{label}-{uuid.uuid4().hex[:8]}", self._below(name)
        with self._writing():
            if names:  # the reason first: whoever misses what was moved must find it
                self._do(self._files.pipe_file, self._key(f"{aside}/{REASON}"), reason.encode())
            for moved in sorted(names, key=lambda each: not each.endswith(f"/{MANIFEST}")):
                with suppress(FileNotFoundError):  # another server was first
                    self._do(self._files.cp_file, self._key(moved), self._key(f"{aside}/{moved}"))
                    self._do(self._files.rm_file, self._key(moved))

    def aside(self) -> list[tuple[str, str]]:
        """As `Place` says."""
        reasons = []
        for name in self._listed():
            path = PurePosixPath(name)
            if path.parts[0] == SET_ASIDE and path.name == REASON:
                reasons.append((path.parent.name.rsplit("-", 1)[0], self._reason(name)))
        return reasons

    def check(self) -> None:
        """As `Place` says; tested again every half minute."""
        if self._trouble and time.monotonic() < self._listed_at:
            raise self._trouble
        if time.monotonic() - self._checked_at > _CHECKED:
            probe = f".probe-{uuid.uuid4().hex[:8]}"
            self.write(probe, b"")
            self.remove(probe)
            self._checked_at = time.monotonic()

    def refresh(self) -> None:
        """List again at the next query."""
        self._stale = True

    @staticmethod
    def _do(call: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a backend function on one file.

        Only functions whose names end in `_file` are used, which take a path literally: the others (`mv`, `rm`,
        `get`) take a path with `*`, `?` or `[` as a pattern, which may match a neighbour's files.
        """
        return answer_within(beside(partial(call, *args, **options)), _TRANSFER)

    def _key(self, name: str) -> str:
        return f"{self._base}/{name}"

    def _object(self, name: str) -> Object | None:
        item = self._listed().get(name) or self._listed(_MISSING).get(name)
        if item is None and self._trouble:
            raise self._trouble
        return item

    def _below(self, name: str) -> list[str]:
        """All present names that equal this one or are in this folder."""
        return [each for each in self._listed(0) if each == name or each.startswith(f"{name}/")]

    def _listed(self, age: float = _FRESH) -> Mapping[str, Object]:
        """All objects by name, at most so many seconds old, or from when the place could last be reached."""
        with self._lock:
            if time.monotonic() - self._listed_at > age or (self._stale and not self._trouble):
                self._stale = False
                try:
                    with self._reaching():
                        self._objects = self._listed_now()
                    self._trouble, self._listed_at = None, time.monotonic()
                except StoreError as error:
                    self._trouble, self._listed_at = error, time.monotonic() + _PATIENCE
                else:
                    self._tidy_sometimes()
            return self._objects

    def _listed_now(self) -> dict[str, Object]:
        """The result of a new listing; raises TimeoutError if it, or the previous one, takes too long."""
        if self._listing is not None and not self._listing.done():
            raise TimeoutError
        self._listing = beside(self._list)
        return answer_within(self._listing, _LISTING)

    def _list(self) -> dict[str, Object]:
        self._files.invalidate_cache()
        try:
            infos = self._files.find(self._base, detail=True)
        except FileNotFoundError:
            return {}
        start = f"{self._base}/"
        return {key.removeprefix(start): Object.listed(info) for key, info in infos.items() if key.startswith(start)}

    def _fetch(self, name: str, copy: Path) -> bool:
        """Copy an object to this machine, whole or not at all; False if it is gone."""
        temporary = self.root / f".tmp-{uuid.uuid4().hex[:8]}"
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            with self._reaching():
                self._do(self._files.get_file, self._key(name), str(temporary))
            temporary.replace(copy)
        except FileNotFoundError:
            self.refresh()
            return False
        except OSError as error:
            raise StoreError(
                f"{self.root} cannot hold a copy of {name} ({error.strerror}); free some space."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def _reason(self, name: str) -> str:
        try:
            path = self.find(name)
            return path.read_text("utf-8") if path else NO_REASON
        except (StoreError, OSError, UnicodeDecodeError):
            return NO_REASON

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn a backend's own exceptions into a sentence."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            what = f"The run store {self._shown} cannot be reached ({type(error).__name__})"
            raise StoreError(f"{what}; try again in a while.") from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise
        except Exception as error:  # each backend has its own
            what = f"The run store {self._shown} cannot be written ({type(error).__name__}: {in_a_line(error)})"
            raise StoreError(f"{what}; check that it exists and is writable, then try again.") from error
        finally:
            self.refresh()

    def _tidy_sometimes(self) -> None:
        if time.monotonic() - self._tidied_at >= _UNUSED:
            self._tidied_at = time.monotonic()
            beside(self._tidy)

    def _tidy(self) -> None:
        """Remove files of writers that died, and outdated copies."""
        objects = self._objects
        runs = {name.split("/")[0] for name in objects if name.endswith(f"/{MANIFEST}")}
        for name, item in objects.items():
            if _is_part(name) and name.split("/")[0] not in runs and time.time() - item.time > _ABANDONED:
                with suppress(Exception):  # another process may do the same; a later attempt is enough
                    self._do(self._files.rm_file, self._key(name))
        for folder, _, names in os.walk(self.root):  # goes on where another process has removed a folder
            for copy in (Path(folder, name) for name in names):
                with suppress(OSError):
                    if time.time() - copy.stat().st_mtime > _UNUSED and not self._is_current(copy):
                        copy.unlink()
                        copy.parent.rmdir()

    def _is_current(self, copy: Path) -> bool:
        path = PurePosixPath(copy.relative_to(self.root))
        item = self._objects.get(str(path.parent.parent / path.name))
        return item is not None and item.version == path.parent.name


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent)


def _is_part(name: str) -> bool:
    """Whether it is one of a run's files below a writer's digits."""
    parts = PurePosixPath(name).parts
    return len(parts) > 2 and not parts[0].startswith(".") and len(parts[1]) == 8
