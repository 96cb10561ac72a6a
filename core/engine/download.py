"""Fetch data sets with torchvision: `python -m core.engine.download`, which `make data` calls.

Fashion-MNIST alone, or the others of `OTHERS` that are named: `make data NAMES="mnist kmnist cifar-10"`.

Here and not in `core.data`, because torchvision imports torch.
"""

import http.client
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10, KMNIST, MNIST, FashionMNIST
from torchvision.datasets.utils import download_url

from core.data import folders
from core.data.fashion import FILES, PACKAGE, VARIABLE, check, download_folder, locate
from core.data.files import write_idx
from core.errors import DataError, PruneLabError

_FAILURES = (OSError, RuntimeError, http.client.HTTPException)
"""Errors of `download_url`: no connection, a wrong MD5 or too many redirects, an answer that is not HTTP."""


def download(
    folder: Path | None = None, *, patience: float = 15.0, on_file: Callable[[str], None] = lambda name: None
) -> Path:
    """Download the four files, all or none, to a folder (by default in the user's cache), and return it.

    torchvision draws a progress bar per file on stderr and checks the packed MD5s; the content is checked again here.

    Args:
        folder: where to put the files.
        patience: seconds to wait for an answer of the server.
        on_file: called with the name of each file before it is fetched.

    Raises:
        DataError: the server cannot be reached or sends something else, or the folder cannot be written.
    """
    target = folder or download_folder()
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".download-") as temporary, _timeout(patience):
            _fetch(Path(temporary), on_file)
            for name in FILES:
                os.replace(Path(temporary) / name, target / name)
    except OSError as error:
        raise DataError(
            f"Fashion-MNIST cannot be written to {target} ({error.strerror}); free space there or make it writable."
        ) from error
    return check(target)


OTHERS = {"mnist": MNIST, "kmnist": KMNIST, "cifar-10": CIFAR10}
"""Data sets that torchvision fetches, checks and unpacks, by the names of their folders."""


def download_other(name: str, root: Path | None = None, *, patience: float = 15.0) -> Path:
    """Download a data set to the host's own, as IDX files, all or none, and return its folder.

    Raises:
        DataError: the server cannot be reached or sends something else, or the folder cannot be written.
    """
    target = (root or folders.root()) / name
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as temporary, _timeout(patience):
            ready = Path(temporary) / name
            ready.mkdir()
            _convert(name, Path(temporary), ready)
            os.replace(ready, target)
    except _FAILURES as error:
        raise DataError(
            f"{name} cannot be downloaded to {target} ({error}); try again, or put its IDX files there."
        ) from error
    return target


def _convert(name: str, temporary: Path, folder: Path) -> None:
    for part, is_train in (("train", True), ("t10k", False)):
        dataset = OTHERS[name](temporary, train=is_train, download=True)
        images = np.asarray(dataset.data)
        write_idx(folder / f"{part}-images-idx{images.ndim}-ubyte.gz", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.asarray(dataset.targets))
    (folder / "classes.txt").write_text("\n".join(map(str, dataset.classes)) + "\n", "utf-8")


def _fetch(folder: Path, on_file: Callable[[str], None]) -> None:
    for name, md5 in FashionMNIST.resources:
        on_file(name)
        try:
            download_url(FashionMNIST.mirrors[0] + name, folder, name, md5)
        except _FAILURES as error:
            raise DataError(
                f"Fashion-MNIST cannot be downloaded ({error}); try again with `make data`, install the Debian package "
                f"{PACKAGE}, or name a folder with its four files in {VARIABLE}."
            ) from error


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def main(names: Sequence[str] = ()) -> int:
    """Download the data sets that are missing and print where each is; return 1 if one is not available."""
    if unknown := set(names) - OTHERS.keys():
        print(f"There is no data set {', '.join(sorted(unknown))}; choose from {', '.join(OTHERS)}.", file=sys.stderr)
        return 1
    try:
        for name in names:
            print(f"{name} is in {download_other(name)}")
        if not names:
            print("Fashion-MNIST is in", _find())
    except PruneLabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _find() -> Path:
    try:
        return locate()
    except DataError:
        if os.environ.get(VARIABLE):
            raise
        return download(on_file=lambda name: print("Downloading", name, flush=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
