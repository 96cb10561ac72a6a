"""Pictures of any size for a network that was brought, and which of them are not reported on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import fashion
from core.data.files import write_idx
from core.data.pool import Pictures, pool
from core.errors import DataError
from tests.graphs import digits, write_pictures


def folder_of(root: Path, counts: dict[str, int], sizes: tuple[tuple[int, int], ...] = ((20, 30),)) -> Path:
    for name, n in counts.items():
        (root / name).mkdir(parents=True)
        for i in range(n):
            Image.new("RGB", sizes[i % len(sizes)], (i % 256, 0, 0)).save(root / name / f"{i:04}.png")
    return root


def test_without_a_training_part_some_are_set_aside_and_never_reported_on(tmp_path: Path) -> None:
    found = pool(str(folder_of(tmp_path, {"cat": 60, "dog": 40})))
    assert (len(found.test), len(found.before), found.aside, found.classes) == (80, 20, 20, ("cat", "dog"))
    assert np.bincount(found.before.labels).tolist() == [12, 8]
    assert np.bincount(found.test.labels).tolist() == [48, 32]

    def keys(part: Pictures) -> set[tuple[int, int]]:
        return {(int(part.labels[i]), int(part.read(i)[0, 0, 0])) for i in range(len(part))}

    assert not keys(found.test) & keys(found.before)
    assert len(keys(found.test) | keys(found.before)) == 100
    again = pool(str(tmp_path))
    assert np.array_equal(again.before.labels, found.before.labels)


def test_a_training_part_is_used_as_such(tmp_path: Path) -> None:
    write_pictures(tmp_path, parts=True)
    found = pool(str(tmp_path))
    assert (len(found.test), len(found.before), found.aside) == (797, 1000, 0)
    first = int(np.flatnonzero(digits()[1][1000:] == 0)[0]) + 1000
    assert np.array_equal(found.test.read(0), digits()[0][first])


def test_pictures_keep_their_own_size_and_colours(tmp_path: Path) -> None:
    found = pool(str(folder_of(tmp_path, {"a": 12, "b": 12}, ((20, 30), (700, 500)))))
    assert {found.test.read(i).shape for i in range(len(found.test))} == {(30, 20, 3), (500, 700, 3)}


def test_the_shape_is_known_without_decoding(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        for i in range(15):
            turned = Image.new("RGB", (40, 20), "red")
            exif = turned.getexif()
            exif[0x0112] = 6 if i % 3 else 1
            turned.save(folder / f"{i}.jpg", exif=exif)
            Image.new("L", (9, 7)).save(folder / f"{i}.png")
    found = pool(str(tmp_path))
    for part in (found.test, found.before):
        assert [part.shape(i) for i in range(len(part))] == [part.read(i).shape for i in range(len(part))]


@pytest.mark.parametrize("shape", [(48, 64), (3, 512), (40, 30, 3)])
@pytest.mark.parametrize("trains", [True, False])
def test_idx_files_of_any_side_with_or_without_a_training_part(
    shape: tuple[int, ...], trains: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for part, n in (("train", 60), ("t10k", 40)) if trains else (("t10k", 40),):
        images, labels = rng.integers(0, 256, (n, *shape), np.uint8), np.arange(n, dtype=np.uint8) % 200 % 4
        write_idx(tmp_path / f"{part}-images-idx{images.ndim}-ubyte.gz", images)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", labels)
    found = pool(str(tmp_path))
    assert found.test.read(0).shape == found.test.shape(0) == shape
    assert (len(found.test), len(found.before), found.aside) == ((40, 60, 0) if trains else (32, 8, 8))
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((40, 513, 8), np.uint8))
    (tmp_path / f"t10k-images-idx{len(shape) + 1}-ubyte.gz").unlink() if len(shape) == 3 else None
    with pytest.raises(DataError):
        pool(str(tmp_path))


def test_a_thousand_classes(tmp_path: Path) -> None:
    found = pool(str(folder_of(tmp_path, {f"{i:04}": 1 for i in range(1000)}, ((4, 4),))))
    assert len(found.classes) == 1000
    assert found.test.labels.max() >= 990
    folder_of(tmp_path, {"one more": 1})
    with pytest.raises(DataError, match=r"1,001 classes; there must be 2 to 1,000"):
        pool(str(tmp_path))


def test_a_sample_is_the_same_for_a_seed_and_in_proportion(tmp_path: Path) -> None:
    found = pool(str(folder_of(tmp_path, {"a": 400, "b": 100}, ((4, 4),))))
    some = found.test.sample(50, 3)
    assert np.bincount(some.labels).tolist() == [40, 10]
    assert np.array_equal(some.labels, found.test.sample(50, 3).labels)
    assert not np.array_equal(some.labels, found.test.sample(50, 4).labels)
    assert not np.array_equal(some.labels, np.sort(some.labels))
    assert len(found.test.sample(10_000, 0)) == len(found.test)


def test_fashion_mnist_by_its_name_and_by_its_folder() -> None:
    try:
        place = fashion.locate()
    except DataError:
        pytest.skip("Fashion-MNIST is not on this machine")
    for name in ("fashion-mnist", str(place)):
        found = pool(name)
        assert (len(found.test), len(found.before), len(found.classes)) == (10_000, 60_000, 10)
        assert found.test.read(0).shape == (28, 28)


@pytest.mark.parametrize("case", ["nothing there", "no pictures", "too few", "one class", "damaged", "parts differ"])
def test_a_folder_is_used_right_or_refused_with_a_sentence(case: str, tmp_path: Path) -> None:
    root = tmp_path / "set"
    if case == "no pictures":
        root.mkdir()
    elif case == "too few":
        folder_of(root, {"a": 5, "b": 4})
    elif case == "one class":
        folder_of(root, {"a": 50})
    elif case == "damaged":
        folder_of(root, {"a": 30, "b": 30})
        (root / "a" / "0003.png").write_bytes((root / "a" / "0004.png").read_bytes()[:40])
    elif case == "parts differ":
        folder_of(root / "train", {"a": 30, "b": 30})
        folder_of(root / "test", {"a": 30, "c": 30})
    with pytest.raises(DataError) as error:
        found = pool(str(root))
        for part in (found.test, found.before):
            for i in range(len(part)):
                part.read(i)
    assert str(error.value).endswith(".")
    assert str(root) in str(error.value)
