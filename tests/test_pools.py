"""Data sets for networks that are brought: which are offered, by what they are known, and that a change is noticed."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import fashion, folders, pools, survey
from core.data.files import read_idx, write_idx
from core.data.pictures import ClassFolders
from core.data.pool import pool
from core.data.pools import Offered
from core.errors import DataError
from tests.graphs import write_pictures
from tests.own_data import put_idx, put_pictures
from tests.test_folders import put_plain

FASHION = Offered("fashion-mnist", "Fashion-MNIST")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(folders.VARIABLE, str(tmp_path / "sets"))
    return tmp_path / "sets"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pictures that were read, by their paths."""
    paths, content = list[str](), ClassFolders._content

    def observed(self: ClassFolders, path: str) -> bytes:
        paths.append(path)
        return content(self, path)

    monkeypatch.setattr(ClassFolders, "_content", observed)
    return paths


def test_what_is_offered_is_listed_without_reading_a_picture(root: Path, read: list[str]) -> None:
    assert pools.offered() == [FASHION]
    write_pictures(root / "My digits")
    (root / "broken").mkdir()
    (root / ".hidden").mkdir()
    (root / "notes.txt").touch()
    assert pools.offered() == [FASHION, Offered("My digits", "My digits"), Offered("broken", "broken")]
    assert pools.offered({folders.VARIABLE: str(root / "nowhere")}) == [FASHION]
    assert not read


def test_what_is_offered_is_opened_lazily_and_found_by_its_id(root: Path, read: list[str]) -> None:
    write_pictures(root / "My digits", parts=True)
    found = pools.opened("My digits")
    assert (len(found.test), len(found.before), found.title, read) == (797, 1000, "My digits", [])
    found.test.read(3)
    assert len(read) == 1
    assert found.id.startswith("my-digits-") and len(found.id) == len("my-digits-") + 8
    assert len(read) == 1 + 1797
    again = pools.find(found.id)
    assert again.id == found.id == pool(str(root / "My digits")).id and again.classes == found.classes
    survey._seen.clear()  # as in a new process
    assert pools.find(found.id).id == found.id
    assert len(read) == 1 + 1797  # read once for each state


@pytest.mark.parametrize("place", ["../outside", "..", ".", "", "/", "sub/inner", "./digits", "digits/", "Digits", "~"])
def test_no_path_from_a_visitor_reaches_the_disk(root: Path, tmp_path: Path, place: str) -> None:
    for folder in (tmp_path / "outside", root / "digits", root / "sub" / "inner"):
        put(folder)
    with pytest.raises(DataError, match=r"There is no data set .* here; choose one of these: fashion-mnist, digits"):
        pools.opened(place)
    with pytest.raises(DataError, match="There is no data set"):
        pools.opened(str(tmp_path / "outside"))
    assert pools.opened("digits").classes == ("cat", "dog")


@pytest.mark.parametrize("name", ["../outside-01234567", "outside", "", "/etc-01234567", "fashion-mnist-01234567"])
def test_an_id_of_nothing_here_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    put(tmp_path / "outside")
    put(root / "digits")
    with pytest.raises(DataError, match="is not on this machine, or has changed"):
        pools.find(name)


def test_fashion_mnist_keeps_its_place_beside_a_folder_of_that_name(root: Path) -> None:
    write_pictures(root / "fashion-mnist")
    assert pools.offered() == [FASHION, Offered("fashion-mnist/", "fashion-mnist")]
    own = pools.opened("fashion-mnist/")
    assert own.classes[:2] == ("0", "1") and own.id != "fashion-mnist" and pools.find(own.id).id == own.id
    try:
        fashion.locate()
    except DataError:
        return
    for found in (pools.opened("fashion-mnist"), pools.opened("Fashion-MNIST"), pools.find("fashion-mnist")):
        assert (found.id, found.title, found.classes[0]) == ("fashion-mnist", "Fashion-MNIST", "T-shirt")


def test_names_in_any_script_and_names_that_are_no_text(root: Path) -> None:
    for name in ("数字", "cafe\u0301", "é\udcff", "new\nline"):
        put(root / name)
    places = {one.place: one.title for one in pools.offered()[1:]}
    assert places == {"数字": "数字", "cafe\u0301": "caf\u00e9", "é\\udcff": "é\\udcff", "new\\nline": "new\\nline"}
    for place, title in places.items():
        place.encode()
        found = pools.opened(place)
        assert found.title == title and pools.find(found.id).title == title
    assert pools.opened("caf\u00e9").title == "caf\u00e9"  # by its title
    put(root / "tea\u0301")
    put(root / "te\u00e1")
    assert pools.opened("te\u00e1").title == "te\u00e1"  # a place takes precedence over a title


def test_two_folders_of_one_title_are_not_mixed_up(root: Path) -> None:
    put(root / "a\ufb02 e\u0301\u0323")  # two orders of the same accents, neither in normal form C
    put(root / "a\ufb02 e\u0323\u0301")
    one, two = pools.offered()[1:]
    assert one.title == two.title and one.place != two.place
    with pytest.raises(DataError, match="2 data sets are called"):
        pools.opened(one.title)
    assert pools.opened(one.place).title == pools.opened(two.place).title


# What a data set is known by.


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((20, 15), value, np.uint16).view(np.uint8)).save(file, "PNG", compress_level=0)
    return file.getvalue()


def put(folder: Path, names: tuple[str, ...] = ("cat", "dog")) -> Path:
    for label, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for i in range(8):
            (folder / name / f"{i}.png").write_bytes(picture(20 * label + i))
    return folder


def test_pictures_labels_names_and_their_order_make_the_id_and_file_names_do_not(root: Path) -> None:
    folder = put(root / "pets")
    known = pool(str(folder)).id
    (folder / "cat" / "0.png").rename(folder / "cat" / "00.png")
    (folder / "cat" / "notes.txt").write_text("Eight cats.")
    assert pool(str(folder)).id == known
    ids = {known}
    (folder / "cat" / "00.png").rename(folder / "cat" / "9.png")  # the last now
    ids.add(pool(str(folder)).id)
    (folder / "dog").rename(folder / "eel")  # sorts as before
    ids.add(pool(str(folder)).id)
    (folder / "eel").rename(folder / "ant")  # the first now
    ids.add(pool(str(folder)).id)
    (folder / "cat" / "9.png").write_bytes(picture(99))
    ids.add(pool(str(folder)).id)
    (folder / "cat" / "9.png").rename(folder / "ant" / "9.png")
    ids.add(pool(str(folder)).id)
    (folder / "train").mkdir()
    for name in ("cat", "ant"):
        (folder / name).rename(folder / "train" / name)
    put(folder / "test", ("cat", "ant"))
    ids.add(pool(str(folder)).id)
    (folder / "train").rename(folder / "aside")
    (folder / "test").rename(folder / "train")
    (folder / "aside").rename(folder / "test")
    ids.add(pool(str(folder)).id)
    assert len(ids) == 8 and all(name.startswith("pets-") for name in ids)


def test_labels_above_255_have_a_place_in_the_digest(root: Path) -> None:
    names = tuple(f"{i:03}" for i in range(300))
    folder = put(root / "many", names)
    known = pool(str(folder)).id
    one, other = folder / "298" / "7.png", folder / "299" / "0.png"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    changed = pool(str(folder)).id
    (folder / "299" / "0.png").rename(folder / "298" / "8.png")  # the same pictures in the same order
    assert len({known, changed, pool(str(folder)).id}) == 3


@pytest.mark.parametrize("make", [put_plain, put_idx, put_pictures])
def test_a_folder_has_the_same_id_as_when_a_network_is_trained_on_it(root: Path, make: object) -> None:
    folder = make(root / "Shapes 2")  # type: ignore[operator]
    assert pool(str(folder)).id == folders.describe(folder).id == pools.find(folders.describe(folder).id).id


def test_what_is_refused_for_training_is_still_known_for_a_network_that_is_brought(root: Path) -> None:
    put(root / "pets")
    with pytest.raises(DataError, match="training images"):
        folders.describe(root / "pets")
    known = pools.opened("pets").id
    with pytest.raises(DataError, match="training images"):
        folders.describe(root / "pets")
    assert pools.find(known).id == known


@pytest.mark.parametrize("make", [put, put_idx])
def test_a_data_set_that_changed_or_is_gone_is_refused(root: Path, make: object) -> None:
    folder = make(root / "pets")  # type: ignore[operator]
    put(root / "other")
    known = pools.opened("pets").id
    if make is put_idx:
        path = next(folder.glob("t10k-labels*"))
        write_idx(path, read_idx(path, "ask")[::-1])
    else:
        path = folder / "dog" / "3.png"
        status = path.stat()
        path.write_bytes(picture(99))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert path.stat().st_size == status.st_size
    with pytest.raises(DataError, match=rf"pets \({known}\) is not on this machine, or has changed"):
        pools.find(known)
    folder.rename(root / "pets 2")
    with pytest.raises(DataError, match="is not on this machine"):
        pools.find(known)
    folders.root().rename(folders.root().with_name("away"))
    with pytest.raises(DataError, match="is not on this machine"):
        pools.find(known)


def test_a_picture_that_changes_after_the_id_was_made_is_not_read_under_it(root: Path) -> None:
    folder = put(root / "pets")
    found = pools.opened("pets")
    assert found.id
    for name in ("cat", "dog"):
        (folder / name / "0.png").write_bytes(picture(99))
    with pytest.raises(DataError, match=r"0\.png was changed while the data set was read; try again"):
        for part in (found.test, found.before):
            [part.read(i) for i in range(len(part))]
    assert pools.opened("pets").id != found.id


def test_a_damaged_picture_is_named_by_the_id_and_other_folders_are_not_affected(root: Path) -> None:
    put(root / "good")
    folder = put(root / "bad")
    (folder / "dog" / "3.png").write_bytes(picture(3)[:50])
    found = pools.opened("bad")
    for _ in range(2):
        with pytest.raises(DataError, match=r"dog/3\.png is not a complete picture"):
            _ = found.id
    with pytest.raises(DataError, match=r"dog/3\.png is not a complete picture"):
        pools.find("bad-01234567")
    assert pools.find(pools.opened("good").id).title == "good"
    (folder / "dog" / "3.png").write_bytes(picture(3) + bytes(10_000_000))
    with pytest.raises(DataError, match=r"dog/3\.png has more than 10 MB; make the picture smaller or remove it"):
        _ = pools.opened("bad").id
