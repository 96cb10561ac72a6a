"""A host's own data sets: what is taken, what is refused with a sentence, and that a network is trained on them."""

import gzip
import io
import os
import re
import shutil
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import data
from core.config import RunConfig, TrainingConfig
from core.data import files, folders, survey
from core.data.files import UnreadableError, read_idx, write_idx
from core.data.pictures import PictureFolders
from core.engine import tasks
from core.engine.inference import Classifier
from core.engine.work import official
from core.errors import DataError
from core.evaluation.trace import Tracing
from core.picture.upright import headers, upright
from core.pruning import PruningConfig
from core.run import Training
from core.store.runs import RunStore
from tests.own_data import CLASSES, drawn, put_idx, put_pictures


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(folders.VARIABLE, str(tmp_path / "sets"))
    return tmp_path / "sets"


@pytest.mark.parametrize("shape", [(28, 28), (32, 32), (28, 28, 3), (32, 32, 3)])
@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read_as_written(root: Path, shape: tuple[int, ...], packed: bool) -> None:
    put_idx(root / "My shapes", shape, packed=packed)
    (found,), problems = [of for of in data.available()[0] if of != data.FASHION], data.available()[1]
    assert not problems
    assert found.id.startswith("my-shapes-") and found.title == "My shapes" and found.classes == CLASSES
    assert (found.problem.side, found.problem.channels, found.problem.classes) == (shape[0], len(shape) * 2 - 3, 3)
    loaded = data.load(found.id)
    for part, n in ((loaded.train, 600), (loaded.test, 90)):
        images, labels = drawn(n, shape, seed=n)
        assert np.array_equal(part.images, images) and np.array_equal(part.labels, labels)
    assert loaded.problem == found.problem and len(data.md5s(found.id)) == 4
    assert np.array_equal(data.load_test(found.id).labels, loaded.test.labels)


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3)])
def test_folders_of_pictures_are_read_class_by_class(root: Path, shape: tuple[int, ...]) -> None:
    found = folders.describe(put_pictures(root / "shapes", shape))
    loaded = data.load(found.id)
    images, labels = drawn(600, shape, seed=600)
    order = np.argsort(labels, kind="stable")
    assert found.images == 600 and found.classes == CLASSES
    assert np.array_equal(loaded.train.images, images[order]) and np.array_equal(loaded.train.labels, labels[order])
    assert len(loaded.test) == 90 and len(data.md5s(found.id)) == 1


def test_without_a_test_folder_a_sixth_of_each_class_is_for_testing_always_the_same(root: Path) -> None:
    found = folders.describe(put_pictures(root / "shapes", parted=False, n=720))
    one, two = data.load(found.id), data.load(found.id)
    assert found.images == len(one.train) == 600 and len(one.test) == 120
    assert np.bincount(one.test.labels).tolist() == [40, 40, 40]
    assert np.array_equal(one.test.images, two.test.images)
    everything = np.concatenate([one.train.images, one.test.images]).reshape(720, -1)
    assert len(np.unique(everything, axis=0)) == 720


@pytest.mark.parametrize("put", [put_idx, put_pictures])
def test_a_changed_data_set_is_another_and_the_old_one_is_not_here(root: Path, put: object) -> None:
    folder = put(root / "shapes")  # type: ignore[operator]
    before = folders.describe(folder)
    assert folders.describe(folder) == before
    file = sorted(folder.rglob("*.gz") or [])[0] if put is put_idx else sorted(folder.rglob("*.png"))[0]
    if put is put_idx:
        write_idx(file, read_idx(file, "ask")[::-1])
    else:
        Image.new("RGB", (32, 32)).save(file)
    after = folders.describe(folder)
    assert before.id != after.id and before.title == after.title
    with pytest.raises(DataError, match="is not on this machine, or has changed"):
        data.check(before.id)
    data.check(after.id)


def test_classes_without_names_are_numbered_and_a_fifth_of_few_images_is_not_asked_for(root: Path) -> None:
    found = folders.describe(put_idx(root / "shapes", names=False))
    assert found.classes == ("0", "1", "2")
    assert found.config.name == found.id and found.config.validation == 100
    assert data.FASHION.config == type(data.FASHION.config)()  # of Fashion-MNIST nothing changes


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: next(f.glob("t10k-labels*")).unlink(), "0 files t10k-labels"),
        (lambda f: (f / "train-images-again-idx3").touch(), "2 files train-images"),
        (lambda f: next(f.glob("train-images*")).write_bytes(b"\x1f\x8b cut"), "damaged|cut short"),
        (lambda f: write_idx(next(f.glob("train-images*")), np.zeros((600, 27, 27))), "600 x|27 x 27"),
        (lambda f: write_idx(next(f.glob("train-images*")), np.zeros((600, 28, 28, 4))), "28 x 28 x 4"),
        (lambda f: write_idx(next(f.glob("train-images*")), np.zeros((60, 28, 28))), "60 training images"),
        (lambda f: (f / "classes.txt").write_text("one"), "1 classes"),
        (lambda f: (f / "classes.txt").write_text("a\nb\na"), "twice"),
        (lambda f: (f / "classes.txt").write_bytes(b"\xff\xfe\xff"), "cannot be read"),
    ],
)
def test_a_folder_that_is_no_data_set_is_named_and_the_others_stay(root: Path, spoil: object, said: str) -> None:
    put_idx(root / "good")
    spoil(put_idx(root / "bad"))  # type: ignore[operator]
    found, problems = data.available()
    assert [of.title for of in found] == ["Fashion-MNIST", "good"]
    with pytest.raises(DataError, match=said):
        folders.describe(root / "bad")
    assert len(problems) == 1 and "bad" in problems[0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: write_idx(next(f.glob("train-labels*")), np.zeros(599)), "600 images for 599 labels"),
        (lambda f: write_idx(next(f.glob("t10k-labels*")), np.full(90, 3)), "a label 3 but 3 classes"),
        (lambda f: write_idx(next(f.glob("t10k-images*")), np.zeros((90, 32, 32))), "not all alike"),
    ],
)
def test_parts_that_do_not_fit_are_refused_when_they_are_loaded(root: Path, spoil: object, said: str) -> None:
    spoil(put_idx(root / "bad"))  # type: ignore[operator]
    with pytest.raises(DataError, match=said):
        folders.load(root / "bad")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.write_bytes(b"no picture"), "not a complete picture"),
        (lambda file: file.write_bytes(file.read_bytes()[:60]), "not a complete picture"),
        (lambda file: Image.new("L", (5_000, 5_000)).save(file), "5000 x 5000"),
        (lambda file: Image.new("RGB", (28, 28)).save(file), "others are 32 wide"),
    ],
)
def test_a_picture_that_does_not_belong_is_named(root: Path, spoil: object, said: str) -> None:
    folder = put_pictures(root / "shapes")
    file = folder / "train" / "square" / "0001.png"
    spoil(file)  # type: ignore[operator]
    with pytest.raises(DataError, match=said) as caught:
        folders.load(folder)
    assert "0001.png" in str(caught.value)


def test_no_folder_of_data_sets_is_no_problem(root: Path) -> None:
    assert not root.exists()
    assert data.available() == ([data.FASHION], [])
    with pytest.raises(DataError, match="not on this machine"):
        data.load("shapes-01234567")


@pytest.mark.parametrize(
    ("shape", "network"),
    [
        ((32, 32, 3), "lenet"),
        pytest.param((28, 28, 3), "convnet-small", marks=pytest.mark.slow),
        pytest.param((32, 32), "convnet-small", marks=pytest.mark.slow),
    ],
)
def test_a_network_is_trained_profiled_and_asked_on_it(
    root: Path, tmp_path: Path, shape: tuple[int, ...], network: str
) -> None:
    found = folders.describe(put_idx(root / "shapes", shape))
    epochs = 8 if network == "lenet" else 4
    training = TrainingConfig(epochs=epochs, batch_size=50, learning_rate=0.02, shift=1, cutout=4)
    config = RunConfig(network=network, training=training, data=found.config)
    tasks.perform(Training(config=config), tmp_path / "runs")
    store = RunStore(tmp_path / "runs")
    run, profile = store.get(config.run_id), store.profile(config.run_id, PruningConfig())
    assert run.classes == CLASSES and run.shape == shape and run.images == 90
    assert run.accuracy.value > 0.8  # of three classes
    assert profile is not None and profile.predicted.max() <= 2
    test = official(found.id).data.test
    answers = Classifier(run.design, test.images).infer(store.weights(run.id)).argmax(axis=1)
    assert np.array_equal(answers, profile.predicted[0])
    trace = tasks.perform(Tracing(run_id=run.id, sparsities=(0.0, 0.5), image=test.images[0]), store.root)
    assert trace.probability.shape == (2, 3) and trace.predicted[0] == answers[0]


# What a data set is known by.


def put_plain(folder: Path, n: int = 510, classes: tuple[str, ...] = CLASSES) -> Path:
    """Grey pictures in a folder for each class, with a test part; the fewest that will do."""
    for part, images in (("train", n), ("test", len(classes))):
        for name in classes:
            (folder / part / name).mkdir(parents=True, exist_ok=True)
        for i in range(images):
            (folder / part / classes[i % len(classes)] / f"{i:04}.png").write_bytes(plain(20 + i % 200))
    return folder


@cache
def plain(grey: int) -> bytes:
    """A picture of one grey."""
    return of(np.full((28, 28), grey, np.uint8), compress_level=0)


def test_the_names_of_the_classes_and_their_order_are_part_of_the_id(root: Path) -> None:
    folder = put_plain(root / "shapes")
    before = folders.describe(folder)
    for part in ("train", "test"):
        (folder / part / "circle").rename(folder / part / "disc")  # sorts as before
    renamed = folders.describe(folder)
    for part in ("train", "test"):
        (folder / part / "disc").rename(folder / part / "zebra")  # the last
    moved = folders.describe(folder)
    assert renamed.classes == ("disc", "square", "stripes") and moved.classes == ("square", "stripes", "zebra")
    assert len({of.id for of in (before, renamed, moved)}) == 3


def test_classes_that_are_numbers_are_in_the_order_of_their_values(root: Path) -> None:
    folder = put_plain(root / "numbers", classes=("1", "20", "100", "ten", "3.5"))
    assert folders.describe(folder).classes == ("1", "3.5", "20", "100", "ten")
    images, labels = folders.load(folder).train.images, folders.load(folder).train.labels
    assert images[labels == 3][0, 0, 0] == 20 + 2  # those of the folder 100


def known_before(folder: Path) -> str:
    """The id that earlier versions gave to a folder of pictures."""
    parts = list[bytes]()
    for part in ("train", "test"):
        for path in sorted((folder / part).glob("*/*")):
            parts += [str(path.relative_to(folder)).encode(), path.read_bytes()]
    return f"{folder.name}-{files.digest(parts)[:8]}"


def test_a_run_of_before_finds_its_unchanged_data_set(root: Path) -> None:
    folder = put_plain(root / "shapes")
    found = folders.describe(folder)
    assert found.former == known_before(folder) != found.id
    assert np.array_equal(data.load(found.former).train.labels, data.load(found.id).train.labels)


def test_a_data_set_whose_pixels_or_labels_are_read_otherwise_than_before_has_a_new_id_alone(root: Path) -> None:
    clear = put_plain(root / "clear")
    Image.new("LA", (28, 28)).save(clear / "train" / "square" / "0001.png")
    numbers = put_plain(root / "numbers", classes=("1", "20", "100"))
    for folder in (clear, numbers):
        assert folders.describe(folder).former is None
        with pytest.raises(DataError, match="not on this machine, or has changed"):
            data.load(known_before(folder))


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (("circle", "Square"), ("circle", "square")),
        (("circle", "square"), ("circle", "square", "stripes")),
        (("circle", "square", "stripes"), ("circle", "square")),
    ],
)
def test_classes_that_differ_between_the_parts_are_refused_with_both_lists(
    root: Path, train: tuple[str, ...], test: tuple[str, ...]
) -> None:
    folder = put_plain(root / "shapes", classes=train)
    shutil.move(put_plain(root / "other", classes=test) / "test", root / "aside")
    shutil.rmtree(folder / "test")
    (root / "aside").rename(folder / "test")
    said = f"train has {', '.join(sorted(train))}; test has {', '.join(sorted(test))}"
    with pytest.raises(DataError, match=said):
        folders.describe(folder)


def test_names_are_compared_in_one_normal_form_and_not_twice(root: Path) -> None:
    folder = put_plain(root / "shapes", classes=("caf\u00e9", "tea"))
    (folder / "test" / "caf\u00e9").rename(folder / "test" / "cafe\u0301")
    found = folders.describe(folder)
    assert found.classes == ("caf\u00e9", "tea")
    assert np.bincount(folders.load(folder).test.labels).tolist() == [1, 1]
    shutil.copytree(folder / "test" / "cafe\u0301", folder / "train" / "cafe\u0301")
    with pytest.raises(DataError, match="names a class twice, caf\u00e9"):
        folders.describe(folder)


def test_a_class_whose_name_is_no_text_is_shown_all_the_same(root: Path) -> None:
    found = folders.describe(put_plain(root / "shapes", classes=("\udce9t\udce9", "new\nline")))
    assert found.classes == ("\\udce9t\\udce9", "new\\nline")
    assert "".join(found.classes).encode()


@pytest.mark.parametrize(
    ("name", "title", "plain"),
    [("数字", "数字", "数字"), ("Café 2", "Café 2", "café-2"), ("संख्या", "संख्या", "संख्या"), ("!", "!", "data"),
     ("é\udcff", "é\\udcff", "é"), ("Shapes_3", "Shapes_3", "shapes-3")],
)  # fmt: skip
def test_a_title_keeps_its_letters_in_any_script(root: Path, name: str, title: str, plain: str) -> None:
    found = folders.describe(put_idx(root / name))
    assert found.title == title
    assert found.id.rpartition("-")[0] == data.title(found.id) == plain
    assert data.load(found.id).classes == CLASSES


@pytest.mark.parametrize(
    "text",
    [b"\xef\xbb\xbfcircle\nsquare\nstripes", b"circle\r\n\r\nsquare\r\n stripes \r\n\r\n", b"circle\rsquare\rstripes"],
)
def test_what_an_editor_adds_to_the_names_is_no_part_of_them(root: Path, text: bytes) -> None:
    folder = put_idx(root / "shapes")
    before = folders.describe(folder)
    (folder / "classes.txt").write_bytes(text)
    assert folders.describe(folder) == before and before.classes == CLASSES


def test_labels_and_greys_with_a_dimension_of_one_are_read(root: Path) -> None:
    folder = put_idx(root / "shapes")
    before = folders.load(folder)
    for path in folder.glob("*labels*"):
        write_idx(path, read_idx(path, "ask")[:, None])
    for path in folder.glob("*images*"):
        write_idx(path, read_idx(path, "ask")[..., None])
    after = folders.load(folder)
    assert folders.describe(folder).problem.channels == 1
    for one, other in ((before.train, after.train), (before.test, after.test)):
        assert np.array_equal(one.labels, other.labels) and np.array_equal(one.images, other.images)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda f: write_idx(next(f.glob("train-labels*")), np.zeros(599)),
            "600 images for 599 labels in one part, train",
        ),
        (lambda f: write_idx(next(f.glob("t10k-labels*")), np.zeros(0)), "90 images for 0 labels in one part, test"),
        (lambda f: write_idx(next(f.glob("t10k-labels*")), np.full(90, 3)), "a label 3 but 3 classes"),
        (
            lambda f: write_idx(next(f.glob("t10k-images*")), np.zeros((90, 32, 32))),
            "28 x 28 in train and 32 x 32 in test",
        ),
        (
            lambda f: write_idx(next(f.glob("train-labels*")), np.zeros((600, 3))),
            "600 x 3 bytes, which are not one label",
        ),
        (
            lambda f: write_idx(next(f.glob("t10k-images*")), np.zeros((90, 784))),
            "90 x 784 bytes, which are not images",
        ),
        (lambda f: (f / "classes.txt").write_text("circle\nsquare"), "a label 2 but 2 classes"),
        (lambda f: (f / "classes.txt").write_text("caf\u00e9\ncafe\u0301\ntea", "utf-8"), "names a class twice"),
        (
            lambda f: next(f.glob("t10k-images*")).write_bytes(gzip.compress(b"\0\0\x08\3")),
            "t10k-images.* is not a complete IDX",
        ),
    ],
)
def test_what_cannot_be_loaded_is_refused_before_a_training(root: Path, spoil: object, said: str) -> None:
    spoil(put_idx(root / "bad"))  # type: ignore[operator]
    assert re.search(said, data.available()[1][0])


@pytest.mark.parametrize(("train", "test"), [("Train", "TEST"), ("training", "testing"), ("train", "Testing")])
def test_the_parts_may_be_called_in_any_case_and_what_is_beside_them_is_not_used(
    root: Path, train: str, test: str
) -> None:
    folder = put_plain(root / "shapes")
    before = folders.describe(folder)
    shutil.copytree(folder / "test", folder / "val")
    (folder / "train").rename(folder / "aside")
    (folder / "aside").rename(folder / train)
    (folder / "test").rename(folder / "aside")
    (folder / "aside").rename(folder / test)
    after = folders.describe(folder)
    assert (after.id, after.classes, after.images) == (before.id, before.classes, before.images)


def test_a_class_may_be_called_train(root: Path) -> None:
    folder = put_plain(root / "vehicles", n=600, classes=("bus", "train"))
    for name in ("bus", "train"):
        (folder / "train" / name).rename(root / name)
    shutil.rmtree(folder)
    folder.mkdir()
    for name in ("bus", "train"):
        (root / name).rename(folder / name)
    found = folders.describe(folder)
    assert (found.classes, found.images) == (("bus", "train"), 500)


# How it is read.


def test_a_folder_is_read_once_per_state_and_a_change_is_seen_though_its_time_is_put_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, read = put_plain(root / "shapes"), list[str]()
    content = PictureFolders._content

    def observed(self: PictureFolders, path: str) -> bytes:
        read.append(path)
        return content(self, path)

    monkeypatch.setattr(PictureFolders, "_content", observed)
    before = folders.describe(folder)
    assert len(read) == 513
    for _ in range(2):
        assert folders.describe(folder) == before
        data.check(before.id)
        survey._seen.clear()  # as in a new process
    assert len(read) == 513
    picture = folder / "train" / "square" / "0001.png"
    status, pixels = picture.stat(), picture.read_bytes()
    Image.fromarray(np.full((28, 28), 9, np.uint8)).save(picture, compress_level=0)
    os.utime(picture, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert picture.stat().st_size == status.st_size and picture.read_bytes() != pixels
    assert folders.describe(folder).id != before.id
    with pytest.raises(DataError, match="not on this machine, or has changed"):
        data.load(before.id)


@pytest.mark.parametrize("put", [put_plain, put_idx])
def test_what_is_read_is_compared_with_what_was_looked_at(
    root: Path, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a file that changes between the two would be trained on under another's id."""
    folder = put(root / "shapes")
    found = folders.describe(folder)
    known = folders._surveyed(folder)[2]
    monkeypatch.setattr(folders, "surveyed", lambda state, look: known)
    if put is put_idx:
        path = next(folder.glob("train-labels*"))
        write_idx(path, read_idx(path, "ask")[::-1])
    else:
        Image.fromarray(np.full((28, 28), 9, np.uint8)).save(folder / "train" / "square" / "0001.png")
    with pytest.raises(DataError, match="was changed while it was read"):
        data.load(found.id)


def test_what_is_wrong_is_remembered_too_but_not_what_could_not_be_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, read = put_plain(root / "shapes"), list[str]()
    Image.new("L", (28, 27)).save(folder / "test" / "square" / "0001.png")
    content = PictureFolders._content

    def observed(self: PictureFolders, path: str) -> bytes:
        read.append(path)
        if len(read) == 1:
            raise UnreadableError("It is away for a while.")
        return content(self, path)

    monkeypatch.setattr(PictureFolders, "_content", observed)
    said = [data.available()[1][0] for _ in range(3)]
    assert "away for a while" in said[0] and "is 28 x 27 pixels, others are 28 wide" in said[1] == said[2]
    assert 500 < len(read) <= 514


def of(pixels: np.ndarray | Image.Image, name: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, name, **options)
    return file.getvalue()


def drawing() -> np.ndarray:
    """(28, 28): black on white, unlike any of its mirror images; of levels that a palette of two tells apart."""
    image = np.full((28, 28), 255, np.uint8)
    image[4:9, 3:20] = image[9:22, 3:6] = 0
    return image


def exif_of(orientation: int, kind: str = "H", order: str = ">") -> bytes:
    types = {"B": 1, "H": 3, "I": 4}
    value = struct.pack(order + kind, orientation).ljust(4, b"\0")
    entry = struct.pack(order + "HHI", 0x0112, types[kind], 1) + value
    return (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


def kinds() -> dict[str, tuple[bytes, np.ndarray]]:
    """A picture in files of every kind, and the greys that it holds."""
    d, clear = drawing(), np.full((28, 28), 52, np.uint8)
    black = Image.new("L", (28, 28))
    alpha = Image.fromarray(255 - d)  # what is drawn is opaque
    turned = np.ascontiguousarray(np.rot90(d))
    ramp = np.linspace(0, 65_535, 784).round().astype(np.uint16).reshape(28, 28)
    grey_table = Image.fromarray(d // 255).convert("P")
    grey_table.putpalette([0, 0, 0, 255, 255, 255])
    return {
        "8 bits": (of(d), d),
        "16 bits, even": (of(np.full((28, 28), 13_364, np.uint16)), clear),
        "16 bits, ramp": (of(ramp), (ramp >> 8).astype(np.uint8)),
        "1 bit": (of(Image.fromarray(d).convert("1")), d),
        "2 bits": (of(grey_table, bits=2), d),
        "grey palette": (of(grey_table), d),
        "grey palette, clear": (of(Image.fromarray(d // 255).convert("P"), transparency=bytes([255, 0])), d),
        "LA": (of(Image.merge("LA", [black, alpha])), d),
        "one grey clear": (of(Image.fromarray(np.where(d == 255, 7, d)), transparency=7), d),
        "interlaced": (interlaced(d), d),
        "turned, PNG": (of(turned, exif=b"Exif\0\0" + exif_of(6)), d),
        "turned, big-endian LONG": (of(turned, exif=b"Exif\0\0" + exif_of(6, "I")), d),
        "turned, little-endian BYTE": (of(turned, exif=b"Exif\0\0" + exif_of(6, "B", "<")), d),
        "grey BMP": (of(d, "BMP"), d),
        "1 bit BMP": (of(Image.fromarray(d).convert("1"), "BMP"), d),
    }


def interlaced(pixels: np.ndarray) -> bytes:
    """A PNG by hand, in Adam7's seven passes."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    lines = b"".join(b"\0" + row.tobytes() for y, x, dy, dx in passes for row in pixels[y::dy, x::dx])

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    start = chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 1))
    return b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", kinds())
def test_a_grey_picture_of_every_kind_of_file_is_read_as_a_visitors_own(root: Path, kind: str) -> None:
    folder = put_plain(root / "shapes")
    content, expected = kinds()[kind]
    (folder / "train" / "circle" / "0000.png").write_bytes(content)
    loaded = folders.load(folder)
    assert loaded.shape == (28, 28)
    np.testing.assert_array_equal(loaded.train.images[0], expected)
    own = upright(headers(content)).image.convert("L")
    np.testing.assert_array_equal(loaded.train.images[0], np.asarray(own))


def coloured_kinds() -> dict[str, tuple[bytes, tuple[int, int, int]]]:
    """Pictures of one colour, and which."""
    red, clear = Image.new("RGB", (32, 32), (200, 30, 10)), Image.new("RGBA", (32, 32), (9, 9, 9, 0))
    return {
        "RGB": (of(red), (200, 30, 10)),
        "palette": (of(red.convert("P", palette=Image.Palette.ADAPTIVE)), (200, 30, 10)),
        "clear": (of(clear), (255, 255, 255)),
        "clear WebP": (of(clear, "WebP", lossless=True), (255, 255, 255)),
        "half clear": (of(Image.new("RGBA", (32, 32), (0, 0, 0, 51))), (204, 204, 204)),
        "WebP": (of(red, "WebP", lossless=True), (200, 30, 10)),
        "BMP": (of(red, "BMP"), (200, 30, 10)),
        "CMYK": (of(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=100), (255, 0, 0)),
        "grey": (of(Image.new("L", (32, 32), 77)), (77, 77, 77)),
        "16 bits": (of(np.full((32, 32), 13_364, np.uint16)), (52, 52, 52)),
    }


@pytest.mark.parametrize("kind", coloured_kinds())
@pytest.mark.parametrize("label", [0, 2], ids=["the first", "a later"])
def test_a_picture_among_coloured_ones_is_read_in_colours(root: Path, kind: str, label: int) -> None:
    content, expected = coloured_kinds()[kind]
    folder = put_pictures(root / "shapes", (32, 32, 3), n=510)
    (folder / "train" / CLASSES[label] / f"000{label}.png").write_bytes(content)
    loaded = folders.load(folder)
    assert loaded.shape == (32, 32, 3)
    pixels = loaded.train.images[np.flatnonzero(loaded.train.labels == label)[0]]
    assert np.abs(pixels.astype(int) - expected).max() <= (2 if kind == "CMYK" else 0)
