"""Where runs are kept: a folder, or any place that fsspec can open."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import platformdirs

from core.places.bucket import Bucket
from core.places.folder import Folder
from core.places.place import MANIFEST, VARIABLE, Held, Place

__all__ = ["MANIFEST", "VARIABLE", "Bucket", "Folder", "Held", "Place", "default", "opened"]


def default(environ: Mapping[str, str] = os.environ) -> Path | str:
    """What `PRUNELAB_RUNS` names, a folder or a URL; else `runs` in the user's data folder."""
    named = environ.get(VARIABLE, "").strip()
    return named or platformdirs.user_data_path("prunelab", appauthor=False) / "runs"


def opened(where: Path | str) -> Place:
    """The place of that name. In one process, a URL is one place with one listing.

    Raises:
        StoreError: fsspec does not know such a URL, or lacks the package for it.
    """
    text = str(where)
    for scheme in ("file://", "local://"):
        if text.startswith(scheme):
            return Folder(Path(text.removeprefix(scheme)))
    return _bucket(text) if isinstance(where, str) and "://" in text else Folder(Path(where).expanduser())


@lru_cache(maxsize=8)
def _bucket(url: str) -> Bucket:
    return Bucket(url)
