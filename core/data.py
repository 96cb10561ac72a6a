"""Where Fashion-MNIST is, whether it is the real one, and its splits as arrays.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017.
"""

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from core.config import DataConfig
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
"""The four files and the MD5 of what each holds once unpacked. The packed files differ from source to source, in
gzip's header only: Debian's carry neither name nor time, the authors' (whose packed MD5s torchvision checks) both."""

MNIST = {
    TRAIN_IMAGES: "6bbc9ace898e44ae57da46a324031adb",
    TRAIN_LABELS: "a25bea736e30d166cdddb491f175f624",
    TEST_IMAGES: "2646ac647ad5339dbf082846283269ea",
    TEST_LABELS: "27ae3e4e09519cfbb04c329615203637",
}
"""The same of MNIST, whose files have the same names and sizes, so that a mix-up can be named."""

VARIABLE = "PRUNELAB_DATA"
"""The environment variable that names a folder with the four files."""

PACKAGE = "dataset-fashion-mnist"
PACKAGE_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Debian's package and where it puts the files."""

HOW_TO_GET = f"install the Debian package {PACKAGE}, run `make data`, or name a folder with the files in {VARIABLE}"
"""What to do, as the end of a sentence."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images (n, 28, 28) uint8 with their labels (n,) uint8, 0 to 9."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """The 60,000 training images and the 10,000 test images."""

    train: Split
    test: Split


def cache_folder() -> Path:
    """The user's cache folder for PruneLab, which need not exist yet."""
    return platformdirs.user_cache_path("prunelab", appauthor=False)


def download_folder() -> Path:
    """Where downloaded files go, inside the user's cache folder."""
    return cache_folder() / "fashion-mnist"


def locate(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds the four files, each with the right content.

    Looks in the folder that `PRUNELAB_DATA` names (and then nowhere else), in the Debian package's and in the user's
    cache.

    Raises:
        DataError: one sentence: which file is missing, damaged or not Fashion-MNIST's, and what to do about it.
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
    """The same folder, if each of the four files has the right content.

    Raises:
        DataError: a file is missing, unreadable, cut short, or has another content.
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
    return f"replace it by the original, or {HOW_TO_GET}"


def md5s(folder: Path) -> dict[str, str]:
    """The MD5 of the unpacked content of each of the four files, computed once per file state.

    A state is a path, size, modification time and inode. What was computed is remembered in the user's cache folder,
    and in this process where that folder cannot be written.

    Raises:
        DataError: a file is missing, unreadable or cut short.
    """
    paths = {name: folder.absolute() / name for name in FILES}
    states = {name: _state(path) for name, path in paths.items()}
    known = _recall()
    found = {name: known.get(state) or _md5(paths[name], state) for name, state in states.items()}
    fresh = {states[name]: md5 for name, md5 in found.items() if states[name] not in known}
    if fresh:
        _remember(known | fresh)
    return found


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; {HOW_TO_GET}.") from None
    except OSError as error:
        raise _unreadable(path, error) from error
    return f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ino}"


@lru_cache(maxsize=32)
def _md5(path: Path, state: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with gzip.open(path) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (EOFError, zlib.error, OSError) as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, EOFError):
        return DataError(f"{path} is cut short; {_replace()}.")
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return DataError(f"{path} is damaged or not a gzip file; {_replace()}.")
    reason = error.strerror if isinstance(error, OSError) else error
    return DataError(f"{path} cannot be read ({reason}); make it readable, or {HOW_TO_GET}.")


def _memory() -> Path:
    return cache_folder() / "md5.json"


def _recall() -> dict[str, str]:
    try:
        known: Any = json.loads(_memory().read_text())
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in known.items() if isinstance(v, str)} if isinstance(known, dict) else {}


def _remember(known: dict[str, str]) -> None:
    path = _memory()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:
            json.dump(known, file, indent=1)
        os.replace(file.name, path)


def load(folder: Path) -> Dataset:
    """Reads the data set from a folder that holds the four files.

    Raises:
        DataError: as `check`, or a file is not of the form it should have.
    """
    check(folder)
    return Dataset(
        train=_read(folder / TRAIN_IMAGES, folder / TRAIN_LABELS, 60_000),
        test=_test(folder),
    )


def load_test(folder: Path) -> Split:
    """The test images alone; raises as `load` does."""
    check(folder)
    return _test(folder)


def _test(folder: Path) -> Split:
    return _read(folder / TEST_IMAGES, folder / TEST_LABELS, 10_000)


def _read(images: Path, labels: Path, n: int) -> Split:
    split = Split(read_idx(images, (n, 28, 28)), read_idx(labels, (n,)))
    if split.labels.max() >= len(CLASSES):
        raise DataError(f"{labels} holds the label {split.labels.max()}; labels run from 0 to {len(CLASSES) - 1}.")
    return split


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """One gzipped IDX file of unsigned bytes as a uint8 array of exactly this shape.

    IDX: two zero bytes, 0x08 for unsigned bytes, the number of dimensions, each dimension as a big-endian 32-bit
    number, then the entries, the last dimension running fastest.

    Raises:
        DataError: the file cannot be read, or is of another type, shape or length.
    """
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, zlib.error, OSError) as error:
        raise _unreadable(path, error) from error
    if not content.startswith(header) or len(content) != len(header) + int(np.prod(shape)):
        raise DataError(f"{path} is not an IDX file of {' x '.join(map(str, shape))} bytes; {_replace()}.")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy()


def split(train: Split, config: DataConfig) -> tuple[Split, Split]:
    """The training images without, and with only, the validation images: disjoint, together all of them.

    Each class gives the same share of its images, chosen at random by the seed; where the shares are not whole
    numbers, the classes with the largest remainders give one more. Both parts keep the order of the files.

    Raises:
        DataError: there are not more training images than are to be held out.
    """
    if config.validation >= len(train):
        raise DataError(f"{config.validation} of {len(train)} training images cannot be held out; choose fewer.")
    random = np.random.Generator(np.random.PCG64(config.split_seed))
    held_out = np.zeros(len(train), dtype=bool)
    for label, take in enumerate(_shares(np.bincount(train.labels), config.validation)):
        held_out[random.permutation(np.flatnonzero(train.labels == label))[:take]] = True
    return _where(train, ~held_out), _where(train, held_out)


def _shares(counts: np.ndarray, total: int) -> np.ndarray:
    """`total` shared out in proportion to the counts (c,) int64, by largest remainder."""
    whole, remainder = np.divmod(counts * total, counts.sum())
    order = np.argsort(-remainder, kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole


def _where(part: Split, mask: np.ndarray) -> Split:
    return Split(part.images[mask], part.labels[mask])
