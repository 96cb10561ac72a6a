"""A host's own data sets: what is taken, what is refused with a sentence, and that a network is trained on them."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import data
from core.config import PruningConfig, RunConfig, TrainingConfig
from core.data import folders
from core.data.files import read_idx, write_idx
from core.engine import tasks
from core.engine.inference import Classifier
from core.engine.source import official
from core.errors import DataError
from core.runs import RunStore

pytestmark = pytest.mark.timeout(300)

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
        (lambda file: file.write_bytes(b"no picture"), "no whole picture"),
        (lambda file: file.write_bytes(file.read_bytes()[:60]), "no whole picture"),
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
    ("shape", "network"), [((32, 32, 3), "lenet"), ((28, 28, 3), "convnet-small"), ((32, 32), "convnet-small")]
)
def test_a_network_is_trained_profiled_and_asked_on_it(
    root: Path, tmp_path: Path, shape: tuple[int, ...], network: str
) -> None:
    found = folders.describe(put_idx(root / "shapes", shape))
    epochs = 8 if network == "lenet" else 4
    training = TrainingConfig(epochs=epochs, batch_size=50, learning_rate=0.02, shift=1, cutout=4)
    config = RunConfig(network=network, training=training, data=found.config)
    tasks.train(config, root=tmp_path / "runs")
    store = RunStore(tmp_path / "runs")
    run, profile = store.get(config.run_id), store.profile(config.run_id, PruningConfig())
    assert run.classes == CLASSES and run.shape == shape and run.images == 90
    assert run.accuracy.value > 0.8  # of three classes
    assert profile is not None and profile.predicted.max() <= 2
    test = official(found.id).data.test
    answers = Classifier(run.design, test.images).infer(store.weights(run.id)).argmax(axis=1)
    assert np.array_equal(answers, profile.predicted[0])
    trace = tasks.trace(run.id, PruningConfig(), (0.0, 0.5), test.images[0], root=store.root)
    assert trace.probability.shape == (2, 3) and trace.predicted[0] == answers[0]
