"""Pictures in a zip: the same as in the folder on disk, and whatever else a zip may hold is refused with a sentence."""

import io
import os
import stat
import struct
import tracemalloc
import unicodedata
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import pytest
from PIL import Image

from core.data import survey, zipped
from core.data.pictures import ClassFolders
from core.data.pool import Pool, pool
from core.data.zipped import pool_of_zip
from core.errors import DataError
from tests.graphs import write_pictures
from tests.own_data import put_idx


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((6, 5, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def pets() -> dict[str, bytes]:
    """Two classes of ten pictures each, by path."""
    return {f"{name}/{i}.png": picture(100 * label + i) for label, name in enumerate(("cat", "dog")) for i in range(10)}


def written(path: Path, entries: Iterable[tuple[str | ZipInfo, bytes]], method: int = ZIP_DEFLATED) -> Path:
    with ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def packed(folder: Path, to: Path, top: str = "") -> Path:
    """A folder as a zip, whose entries are in no particular order."""
    paths = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: hash(path.name))
    return written(to, ((top + str(path.relative_to(folder)), path.read_bytes()) for path in paths))


def assert_same(one: Pool, other: Pool) -> None:
    assert (one.id, one.title, one.classes, one.aside) == (other.id, other.title, other.classes, other.aside)
    for a, b in ((one.test, other.test), (one.before, other.before)):
        assert np.array_equal(a.labels, b.labels)
        for i in range(0, len(a), 7):
            assert np.array_equal(a.read(i), b.read(i)) and a.shape(i) == b.shape(i) == a.read(i).shape


# The same as a folder.


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("top", ["", "My digits/", "digits-main/"])
def test_a_zip_is_the_same_data_set_as_the_folder_that_was_zipped(parts: bool, top: str, tmp_path: Path) -> None:
    write_pictures(tmp_path / "My digits", parts=parts)
    archive = packed(tmp_path / "My digits", tmp_path / "upload.bin", top)
    before = sorted(tmp_path.iterdir())
    found = pool_of_zip(archive, "My digits")
    assert_same(found, pool(str(tmp_path / "My digits")))
    assert found.id.startswith("my-digits-")
    assert sorted(path for path in tmp_path.iterdir() if path.name != "cache") == before  # nothing is unpacked


def test_pictures_are_read_when_they_are_needed_and_for_the_id_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, content = list[str](), ClassFolders._content

    def observed(self: ClassFolders, path: str) -> bytes:
        read.append(path)
        return content(self, path)

    monkeypatch.setattr(ClassFolders, "_content", observed)
    archive = written(tmp_path / "a.zip", pets().items())
    found = pool_of_zip(archive, "pets")
    assert not read
    found.test.read(0)
    assert len(read) == 1
    assert found.id and len(read) == 21
    survey._seen.clear()  # as in a new process
    assert pool_of_zip(archive, "pets").id == found.id and len(read) == 21
    archive.unlink()
    written(archive, [*pets().items(), ("dog/a.png", picture(7))])
    assert pool_of_zip(archive, "pets").id != found.id


@pytest.mark.parametrize("method", [ZIP_STORED, ZIP_DEFLATED])
def test_what_systems_add_is_skipped(method: int, tmp_path: Path) -> None:
    added = {
        "__MACOSX/._pets": b"x", "__MACOSX/pets/cat/._0.png": b"x", "pets/.DS_Store": b"x", "pets/cat/.DS_Store": b"x",
        "pets/cat/._0.png": b"x", "pets/cat/Thumbs.db": b"x", "pets/@eaDir/cat/0.png": b"x", "pets/.git/HEAD": b"x",
        "pets/": b"", "pets/cat/": b"", "pets/empty/": b"", "pets/README.md": b"x", "LICENSE": b"x",
        "pets/cat/labels.csv": b"x", "pets/model.onnx": b"x",
    }  # fmt: skip
    entries = [*added.items(), *((f"pets/{name}", content) for name, content in pets().items())]
    plain = pool_of_zip(written(tmp_path / "plain.zip", pets().items()), "pets")
    assert_same(pool_of_zip(written(tmp_path / "a.zip", entries, method), "pets"), plain)


def test_entries_of_macos_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MOST_ENTRIES", 20)
    extra = [(f"__MACOSX/{name}", b"x" * 100) for name in pets()]
    assert len(pool_of_zip(written(tmp_path / "a.zip", [*pets().items(), *extra]), "pets").test) == 16
    with pytest.raises(DataError, match=r"pets has 21 entries; leave at most 20"):
        pool_of_zip(written(tmp_path / "b.zip", [*pets().items(), ("cat/a.png", picture(1))]), "pets")


def without_flag(path: Path) -> Path:
    """The zip as programs write it that do not say that its names are UTF-8."""
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := content.find(signature, place + 1)) >= 0:
            content[place + at + 1] &= ~0x08
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("flag", [True, False])
def test_names_in_any_script(form: "unicodedata._NormalizationForm", flag: bool, tmp_path: Path) -> None:
    names = ("café", "数字", "संख्या")
    entries = [
        (f"{unicodedata.normalize(form, name)}/{i}é.png", picture(i)) for name in names for i in range(4)
    ]  # fmt: skip
    archive = written(tmp_path / "a.zip", entries)
    found = pool_of_zip(archive if flag else without_flag(archive), "Süße")
    assert found.classes == tuple(sorted(names)) and found.title == "Süße" and found.id.startswith("süße-")
    assert len({tuple(found.test.read(i)[0, 0]) for i in range(len(found.test))}) == 4


def test_names_of_an_old_zip_are_read_as_it_wrote_them(tmp_path: Path) -> None:
    entries = [(b"caf\x82%c/%d.png" % (name, i), picture(i)) for name in b"ab" for i in range(5)]  # code page 437
    (tmp_path / "a.zip").write_bytes(by_hand(entries))
    assert pool_of_zip(tmp_path / "a.zip", "old").classes == ("caféa", "caféb")


def by_hand(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A zip of stored entries with names of any bytes."""
    content, listed, n = b"", b"", 0
    for name, data in entries:
        sizes = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
        listed += b"PK\1\2\x14\0" + sizes + struct.pack("<HHHII", 0, 0, 0, 0, len(content)) + name
        content += b"PK\3\4" + sizes + name + data
        n += 1
    return content + listed + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, n, n, len(listed), len(content), 0)


def test_threads_share_the_handle(tmp_path: Path) -> None:
    write_pictures(tmp_path / "digits")
    found, same = pool_of_zip(packed(tmp_path / "digits", tmp_path / "a.zip"), "digits"), pool(str(tmp_path / "digits"))
    order = np.random.default_rng(0).permutation(len(found.test)).tolist() * 2
    with ThreadPoolExecutor(8) as threads:
        for i, read in zip(order, threads.map(found.test.read, order), strict=True):
            assert np.array_equal(read, same.test.read(i))


def test_the_handle_is_closed_with_the_pictures(tmp_path: Path) -> None:
    def handles() -> int:
        return sum(os.path.realpath(f"/proc/self/fd/{fd}") == str(archive) for fd in os.listdir("/proc/self/fd"))

    archive = written(tmp_path.resolve() / "a.zip", pets().items())
    found = pool_of_zip(archive, "pets")
    some = found.test.sample(3, 0)
    assert found.id and handles() == 1
    del found
    assert handles() == 1 and some.read(0).shape == (6, 5, 3)
    del some
    assert handles() == 0
    for content in (b"PK\3\4 no zip", by_hand([(b"../a/0.png", picture(1))])):
        archive.write_bytes(content)
        with pytest.raises(DataError):
            pool_of_zip(archive, "pets")
        assert handles() == 0


# What is refused.


def test_the_rules_of_folders_hold_for_a_zip(tmp_path: Path) -> None:
    """Each zip and the folder that it was made of are refused with the same sentence, but for the place and remedy."""
    cases: dict[str, dict[str, bytes]] = {
        "foreign": pets() | {"cat/a.tiff": b"x"},
        "executable": pets() | {"dog/run.exe": b"x"},
        "too deep": {f"a/{name}": content for name, content in pets().items()} | {"b/cat/0.png": picture(1)},
        "twice": pets() | {"caf\u00e9/0.png": picture(1), "cafe\u0301/0.png": picture(1)},
        "two parts": {f"{part}/{name}": c for part in ("train", "test", "testing") for name, c in pets().items()},
        "differ": {f"train/{name}": c for name, c in pets().items()} | {"test/cat/0.png": picture(1)},
        "too few": {f"{name}/{i}.png": picture(i) for name in "ab" for i in range(4)},
        "one class": {f"cat/{i}.png": picture(i) for i in range(20)},
        "nothing": {"notes.txt": b"x"},
    }  # fmt: skip
    for case, entries in cases.items():
        folder = tmp_path / case
        for name, content in entries.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        archive = written(tmp_path / "a.zip", entries.items())
        with pytest.raises(DataError) as on_disk:
            pool(str(folder))
        with pytest.raises(DataError) as in_zip:
            pool_of_zip(archive, case)
        said = (str(error.value).replace(f"{tmp_path}/", "") for error in (on_disk, in_zip))
        one, other = (text.replace(survey.REMEDY, "REMEDY").replace(zipped._REMEDY, "REMEDY") for text in said)
        assert one == other and one.endswith(".")


def named(*names: str) -> list[tuple[str | ZipInfo, bytes]]:
    return [*pets().items(), *((name, picture(1)) for name in names)]


def link(name: str, kind: int) -> ZipInfo:
    info = ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (named("../cat/0.png"), r"'\.\./cat/0\.png', which may lie outside it"),
        (named("cat/../../a.png"), r"which may lie outside it"),
        (named("/etc/passwd.png"), r"'/etc/passwd\.png', which may lie outside it"),
        (named("C:/a.png"), "which may lie outside it"),
        (named("cat\\a.png"), "which may lie outside it"),
        (named("cat/../dog/a.png"), "which may lie outside it"),
        (named("__MACOSX/../a.png"), "which may lie outside it"),
        (named("a/" * 11 + "a.png"), "which lies too deep"),
        (named("./cat/0.png"), r"two entries cat/0\.png"),
        (named("cat//0.png"), r"two entries cat/0\.png"),
        (named("cat/0.png/a.png"), r"two entries cat/0\.png"),
        (named("cat"), "two entries cat"),
        (named("dog/more.zip"), r"pets/dog/more\.zip is a zip in the zip; unpack it"),
        (named("all.ZIP"), r"is a zip in the zip"),
        (named("dog/a.gif"), r"pets/dog/a\.gif is not a PNG, JPEG, BMP or WebP file; convert it"),
        ([*pets().items(), (link("cat/a.png", stat.S_IFLNK), b"/etc/passwd")], r"cat/a\.png is a link or a device"),
        ([*pets().items(), (link("cat/a.png", stat.S_IFCHR), b"")], r"cat/a\.png is a link or a device"),
        ([], "neither IDX files nor folders of pictures; zip one folder of pictures for each class"),
        ([("cat.png", picture(1))], "neither IDX files nor folders of pictures"),
        ([(f"{i}/0.png", b"") for i in range(1001)], "pets has 1,001 classes; there must be 2 to 1,000"),
        ([(f"all/{i}/0.png", b"") for i in range(1001)], "pets/all has 1,001 classes; there must be 2 to 1,000"),
        ([(f"{i}/", b"") for i in range(20_001)], "pets has 20,001 entries; leave at most 20,000 in it"),
        ([(f"{i}/", b"") for i in range(50_001)], "more than 50,000 entries; leave at most 20,000 in it"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_may_not_be_in_a_zip(entries: list[tuple[str | ZipInfo, bytes]], said: str, tmp_path: Path) -> None:
    refused(written(tmp_path / "a.zip", entries), said, tmp_path)


def refused(archive: Path, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said) as error:
        everything(pool_of_zip(archive, "pets"))
    text = str(error.value)
    assert text.endswith(".") and text.count(". ") == 0 and "; " in text
    assert str(tmp_path) not in text  # a place on the server


def everything(found: Pool) -> str:
    for part in (found.test, found.before):
        [part.read(i) for i in range(len(part))]
    return found.id


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice(tmp_path: Path) -> None:
    refused(written(tmp_path / "a.zip", named("cat/3.png")), r"two entries cat/3\.png", tmp_path)


def test_a_name_with_a_byte_of_zero(tmp_path: Path) -> None:
    entries = [(name.encode(), content) for name, content in pets().items()]
    (tmp_path / "a.zip").write_bytes(by_hand([*entries, (b"cat/a.png\0.exe", picture(1))]))
    refused(tmp_path / "a.zip", "which may lie outside it", tmp_path)
    (tmp_path / "a.zip").write_bytes(by_hand(entries))
    assert len(pool_of_zip(tmp_path / "a.zip", "pets").test) == 16


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA])
def test_an_unusual_compression(method: int, tmp_path: Path) -> None:
    refused(
        written(tmp_path / "a.zip", pets().items(), method), r"cat/0\.png is compressed in an unusual way", tmp_path
    )


@pytest.mark.parametrize(("flag", "said"), [(0x1, "is encrypted"), (0x41, "is encrypted"), (0x2000, "is encrypted")])
def test_a_password(flag: int, said: str, tmp_path: Path) -> None:
    archive = written(tmp_path / "a.zip", pets().items())
    content = bytearray(archive.read_bytes())
    at = content.rindex(b"PK\1\2")
    content[at + 8 : at + 10] = struct.pack("<H", flag)
    archive.write_bytes(content)
    refused(archive, rf"pets/dog/9\.png {said}; zip the folders without a password", tmp_path)


@pytest.mark.parametrize("top", ["", "raw/"])
def test_idx_files(top: str, tmp_path: Path) -> None:
    archive = packed(put_idx(tmp_path / "mnist"), tmp_path / "a.zip", top)
    refused(archive, r"-ubyte\.gz is an IDX file, which is not read out of a zip; zip one folder of", tmp_path)


def test_no_zip_and_half_a_zip(tmp_path: Path) -> None:
    archive = written(tmp_path / "a.zip", pets().items())
    whole = archive.read_bytes()
    broken = [b"", b"PK", b"GIF89a", whole[: len(whole) // 2], whole[:-1], whole[:-22], whole[-22:], whole[100:]]
    for content in broken:
        archive.write_bytes(content)
        refused(archive, "pets (is not a complete zip file|holds neither)|is damaged in the zip; zip", tmp_path)
    archive.unlink()
    refused(archive, r"pets cannot be read \(No such file or directory\); choose the file again", tmp_path)
    refused(tmp_path, r"pets cannot be read \(Is a directory\)", tmp_path)


def test_any_damage_is_a_sentence_or_makes_no_difference(tmp_path: Path) -> None:
    archive = written(tmp_path / "a.zip", pets().items())
    whole, random = archive.read_bytes(), np.random.default_rng(0)
    known, refusals = everything(pool_of_zip(archive, "pets")), 0
    directory = whole.index(b"PK\1\2")
    for i in range(400):
        content = bytearray(whole)
        for at in random.integers(directory if i % 2 else 0, len(whole), 1 + i % 3):
            content[at] = random.integers(256)
        archive.write_bytes(content)
        try:
            found = pool_of_zip(archive, "pets")
            name = everything(found)
        except DataError as error:
            refusals += 1
            assert str(error).endswith(".") and str(tmp_path) not in str(error)
        else:
            assert name == known or len(found.test) + found.aside < 20  # one that is hidden now
    assert refusals > 150


# Sizes, true and untrue.


def test_too_much_unpacked(tmp_path: Path) -> None:
    entries = [*pets().items(), *((f"cat/{i}.csv", bytes(50_000_000)) for i in range(10))]
    refused(written(tmp_path / "a.zip", entries), "pets has 500 MB unpacked; leave at most 500 MB in it", tmp_path)
    assert (tmp_path / "a.zip").stat().st_size < 1_000_000


def test_a_picture_that_is_too_large(tmp_path: Path) -> None:
    entries = pets() | {"dog/9.png": picture(1) + bytes(10_000_000)}
    refused(
        written(tmp_path / "a.zip", entries.items()),
        r"pets/dog/9\.png has more than 10 MB; make the picture smaller or remove it",
        tmp_path,
    )


def lying(archive: Path, name: str, size: int) -> Path:
    """The zip with another unpacked size for one entry, in its list and next to its content."""
    content = bytearray(archive.read_bytes())
    with ZipFile(archive) as opened:
        info = opened.getinfo(name)
    at = content.index(name.encode(), content.index(b"PK\1\2")) - 46
    content[at + 24 : at + 28] = content[info.header_offset + 22 : info.header_offset + 26] = struct.pack("<I", size)
    archive.write_bytes(content)
    return archive


@pytest.mark.parametrize("size", [0, 100, 9_000_000])
def test_a_size_that_is_not_true_does_not_make_it_read_more(size: int, tmp_path: Path) -> None:
    bomb = pets() | {"dog/9.png": picture(1) + bytes(400_000_000)}
    archive = lying(written(tmp_path / "a.zip", bomb.items()), "dog/9.png", size)
    del bomb
    tracemalloc.start()
    try:
        refused(archive, r"dog/9\.png is damaged in the zip; zip the folders again", tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_sizes_that_say_nothing_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    archive = lying(written(tmp_path / "a.zip", pets().items()), "dog/9.png", 0xFFFFFFF0)
    refused(archive, "pets has 4,295 MB unpacked; leave at most 500 MB in it", tmp_path)


def test_a_list_of_entries_that_is_too_long(tmp_path: Path) -> None:
    entries = [ZipInfo(f"cat/{i}.txt") for i in range(300)]
    for entry in entries:
        entry.comment = bytes(60_000)
    archive = written(tmp_path / "a.zip", ((entry, b"") for entry in entries))
    refused(archive, "list of entries has 18 MB; zip one folder", tmp_path)
