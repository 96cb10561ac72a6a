"""Whatever lies below the folder of data sets: nothing is raised, the good sets are offered, each bad one is named."""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core import data
from core.data import Collection, Dataset, folders
from core.errors import DataError
from tests.own_data import put_idx, put_pictures

NAMES = st.sampled_from(
    [
        "train",
        "Train",
        "TEST",
        "test",
        "val",
        "validation",
        "Testing",
        "training",
        "circle",
        "1",
        "20",
        "café",
        "cafe\u0301",
        "数字",
        "a|b",
        "<b>",
        "*a*",
        "__background__",
        "new\nline",
        "\x1b[31m",
        "name\udcff",
        "@eaDir",
        "__MACOSX",
        "lost+found",
        ".ipynb_checkpoints",
        ".hidden",
        "._x.png",
        "Thumbs.db",
        ".DS_Store",
        "desktop.ini",
        "README",
        "README.md",
        "class_to_idx.json",
        "labels.csv",
        "classes.txt",
        "x.png",
        "X.PNG",
        "x.tiff",
        "x.gif",
        "x.jpg",
        "x.webp",
        "x.bmp",
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte",
        "test-labels.GZ",
        "t10k-images-idx3-ubyte",
        "n" * 250,
    ]
) | st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20).filter(lambda name: name.strip("."))


def picture(size: int = 28, mode: str = "L") -> bytes:
    with tempfile.SpooledTemporaryFile() as file:
        Image.new(mode, (size, size)).save(file, "PNG")
        file.seek(0)
        return file.read()


def idx(*shape: int, kind: int = 8, order: str = ">", content: int | None = None) -> bytes:
    n = int(np.prod(shape)) if content is None else content
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f"{order}{len(shape)}I", *shape) + bytes(n)


CONTENTS = st.sampled_from(
    [
        b"",
        b"text",
        b"\0",
        b"\x1f\x8b cut",
        "a\r\n\r\nb\r\n".encode("utf-8-sig"),
        b"\xff\xfe\xff",
        b"{}",
        picture(),
        picture(32, "RGB"),
        picture(27),
        picture(300),
        picture()[:60],
        b"\x89PNG\r\n\x1a\n",
        b"BM",
        b"BM" + bytes(60),
        b"\xff\xd8\xff\xd9",
        b"RIFF\0\0\0\0WEBP",
        b"RIFF\0\0\0\0WEBPVP8X",
        b"II*\0",
        idx(),
        idx(600),
        idx(600, 1),
        idx(600, 28, 28),
        idx(600, 28, 28, 3),
        idx(600, 28, 28, 4),
        idx(600, 784),
        idx(0, 28, 28),
        idx(600, 28, 28, order="<"),
        idx(600, kind=0x0D, content=2400),
        idx(2**32 - 1, 28, 28, content=9),
        idx(*[2**32 - 1] * 200, content=0),
        idx(600, content=599),
        idx(600, content=601),
    ]
) | st.binary(max_size=40)

LINKS = st.sampled_from([".", "..", "nowhere", "../..", "/dev/null", "itself", "n" * 3000])

TREES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(CONTENTS, LINKS.map(lambda to: ("link", to)), st.just(("fifo",))),
    lambda inside: (
        st.dictionaries(NAMES, inside, max_size=5) | st.tuples(st.just("locked"), st.dictionaries(NAMES, inside))
    ),
    max_leaves=12,
)


def grow(place: Path, tree: Any) -> None:
    """Make a tree: bytes are a file, a mapping is a folder, a pair is a link, a pipe or a folder nobody may read."""
    try:
        if isinstance(tree, bytes):
            place.write_bytes(tree)
        elif isinstance(tree, dict) or tree[0] == "locked":
            place.mkdir(exist_ok=True)
            for name, inside in (tree if isinstance(tree, dict) else tree[1]).items():
                grow(place / name, inside)
            if not isinstance(tree, dict):
                place.chmod(0)
        elif tree[0] == "link":
            place.symlink_to(place if tree[1] == "itself" else tree[1])
        else:
            os.mkfifo(place)
    except (OSError, ValueError):
        pass  # this file system has no such names


def unlock(root: Path) -> None:
    for folder, inner, _ in os.walk(root):
        for name in inner:
            if not os.path.islink(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), 0o755)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("good")
    put_idx(root / "good idx")
    put_pictures(root / "good pictures", (28, 28))
    return root


@pytest.fixture(scope="module")
def sets(good: Path) -> Iterator[Path]:
    """The good sets in a folder where others can grow, known from now on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(good.parent / "cache of trees"))
        patch.setenv(folders.VARIABLE, str(good))
        yield good


def checked(root: Path) -> list[str]:
    """What is wrong with the folders below a root: each of them is named in one sentence, or offered."""
    found, problems = data.available({folders.VARIABLE: str(root)})
    there = folders.folders({folders.VARIABLE: str(root)})
    assert {"good idx", "good pictures"} <= {of.title for of in found}
    assert len(found) - 1 + len(problems) == len(there)
    for said in problems:
        assert said.endswith(".") and said.encode() and str(root) in said and "\n" not in said.replace(str(root), "")
    for folder in there:
        for use in (folders.describe, folders.load, folders.md5s):
            try:
                use(folder)
            except DataError:
                continue
    return problems


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(NAMES, TREES, min_size=1, max_size=3))
def test_no_tree_of_folders_and_files_is_raised_or_spoils_another(sets: Path, trees: dict[str, Any]) -> None:
    before = {entry.name for entry in os.scandir(sets)}
    try:
        for name, tree in trees.items():
            grow(sets / name, tree)
        checked(sets)
    finally:
        unlock(sets)
        for entry in list(os.scandir(sets)):
            if entry.name not in before:
                shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


JUNK: dict[str, Any] = {
    "@eaDir": {"x.png": {"SYNOPHOTO_THUMB_M.jpg": b""}},
    "__MACOSX": {"._circle": b"", "._1.png": b"\0\5\26\7"},
    ".ipynb_checkpoints": {"1-checkpoint.png": picture()},
    "empty": {},
    "only hidden": {".hidden.png": picture(), "._x.png": b"\0\5\26\7"},
    "only companions": {"Thumbs.db": b"x", "README": b"x", "class_to_idx.json": b"{}", "desktop.ini": b""},
    "a broken link": ("link", "nowhere"),
    "a circle": ("link", "itself"),
    "above": ("link", ".."),
    "here": ("link", "."),
    "README.md": b"Read me.",
    "class_to_idx.json": b"{}",
    "labels.csv": b"",
    "Thumbs.db": b"",
    "._x.png": b"\0\5\26\7",
    "deep": {"deeper": {}},
}


@pytest.fixture(scope="module")
def unspoilt(sets: Path) -> tuple[Collection, Dataset]:
    """The good pictures as they are without anything beside them."""
    folder = sets / "good pictures"
    return folders.describe(folder), folders.load(folder)


@pytest.mark.parametrize("name", JUNK)
@pytest.mark.parametrize("where", ["", "train", "test", "train/circle"])
def test_what_is_no_class_and_no_picture_changes_nothing(
    sets: Path, unspoilt: tuple[Collection, Dataset], name: str, where: str
) -> None:
    folder, (before, images) = sets / "good pictures", unspoilt
    grow(folder / where / name, JUNK[name])
    try:
        assert folders.describe(folder) == before
        after = folders.load(folder, before.id)
        assert after.classes == images.classes == ("circle", "square", "stripes")
        for one, other in ((after.train, images.train), (after.test, images.test)):
            assert np.array_equal(one.labels, other.labels) and np.array_equal(one.images, other.images)
    finally:
        place = folder / where / name
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()


SWAPPED: dict[str, Any] = {
    "train-images-idx3-ubyte": idx(600), "train-labels-idx1-ubyte": idx(600, 28, 28),
    "t10k-images-idx3-ubyte": idx(90, 28, 28), "t10k-labels-idx1-ubyte": idx(90),
}  # fmt: skip


def bad() -> dict[str, tuple[Any, str]]:
    """Trees that stopped every page, and what names them."""
    whole = {"circle": {"x.png": picture()}, "square": {"x.png": picture()}}
    return {
        "swapped": (SWAPPED, "train-images-idx3-ubyte holds 600 bytes, which are not images"),
        "no dimensions": (SWAPPED | {"train-images-idx3-ubyte": idx(content=1)}, "holds single bytes"),
        "labels in rows": (
            SWAPPED | {"train-images-idx3-ubyte": idx(600, 28, 28), "train-labels-idx1-ubyte": idx(600, 10)},
            "train-labels-idx1-ubyte holds 600 x 10 bytes, which are not one label per image",
        ),
        "little-endian": (SWAPPED | {"t10k-images-idx3-ubyte": idx(90, 28, 28, order="<")}, "t10k-images-idx3-ubyte"),
        "floats": (SWAPPED | {"t10k-labels-idx1-ubyte": idx(90, kind=0x0D, content=360)}, "t10k-labels-idx1-ubyte"),
        "both": (SWAPPED | {"train-images-idx3-ubyte.gz": b""}, "train-images-idx3-ubyte, train-images-idx3-ubyte.gz"),
        "a pipe": (SWAPPED | {"train-images-idx3-ubyte": ("fifo",)}, "0 files train-images"),
        "not utf-8 \udcff": ({}, "not utf-8 \\udcff"),
        "a link": (("link", "nowhere"), "a link cannot be read"),
        "lost+found": (("locked", {}), "lost+found"),
        "a locked class": (whole | {"stripes": ("locked", {"x.png": picture()})}, "stripes"),
        "a file name": (whole | {"circle": {"\udcff.png": b"no picture"}}, "holds|has"),
        "TIFF": (whole | {"stripes": {"x.tiff": b"II*\0"}}, "stripes/x.tiff is not a PNG, JPEG, BMP or WebP file"),
        "too deep": (whole | {"stripes": {"more": {"x.png": picture()}}}, "stripes/more holds pictures one folder"),
        "train alone": ({"train": whole, "val": whole}, "holds pictures one folder too deep"),
        "two trains": ({"train": whole, "Training": whole, "test": whole}, "Training and train"),
    }  # fmt: skip


@pytest.mark.parametrize("name", bad())
def test_a_bad_folder_is_one_sentence_that_names_it(sets: Path, name: str) -> None:
    tree, said = bad()[name]
    if name in ("lost+found", "a locked class") and os.geteuid() == 0:
        pytest.skip("root may read everything; another user is below")
    grow(sets / name, tree)
    try:
        (problem,) = checked(sets)
        assert said in problem or any(part in problem for part in said.split("|"))
    finally:
        unlock(sets)
        shutil.rmtree(sets / name) if not (sets / name).is_symlink() else (sets / name).unlink()


AS_ANOTHER = """
import json, os, sys
from core import data
data.available({"PRUNELAB_DATASETS": sys.argv[1]})  # so that all is imported that another user might not reach
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
found, problems = data.available({"PRUNELAB_DATASETS": sys.argv[2]})
print(json.dumps([[of.title for of in found], problems]))
"""


def test_what_another_user_may_not_read_is_named_and_the_rest_is_offered(good: Path) -> None:
    place = Path(tempfile.mkdtemp(dir="/tmp"))  # pytest's own folders are closed to others
    sets = place / "sets"
    try:
        shutil.copytree(good, sets)
        for name in ("lost+found", "a locked class", "swapped"):
            grow(sets / name, bad()[name][0])
        picture = put_pictures(sets / "a locked picture", (28, 28)) / "train" / "circle" / "0000.png"
        (file,) = put_idx(sets / "a locked file", packed=False).glob("train-images*")
        for locked in (picture, file):
            locked.chmod(0)
        for folder in (place, sets):
            folder.chmod(0o755)
        run = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER, str(good), str(sets)],
            capture_output=True,
            text=True,
            cwd=Path(folders.__file__).parents[2],
            env={**os.environ, "XDG_CACHE_HOME": str(place / "nowhere")},
        )
        assert run.returncode == 0, run.stderr
        titles, problems = json.loads(run.stdout)
        assert titles == ["Fashion-MNIST", "good idx", "good pictures"]
        for name in (
            "lost+found",
            "a locked class/stripes",
            "circle/0000.png",
            "a locked file/train-images",
            "swapped",
        ):
            assert sum(name in problem for problem in problems) == 1, problems
        assert len(problems) == 5
    finally:
        unlock(place)
        shutil.rmtree(place)


@pytest.mark.parametrize("root", ["a file", "a locked folder/inside", "~nobody-of-this-name/sets", "n" * 300])
def test_a_folder_of_data_sets_that_cannot_be_read_is_a_sentence_or_none(tmp_path: Path, root: str) -> None:
    (tmp_path / "a file").touch()
    found, problems = data.available({folders.VARIABLE: str(tmp_path / root)})
    assert found == [data.FASHION]
    assert len(problems) == (root == "a file")
