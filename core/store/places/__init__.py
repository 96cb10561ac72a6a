"""Where runs are kept: a folder, or any place that fsspec can open."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import platformdirs
from fsspec import available_protocols

from core.errors import StoreError
from core.store.places.bucket import Bucket
from core.store.places.folder import Folder
from core.store.places.place import MANIFEST, VARIABLE, Held, Place

__all__ = ["MANIFEST", "VARIABLE", "Bucket", "Folder", "Held", "Place", "default", "opened"]


def default(environ: Mapping[str, str] = os.environ) -> Path | str:
    """The folder or URL that `PRUNELAB_RUNS` names, or `runs` in the user's data folder."""
    named = environ.get(VARIABLE, "").strip()
    return named or platformdirs.user_data_path("prunelab", appauthor=False) / "runs"


def opened(where: Path | str) -> Place:
    """The place of that name. In one process, a URL is one place with one listing.

    Raises:
        StoreError: it is not a place, fsspec does not know such a URL, or the package for it is missing.
    """
    if isinstance(where, str) and "://" in where:
        scheme, _, path = where.partition("://")
        return _folder(where, path.removeprefix("localhost")) if scheme in ("file", "local") else _bucket(where)
    if isinstance(where, str) and ":" in where and where.partition(":")[0] in available_protocols():
        raise StoreError(
            f"{VARIABLE} names {where}; if that is a URL, write // after the colon, if a folder, ./ first."
        )
    try:
        return Folder(Path(where).expanduser())
    except RuntimeError as error:  # ~ and a name that is no user's
        raise StoreError(f"{VARIABLE} names {where}, whose home folder is not known; write the whole path.") from error


def _folder(url: str, path: str) -> Folder:
    if not path.startswith("/"):
        raise StoreError(f"{VARIABLE} names {url}, which is not a folder; write file:///… or the folder's path.")
    return Folder(Path(path))


@lru_cache(maxsize=8)
def _bucket(url: str) -> Bucket:
    return Bucket(url)
