"""A folder on this machine, or one that several machines mount."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from core.errors import StoreError
from core.store.places.place import MANIFEST, NO_REASON, REASON, SET_ASIDE, VARIABLE, Held

_TEMPORARY = ".tmp-"
_ABANDONED = 3600  # seconds after which a temporary file belongs to a writer that died


class Folder:
    """A `Place` whose folders are renamed into place, so they appear at once."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._clean()

    @property
    def where(self) -> Path:
        """The folder."""
        return self.root

    def published(self) -> list[str]:
        """As `Place` says."""
        return [path.name for path in _children(self.root) if (path / MANIFEST).is_file()]

    def find(self, name: str) -> Path | None:
        """As `Place` says; the file itself."""
        path = _below(self.root, name)
        with _reading(name):
            return path if path.is_file() else None

    def size(self, name: str) -> int | None:
        """As `Place` says."""
        with _reading(name), suppress(FileNotFoundError, NotADirectoryError):
            return _below(self.root, name).stat().st_size
        return None

    def held(self, folder: str) -> list[Held]:
        """As `Place` says."""
        files = []
        for path in _children(self.root / folder):
            with suppress(OSError):  # removed meanwhile
                if path.is_file():
                    state = path.stat()
                    files.append(Held(f"{folder}/{path.name}", state.st_size, state.st_mtime))
        return files

    def part(self) -> str:
        """Empty: the folder appears at once."""
        return ""

    def publish(self, folder: str, files: Mapping[str, bytes]) -> None:
        """As `Place` says."""
        with self._writing():
            self.root.mkdir(parents=True, exist_ok=True)
            temporary = self._temporary(folder)
            try:
                for name, content in files.items():
                    (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                    _write(temporary / name, content)
                for path in {(temporary / name).parent for name in files} | {temporary}:
                    _sync(path)
                self._move(temporary, folder)
                _sync(self.root)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)

    def write(self, name: str, content: bytes) -> None:
        """As `Place` says."""
        path = self.root / name
        with self._writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._temporary(path.stem)
            try:
                _write(temporary, content)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync(path.parent)

    def remove(self, name: str) -> None:
        """As `Place` says."""
        with self._writing():
            (self.root / name).unlink(missing_ok=True)

    def remove_all(self, folder: str) -> None:
        """As `Place` says."""
        with self._writing(), suppress(FileNotFoundError):
            doomed = self._temporary(folder)
            (self.root / folder).rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def set_aside(self, name: str, label: str, reason: str) -> None:
        """As `Place` says."""
        path, aside = self.root / name, self.root / SET_ASIDE / f"{label}-{uuid.uuid4().hex[:8]}"
        with self._writing():
            aside.mkdir(parents=True)
            with suppress(OSError):  # the reason first: whoever misses what was moved must find it
                (aside / REASON).write_text(reason, "utf-8")
            try:
                path.rename(aside / path.name)
            except OSError as error:
                shutil.rmtree(aside, ignore_errors=True)
                if not isinstance(error, FileNotFoundError):  # another server was first
                    raise

    def aside(self) -> list[tuple[str, str]]:
        """As `Place` says."""
        items = [path for path in _children(self.root / SET_ASIDE) if any(c.name != REASON for c in _children(path))]
        return [(path.name.rsplit("-", 1)[0], _reason(path)) for path in items]

    def check(self) -> None:
        """As `Place` says."""
        with self._writing():
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self._temporary("probe")
            probe.mkdir()
            probe.rmdir()

    def refresh(self) -> None:
        """Nothing to do: every answer is current."""

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn an error of the operating system into a sentence that says what to do."""
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                what = f"The disk that holds {self.root} is full; free some space or name another folder"
            else:
                reason = error.strerror or str(error)
                what = f"The run store {self.root} cannot be written ({reason}); make it writable or name another"
            raise StoreError(f"{what} in {VARIABLE}, then try again.") from error

    def _move(self, temporary: Path, folder: str) -> None:
        try:
            _rename(temporary, self.root / folder)
        except FileExistsError:
            if (self.root / folder / MANIFEST).is_file():
                raise
            self.set_aside(folder, folder, "Something that is not a run was in its place.")
            _rename(temporary, self.root / folder)

    def _temporary(self, name: str) -> Path:
        return self.root / f"{_TEMPORARY}{name.replace('/', '-')}-{uuid.uuid4().hex[:8]}"

    def _clean(self) -> None:
        """Remove temporary files of writers that died."""
        for path in _children(self.root):
            with suppress(OSError):
                if path.name.startswith(_TEMPORARY) and time.time() - path.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


@lru_cache(maxsize=4096)
def _below(root: Path, name: str) -> Path:
    """A path in the folder, cached: a page asks for the same few files at each event."""
    return root / name


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{Path(name).name} cannot be read ({error.strerror}); try again.") from error


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _reason(folder: Path) -> str:
    try:
        return (folder / REASON).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return NO_REASON


def _rename(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise FileExistsError(folder.name) from error
        raise


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make a rename in a folder durable, if the system can open folders: Windows cannot."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
