"""What the first bytes of a file say, before anything opens it."""

import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from core.errors import NetworkError
from core.own import shelf
from core.own.file import ONNX, SAFETENSORS, kind_of
from tests.graphs import small


def kind(content: bytes) -> str:
    return kind_of(content[:16], len(content))


def saved(**more: object) -> bytes:
    content = io.BytesIO()
    torch.save({"w": torch.zeros(3)}, content, **more)  # type: ignore[arg-type]
    return content.getvalue()


def test_an_onnx_file_and_safetensors_are_told_apart_by_their_bytes() -> None:
    assert kind(small().SerializeToString()) == ONNX
    assert kind(save({"w": np.zeros(3, np.float32)})) == SAFETENSORS


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (saved(), "pickled code"),
        (saved(_use_new_zipfile_serialization=False), "pickled code"),
        *((pickle.dumps({"w": [1, 2]}, protocol=protocol), "pickled code") for protocol in range(6)),
        (b"", "empty"),
        (b"<!DOCTYPE html><html>not found</html>", "web page"),
        (b"\n\n  <html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b'{"error": "not found"}', "text"),
        (b"\x1f\x8b\x08\x00rest", "gzip"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"%PDF-1.7", "PDF"),
        (struct.pack("<Q", 2**31) + b"{", "2,147,483,648 bytes"),
        (struct.pack("<Q", 2**63) + b'{"w": 1}', "damaged or cut off"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_other_kinds_are_refused_with_what_to_do(content: bytes, says: str) -> None:
    with pytest.raises(NetworkError, match=says) as error:
        kind(content)
    assert str(error.value).endswith(".")


def test_a_pickle_is_refused_whatever_its_name_and_without_being_opened(tmp_path: pytest.TempPathFactory) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (open, (f"{tmp_path}/sprung", "w"))  # type: ignore[return-value]

    with pytest.raises(NetworkError, match="dynamo=False, external_data=False"):
        kind(pickle.dumps(Trap()))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Trap()))
    with pytest.raises(NetworkError, match="pickled code"):
        kind(content.getvalue())
    assert not list(tmp_path.iterdir())  # type: ignore[attr-defined]


def test_the_hosts_networks_are_the_files_in_one_folder(tmp_path: Path) -> None:
    environment = {shelf.VARIABLE: str(tmp_path)}
    for name in ("b.onnx", "a.safetensors", "notes.txt", "c.ONNX"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "folder.onnx").mkdir()
    assert shelf.names(environment) == ["a.safetensors", "b.onnx", "c.ONNX"]
    assert shelf.read("b.onnx", environment) == b"b.onnx"
    for name in ("notes.txt", "../b.onnx", str(tmp_path / "b.onnx"), "folder.onnx", ""):
        with pytest.raises(NetworkError, match="There is no network"):
            shelf.read(name, environment)
    assert shelf.names({}) == shelf.names({shelf.VARIABLE: str(tmp_path / "none")}) == []
