"""Small data sets as a host might put them into a folder: three classes, told by a bright row."""

import gzip
from pathlib import Path

import numpy as np
from PIL import Image

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
        pixels, labels = drawn(images, shape, seed=images)
        for i, label in enumerate(labels):
            path = folder / part / CLASSES[label] / f"{i:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[i]).save(path)
    return folder
