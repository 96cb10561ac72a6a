"""Fashion-MNIST is found, checked and split as promised, and nothing else passes for it."""

import gzip
import hashlib
import json
import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import DataConfig
from core.data import Split, files, split
from core.data import fashion as data
from core.data.fashion import FILES, MNIST
from core.errors import DataError

CONTENT = {name: f"the content of {name}".encode() for name in FILES}

# The authors' packed MD5s (their README, and torchvision's), and the time that gzip wrote into each file's header.
PACKED = {
    data.TRAIN_IMAGES: ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 1504176606),
    data.TRAIN_LABELS: ("25c81989df183df01b3e8a0aad5dffbe", 1504176606),
    data.TEST_IMAGES: ("bef4ecab320f06d8554ea6380940ec79", 1504176627),
    data.TEST_LABELS: ("bb300cfdad3c16e7a12a480ee83cd310", 1504176627),
}


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def put(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in CONTENT.items():
        (folder / name).write_bytes(gzip.compress(content))
    return folder


@pytest.fixture(autouse=True)
def small_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four small files stand for the real ones, in places of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "PACKAGE_FOLDER", tmp_path / "package")
    for name, content in CONTENT.items():
        monkeypatch.setitem(FILES, name, md5(content))


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.undo()
    try:
        return data.locate()
    except DataError as error:
        pytest.skip(str(error))


def test_the_named_folder_comes_before_the_package_and_the_package_before_the_cache(tmp_path: Path) -> None:
    cache = put(data.download_folder())
    assert data.locate({}) == cache
    package = put(tmp_path / "package")
    assert data.locate({}) == package
    named = put(tmp_path / "named")
    assert data.locate({data.VARIABLE: str(named)}) == named


def test_the_named_folder_may_be_a_torchvision_root(tmp_path: Path) -> None:
    raw = put(tmp_path / "FashionMNIST" / "raw")
    assert data.locate({data.VARIABLE: str(tmp_path)}) == raw


def test_an_empty_variable_names_no_folder(tmp_path: Path) -> None:
    package = put(tmp_path / "package")
    assert data.locate({data.VARIABLE: ""}) == package


def test_a_named_folder_without_the_files_is_an_error_even_where_the_package_is_installed(tmp_path: Path) -> None:
    put(tmp_path / "package")
    with pytest.raises(DataError, match=r"nowhere/train-images-idx3-ubyte\.gz is missing"):
        data.locate({data.VARIABLE: str(tmp_path / "nowhere")})


def test_without_the_files_one_sentence_says_three_ways_to_get_them() -> None:
    with pytest.raises(DataError, match=r"not on this machine.*dataset-fashion-mnist.*make data.*PRUNELAB_DATA\.$"):
        data.locate({})


def test_a_damaged_package_is_passed_over_for_a_good_cache_and_named_where_there_is_none(tmp_path: Path) -> None:
    package = put(tmp_path / "package")
    (package / data.TEST_LABELS).unlink()
    with pytest.raises(DataError, match=r"package/t10k-labels-idx1-ubyte\.gz is missing"):
        data.locate({})
    cache = put(data.download_folder())
    assert data.locate({}) == cache


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda good: good[:-1], "is cut short"),
        (lambda good: good[: len(good) // 2], "is cut short"),
        (lambda good: b"", "is not Fashion-MNIST's"),
        (lambda good: gzip.decompress(good), "is damaged or not a gzip file"),
        (lambda good: good[:-8] + bytes(4) + good[-4:], "is damaged or not a gzip file"),
        (lambda good: gzip.compress(b"something else"), "is not Fashion-MNIST's"),
    ],
    ids=["a byte short", "half", "empty", "unpacked", "wrong checksum", "other content"],
)
def test_a_damaged_file_is_named_and_never_used(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    folder = put(tmp_path / "package")
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    for use in (data.check, data.load):
        with pytest.raises(DataError, match=f"{name} {message}"):
            use(folder)


@pytest.mark.parametrize("name", FILES)
def test_mnist_in_its_place_is_called_mnist(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path / "package")
    (folder / name).write_bytes(gzip.compress(b"digits"))
    monkeypatch.setitem(MNIST, name, md5(b"digits"))
    with pytest.raises(DataError, match=f"{name} is MNIST .handwritten digits., not Fashion-MNIST"):
        data.check(folder)


def test_two_swapped_files_are_named(tmp_path: Path) -> None:
    folder = put(tmp_path / "package")
    shutil.copy(folder / data.TEST_LABELS, folder / data.TRAIN_LABELS)
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz holds what belongs in t10k-labels"):
        data.check(folder)


def test_an_unreadable_file_is_named_with_the_reason(tmp_path: Path) -> None:
    folder = put(tmp_path / "package")
    (folder / data.TEST_LABELS).unlink()
    (folder / data.TEST_LABELS).mkdir()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz cannot be read \(Is a directory\)"):
        data.check(folder)


def test_md5s_are_computed_once_per_file_state_across_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "package")
    expected = {name: md5(content) for name, content in CONTENT.items()}
    assert data.md5s(folder) == expected

    files._md5.cache_clear()  # as in a new process
    computed: list[str] = []
    compute = files._md5

    def observed(path: Path, state: str, remedy: str) -> str:
        computed.append(path.name)
        return compute(path, state, remedy)

    monkeypatch.setattr(files, "_md5", observed)
    assert data.md5s(folder) == expected
    assert computed == []

    os.utime(folder / data.TEST_LABELS, ns=(0, 0))
    assert data.md5s(folder) == expected
    assert computed == [data.TEST_LABELS]


def test_a_file_that_was_good_and_is_changed_is_checked_again(tmp_path: Path) -> None:
    folder = data.check(put(tmp_path / "package"))
    (folder / data.TEST_LABELS).write_bytes(gzip.compress(b"something else altogether"))
    with pytest.raises(DataError, match=data.TEST_LABELS):
        data.check(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "null"])
def test_a_damaged_memory_of_md5s_is_forgotten(tmp_path: Path, text: str) -> None:
    folder = data.check(put(tmp_path / "package"))
    memory = files.cache_folder() / "md5.json"
    memory.write_text(text)
    assert data.check(folder) == folder
    assert len(json.loads(memory.read_text())) == len(FILES)
    assert os.listdir(memory.parent) == [memory.name]


def test_a_cache_folder_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert data.check(put(tmp_path / "package")) == tmp_path / "package"


def test_idx_is_read_as_written(tmp_path: Path) -> None:
    values = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "idx"
    path.write_bytes(gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 3, 4) + values.tobytes()))
    read = files.read_idx(path.rename(tmp_path / "idx.gz"), "ask")
    np.testing.assert_array_equal(read, values)
    assert read.dtype == np.uint8
    assert read.flags.writeable


@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">BBBBI", 0, 0, 8, 1, 3) + bytes(2),
        struct.pack(">BBBBI", 0, 0, 8, 1, 3) + bytes(4),
        struct.pack(">BBBBI", 0, 0, 8, 1, 2) + bytes(3),
        struct.pack(">BBBBI", 0, 0, 9, 1, 3) + bytes(3),
        struct.pack("<BBBBI", 0, 0, 8, 1, 3) + bytes(3),
        bytes(5),
        b"",
    ],
    ids=["short", "long", "other shape", "signed bytes", "little-endian", "no header", "empty"],
)
def test_idx_of_another_form_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "idx"
    path = path.with_suffix(".gz")
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match="is not a complete IDX file of bytes"):
        data._read_idx(path, (3,))


def test_idx_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "idx.gz"
    path.write_bytes(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 2) + bytes(2)))
    with pytest.raises(DataError, match="is not an IDX file of 3 bytes"):
        data._read_idx(path, (3,))


def labelled(labels: np.ndarray) -> Split:
    """Images (n, 28, 28) that carry their position in the first two pixels."""
    images = np.zeros((len(labels), 28, 28), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(len(labels)), 256)
    return Split(images, labels)


def positions(part: Split) -> list[int]:
    return [256 * int(high) + int(low) for high, low in part.images[:, 0, :2]]


@given(st.lists(st.integers(0, 9), min_size=101, max_size=400), st.integers(100, 399), st.integers(0, 2**31 - 1))
def test_the_two_parts_are_disjoint_together_all_and_each_class_gives_its_share(
    labels: list[int], validation: int, seed: int
) -> None:
    whole = labelled(np.array(labels, dtype=np.uint8))
    config = DataConfig(validation=min(validation, len(labels) - 1), split_seed=seed)
    train, held_out = split(whole, config)

    assert sorted(positions(train) + positions(held_out)) == list(range(len(whole)))
    assert len(held_out) == config.validation
    for part in (train, held_out):
        assert positions(part) == sorted(positions(part))
        np.testing.assert_array_equal(part.labels, whole.labels[positions(part)])
    exact = np.bincount(whole.labels, minlength=10) * config.validation / len(whole)
    assert np.abs(np.bincount(held_out.labels, minlength=10) - exact).max() < 1


def test_the_same_seed_splits_the_same_and_another_seed_does_not() -> None:
    whole = labelled(np.arange(1000, dtype=np.uint8) % 10)
    first, again, other = (split(whole, DataConfig(validation=100, split_seed=s))[1] for s in (7, 7, 8))
    assert positions(first) == positions(again) != positions(other)


def test_holding_out_every_image_is_refused() -> None:
    with pytest.raises(DataError, match="100 of 100 training images cannot be held out"):
        split(labelled(np.zeros(100, dtype=np.uint8)), DataConfig(validation=100))


def test_the_real_files_have_the_published_sizes_and_ten_even_classes(real: Path) -> None:
    whole = data.load(real)
    assert whole.train.images.shape == (60_000, 28, 28)
    assert whole.test.images.shape == (10_000, 28, 28)
    assert np.bincount(whole.train.labels).tolist() == [6_000] * 10
    assert np.bincount(whole.test.labels).tolist() == [1_000] * 10
    train, validation = split(whole.train, DataConfig())
    assert np.bincount(train.labels).tolist() == [5_500] * 10
    assert np.bincount(validation.labels).tolist() == [500] * 10


def test_the_content_md5s_are_those_of_the_authors_packed_files(real: Path) -> None:
    for name, (packed, written) in PACKED.items():
        file = (real / name).read_bytes()
        if file[3] == 0:  # repacked without name and time, as in Debian: put them back
            file = b"\x1f\x8b\x08\x08" + struct.pack("<I", written) + b"\0\3" + name[:-3].encode() + b"\0" + file[10:]
        assert md5(file) == packed


def test_the_real_data_set_is_loaded_in_little_more_than_it_takes_to_unpack_it(real: Path) -> None:
    start = time.process_time()
    for name in FILES:
        md5(gzip.decompress((real / name).read_bytes()))
    unpacked = time.process_time()
    data.load(real)
    assert time.process_time() - unpacked < 4 * (unpacked - start)


def test_the_real_data_set_is_found_again_without_being_read(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.locate()
    files._md5.cache_clear()
    monkeypatch.setattr(files, "_opened", lambda path: pytest.fail(f"{path} is read again"))
    assert data.locate() == real
