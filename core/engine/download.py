"""Fetches Fashion-MNIST with torchvision: `python -m core.engine.download`, which `make data` calls.

Here and not in `core.data`, because torchvision imports torch.
"""

import http.client
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torchvision.datasets import FashionMNIST
from torchvision.datasets.utils import download_url

from core.data import FILES, PACKAGE, VARIABLE, check, download_folder, locate
from core.errors import DataError, PruneLabError

_FAILURES = (OSError, RuntimeError, http.client.HTTPException)
"""What `download_url` raises: no connection, a wrong MD5 or too many redirects, an answer that is not HTTP."""


def download(
    folder: Path | None = None, *, patience: float = 15.0, on_file: Callable[[str], None] = lambda name: None
) -> Path:
    """The folder (by default the user's cache) after the four files were put there, whole or not at all.

    torchvision draws a progress bar per file on stderr and checks the packed MD5s; the content is checked again here.

    Args:
        folder: where to put the files.
        patience: seconds to wait for the server to say something.
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


def main() -> int:
    """Says where the data set is, after downloading it where it is nowhere yet; 1 where it cannot be had."""
    try:
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
    sys.exit(main())
