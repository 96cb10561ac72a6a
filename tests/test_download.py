"""Downloaded files are checked, put in place whole, and a server that cannot be reached is reported in one sentence."""

import gzip
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from torchvision.datasets import MNIST, FashionMNIST

from core.data import fashion as data
from core.data import folders
from core.data.fashion import FILES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from core.data.files import write_idx
from core.engine import download
from core.errors import DataError

LABELS = (np.arange(500) % 10).astype(np.uint8)
CONTENT = {name: f"the content of {name}".encode() for name in FILES}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a server on this machine serves in place of the data set's own."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(gzip.compress(content, mtime=0))
        monkeypatch.setitem(FILES, name, hashlib.md5(content).hexdigest())
    packed = [(name, hashlib.md5((folder / name).read_bytes()).hexdigest()) for name in FILES]
    monkeypatch.setattr(FashionMNIST, "resources", packed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(data, "PACKAGE_FOLDER", tmp_path / "package")
    monkeypatch.delenv(data.VARIABLE, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder
        server.shutdown()


@pytest.mark.usefixtures("site")
def test_downloaded_files_are_found_in_the_cache_and_nothing_else_is_left_there() -> None:
    names: list[str] = []
    folder = download.download(on_file=names.append)
    assert data.locate({}) == folder
    assert names == list(FILES)
    assert sorted(os.listdir(folder)) == sorted(FILES)
    assert socket.getdefaulttimeout() is None


@pytest.mark.usefixtures("site")
def test_a_damaged_file_in_the_cache_is_replaced() -> None:
    folder = download.download()
    (folder / data.TEST_LABELS).write_bytes(b"damaged")
    with pytest.raises(DataError):
        data.locate({})
    download.download()
    assert data.locate({}) == folder


def test_a_file_that_arrives_damaged_leaves_nothing_behind(site: Path) -> None:
    (site / data.TEST_LABELS).write_bytes(b"damaged")
    with pytest.raises(DataError, match="cannot be downloaded"):
        download.download()
    assert os.listdir(data.download_folder()) == []


def test_a_file_that_the_server_does_not_have_is_an_error(site: Path) -> None:
    (site / data.TRAIN_IMAGES).unlink()
    with pytest.raises(DataError, match=r"cannot be downloaded \(HTTP Error 404: File not found\)"):
        download.download()


@pytest.mark.usefixtures("site")
def test_an_unreachable_server_is_reported_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://127.0.0.1:1/"])
    assert download.main() == 1
    assert "cannot be downloaded" in (said := capsys.readouterr().err)
    assert "dataset-fashion-mnist" in said and data.VARIABLE in said


@pytest.mark.usefixtures("site")
def test_a_silent_server_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{silent.getsockname()[1]}/"])
        with pytest.raises(DataError, match="timed out"):
            download.download(patience=0.2)


@pytest.mark.usefixtures("site")
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written to .*/file"):
        download.download(tmp_path / "file" / "data")


def test_the_command_downloads_only_what_is_not_here(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert download.main() == 0
    assert "Downloading" in capsys.readouterr().out
    for name in FILES:
        (site / name).unlink()
    assert download.main() == 0
    assert "Downloading" not in capsys.readouterr().out


@pytest.mark.usefixtures("site")
def test_a_folder_that_the_user_named_is_not_downloaded_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(data.VARIABLE, str(tmp_path / "named"))
    assert download.main() == 1
    assert "named/train-images-idx3-ubyte.gz is missing" in capsys.readouterr().err
    assert not data.download_folder().exists()


# --- other data sets --------------------------------------------------------------------------------------------


@pytest.fixture
def digits(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """MNIST as its server would send it, with the few images that are returned, in both parts."""
    images = np.random.default_rng(0).integers(256, size=(500, 28, 28), dtype=np.uint8)
    packed = []
    for name, values in {TRAIN_IMAGES: images, TRAIN_LABELS: LABELS, TEST_IMAGES: images, TEST_LABELS: LABELS}.items():
        write_idx(site / name, values)
        packed.append((name, hashlib.md5((site / name).read_bytes()).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", packed)
    monkeypatch.setattr(MNIST, "mirrors", FashionMNIST.mirrors)
    monkeypatch.setenv(folders.VARIABLE, str(tmp_path / "sets"))
    return images


def test_another_data_set_is_fetched_by_torchvision_and_kept_as_idx_files(
    digits: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert download.main(["mnist"]) == 0
    folder = tmp_path / "sets" / "mnist"
    assert str(folder) in capsys.readouterr().out
    assert os.listdir(folder.parent) == ["mnist"]
    loaded = folders.load(folder)
    for part in (loaded.train, loaded.test):
        assert np.array_equal(part.images, digits) and np.array_equal(part.labels, LABELS)
    assert len(loaded.classes) == 10 and loaded.classes[7].startswith("7")


def test_colours_are_kept_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(256, size=(500, 32, 32, 3), dtype=np.uint8)
    found = SimpleNamespace(data=images, targets=LABELS.tolist(), classes=[f"class {i}" for i in range(10)])
    monkeypatch.setitem(download.OTHERS, "cifar-10", lambda root, train, download: found)
    folder = download.download_other("cifar-10", tmp_path)
    loaded = folders.load(folder)
    assert np.array_equal(loaded.train.images, images) and loaded.classes[3] == "class 3"


@pytest.mark.usefixtures("digits")
def test_a_data_set_that_does_not_arrive_leaves_nothing_behind(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / TEST_IMAGES).write_bytes(b"damaged")
    assert download.main(["mnist"]) == 1
    assert "mnist cannot be downloaded" in capsys.readouterr().err
    assert os.listdir(tmp_path / "sets") == []


def test_a_data_set_that_nobody_knows_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert download.main(["imagenet"]) == 1
    assert "no data set imagenet; choose from mnist, kmnist, cifar-10" in capsys.readouterr().err
