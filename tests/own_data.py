"""Small data sets as a host might put them into a folder: three classes, told by a bright row."""

import gzip
import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from core.data import Split
from core.data.files import write_idx

CLASSES = ("circle", "square", "stripes")


def drawn(n: int, shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright row, whose place tells the class; in colours the class is told by the colour too."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % len(CLASSES)).astype(np.uint8)
    images = rng.integers(0, 90, (n, *shape), np.uint8)
    for i, label in enumerate(labels):
        images[i, 4 + 8 * label] = 255
    return images, labels


def stripes(n: int, seed: int) -> Split:
    """Noise of ten classes, with a bright stripe whose row tells the class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10).astype(np.uint8)
    images = rng.integers(0, 100, (n, 28, 28), np.uint8)
    images[np.arange(n), 2 * labels + 4] = 255
    return Split(images, labels)


def put_stripes(folder: Path, train: int, test: int) -> Path:
    """Ten classes of 28 x 28, so that a network has the size that it has on Fashion-MNIST."""
    folder.mkdir(parents=True)
    for part, split in (("train", stripes(train, 0)), ("t10k", stripes(test, 1))):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", split.images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", split.labels)
    return folder


def put_idx(folder: Path, shape: tuple[int, ...] = (28, 28), *, packed: bool = True, names: bool = True) -> Path:
    folder.mkdir(parents=True)
    for part, n in (("train", 600), ("t10k", 90)):
        images, labels = drawn(n, shape, seed=n)
        for what, values in (("images", images), ("labels", labels)):
            path = folder / f"{part}-{what}-idx{values.ndim}-ubyte.gz"
            write_idx(path, values)
            if not packed:
                path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
                path.unlink()
    if names:
        (folder / "classes.txt").write_text("\n".join(CLASSES))
    return folder


def put_pictures(folder: Path, shape: tuple[int, ...] = (32, 32, 3), *, parted: bool = True, n: int = 600) -> Path:
    for part, images in (("train", n), ("test", 90)) if parted else (("", n),):
        for name in CLASSES:
            (folder / part / name).mkdir(parents=True, exist_ok=True)
        for i, (name, content) in enumerate(encoded(images, shape)):
            (folder / part / name / f"{i:04}.png").write_bytes(content)
    return folder


@cache
def encoded(n: int, shape: tuple[int, ...]) -> list[tuple[str, bytes]]:
    """Class and PNG file of each picture."""
    pictures = []
    for pixels, label in zip(*drawn(n, shape, seed=n), strict=True):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        pictures.append((CLASSES[label], file.getvalue()))
    return pictures
