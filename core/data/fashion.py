"""Find Fashion-MNIST, verify its files, and load its splits as arrays.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.data import files
from core.data.files import cache_folder
from core.data.images import Dataset, Split
from core.errors import DataError

CLASSES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
"""The ten classes, in the order of their labels."""

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"

FILES = {
    TRAIN_IMAGES: "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    TRAIN_LABELS: "9018921c3c673c538a1fc5bad174d6f9",
    TEST_IMAGES: "8181f5470baa50b63fa0f6fddb340f0a",
    TEST_LABELS: "15d484375f8d13e6eb1aabb0c3f46965",
}
"""The four files and the MD5 of each one's unpacked content. The packed files differ between sources, in gzip's header
only: Debian's hold neither name nor time, the authors' (whose packed MD5s torchvision checks) hold both."""

MNIST = {
    TRAIN_IMAGES: "6bbc9ace898e44ae57da46a324031adb",
    TRAIN_LABELS: "a25bea736e30d166cdddb491f175f624",
    TEST_IMAGES: "2646ac647ad5339dbf082846283269ea",
    TEST_LABELS: "27ae3e4e09519cfbb04c329615203637",
}
"""The same for MNIST, whose files have the same names and sizes, so that a mix-up can be named."""

VARIABLE = "PRUNELAB_DATA"
"""The environment variable that names a folder with the four files."""

PACKAGE = "dataset-fashion-mnist"
PACKAGE_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Debian's package and where it puts the files."""

HOW_TO_GET = f"install the Debian package {PACKAGE}, run `make data`, or name a folder with the files in {VARIABLE}"
"""What to do, as the end of a sentence."""


def download_folder() -> Path:
    """Where downloaded files go, inside the user's cache folder."""
    return cache_folder() / "fashion-mnist"


def locate(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds the four files, each with the right content.

    Looks in the folder that `PRUNELAB_DATA` names (and then nowhere else), in the Debian package's and in the user's
    cache.

    Raises:
        DataError: one sentence: which file is missing, damaged or not of Fashion-MNIST, and what to do about it.
    """
    if environ.get(VARIABLE):
        return check(_inside(Path(environ[VARIABLE]).expanduser()))
    problems = []
    for folder in (PACKAGE_FOLDER, download_folder()):
        if any((folder / name).exists() for name in FILES):
            try:
                return check(folder)
            except DataError as error:
                problems.append(error)
    raise problems[0] if problems else DataError(f"Fashion-MNIST is not on this machine: {HOW_TO_GET}.")


def _inside(folder: Path) -> Path:
    """The folder itself, or the one below it where torchvision keeps the files."""
    nested = folder / "FashionMNIST" / "raw"
    return nested if nested.is_dir() else folder


def check(folder: Path) -> Path:
    """Check that each of the four files has the right content, and return the folder.

    Raises:
        DataError: a file is missing, unreadable, cut short, or has other content.
    """
    for name, md5 in md5s(folder).items():
        if md5 != FILES[name]:
            raise DataError(f"{folder / name} {_identify(md5)}; {_replace()}.")
    return folder


def _identify(md5: str) -> str:
    if md5 in MNIST.values():
        return "is MNIST (handwritten digits), not Fashion-MNIST"
    for name, content in FILES.items():
        if md5 == content:
            return f"holds what belongs in {name}"
    return f"is not Fashion-MNIST's (the MD5 of its content is {md5})"


def _replace() -> str:
    return f"replace it with the original, or {HOW_TO_GET}"


def md5s(folder: Path) -> dict[str, str]:
    """The MD5 of the unpacked content of each of the four files, computed once per file state.

    Raises:
        DataError: a file is missing, unreadable or cut short.
    """
    return files.md5s({name: folder.absolute() / name for name in FILES}, HOW_TO_GET)


def load(folder: Path) -> Dataset:
    """Load the data set from a folder that holds the four files.

    Raises:
        DataError: as `check`, or a file has an unexpected form.
    """
    check(folder)
    return Dataset(
        train=_read(folder / TRAIN_IMAGES, folder / TRAIN_LABELS, 60_000),
        test=_test(folder),
        classes=CLASSES,
    )


def load_test(folder: Path) -> Split:
    """The test images alone; raises as `load` does."""
    check(folder)
    return _test(folder)


def _test(folder: Path) -> Split:
    return _read(folder / TEST_IMAGES, folder / TEST_LABELS, 10_000)


def _read(images: Path, labels: Path, n: int) -> Split:
    split = Split(_read_idx(images, (n, 28, 28)), _read_idx(labels, (n,)))
    if split.labels.max() >= len(CLASSES):
        raise DataError(f"{labels} holds the label {split.labels.max()}; labels run from 0 to {len(CLASSES) - 1}.")
    return split


def _read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    values = files.read_idx(path, HOW_TO_GET)
    if values.shape != shape:
        raise DataError(f"{path} is not an IDX file of {' x '.join(map(str, shape))} bytes; {_replace()}.")
    return values
