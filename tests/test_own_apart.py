"""A file from outside, opened in a process of its own: whatever it does, one sentence comes back."""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from core.engine.own import apart, look
from core.engine.own.apart import outlined
from core.engine.tasks import perform
from core.errors import NetworkError, StoreError
from core.own.looking import Looking
from core.own.outline import Input
from core.store import uploads
from core.store.runs import RunStore
from tests.graphs import CLASSES, FILTERS, SIDE, constant, looping, model, outside, small


def written(folder: Path, content: ModelProto | bytes) -> Path:
    path = folder / "network.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def tail(*nodes: object, **constants: np.ndarray) -> ModelProto:
    """A graph that goes on from its answers `y` to `z`."""
    proto = small()
    proto.graph.node.extend(nodes)
    proto.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    proto.graph.output[0].name = "z"
    return proto


def huge() -> ModelProto:
    """A small file whose graph makes 10^12 numbers."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["ones"]),
        helper.make_node("ReduceSum", ["ones"], ["sum"], keepdims=0),
        helper.make_node("Add", ["y", "sum"], ["z"]),
    ]
    return tail(*nodes, shape=np.array([10**6, 10**6]))


def test_the_outline_says_what_the_graph_holds(tmp_path: Path) -> None:
    path = written(tmp_path, small())
    outline = outlined(path)
    assert outline.weights == FILTERS * 9 + CLASSES * FILTERS
    assert [layer.name for layer in outline.layers] == ["conv.weight", "fc.weight"]
    assert (outline.outputs, outline.opset, outline.nodes) == ({"y": (CLASSES,)}, 17, 5)
    assert outline.bytes == path.stat().st_size
    assert outline.input == Input("x", "float32", (None, 1, SIDE, SIDE))
    assert outline.answers(CLASSES) == "y"
    with pytest.raises(NetworkError, match=r"The data set has 7 classes, and no output .*: y \(10\)"):
        outline.answers(7)


def test_of_two_outputs_the_one_that_answers_is_found(tmp_path: Path) -> None:
    proto = small(outputs=("a", "y"))
    proto.graph.output[0].type.tensor_type.shape.CopyFrom(
        helper.make_tensor_type_proto(TensorProto.FLOAT, ["n", FILTERS, SIDE, SIDE]).tensor_type.shape
    )
    outline = outlined(written(tmp_path, proto))
    assert outline.outputs == {"a": (FILTERS, SIDE, SIDE), "y": (CLASSES,)}
    assert outline.answers(CLASSES) == "y"


def test_a_graph_that_takes_one_image_whatever_it_says_is_noticed(tmp_path: Path) -> None:
    proto = small()
    proto.graph.node[3].CopyFrom(helper.make_node("Reshape", ["p", "shape"], ["f"]))
    proto.graph.initializer.append(numpy_helper.from_array(np.array([1, FILTERS]), "shape"))
    assert outlined(written(tmp_path, proto)).input.batch == 1


def test_an_open_height_and_width_are_tried(tmp_path: Path) -> None:
    outline = outlined(written(tmp_path, small(shape=("n", "c", "h", "w"))))
    assert (outline.outputs, outline.input.shape) == ({"y": (CLASSES,)}, (None, 1, None, None))
    assert outlined(written(tmp_path, small(shape=("n", 1, "h", "w"))), (48, 192)).outputs == {"y": (CLASSES,)}


@pytest.mark.parametrize("opset", [7, 9, 13, 18, 21, 24, 26])
def test_every_opset_from_7_on_runs(opset: int, tmp_path: Path) -> None:
    assert outlined(written(tmp_path, small(opset=opset))).opset == opset


def test_channels_last_and_no_convolution_at_all(tmp_path: Path) -> None:
    turned = small(shape=("n", SIDE, SIDE, 3))
    turned.graph.node[0].input[0] = "t"
    turned.graph.node.insert(0, helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]))
    turned.graph.initializer[0].CopyFrom(constant("conv.weight", FILTERS, 3, 3, 3))
    outline = outlined(written(tmp_path, turned))
    assert (outline.input.layouts, outline.input.size("NHWC")) == (("NHWC",), (SIDE, SIDE))
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])]
    plain = outlined(written(tmp_path, model(nodes, [constant("w", SIDE**2, CLASSES)])))
    assert [(layer.operator, layer.shape) for layer in plain.layers] == [("MatMul", (CLASSES, SIDE**2))]


REFUSED = {
    "nothing": (b"", "empty"),
    "a web page": (b"<html>", "web page"),
    "a length of 2 GB": (b"\x08\x08\x3a\xff\xff\xff\xff\x07", "not a complete ONNX file"),
    "a length of 2 GB in safetensors": (b"\x00\x00\x00\x80\x00\x00\x00\x00{", "says that its head has 2,147,483,648"),
    "cut off": (small().SerializeToString()[:-30], "not a complete ONNX file|checker refuses"),
    "a function that calls itself": (looping(), "functions of its own"),
    "external data that climbs": (outside("../../../../etc/passwd"), "external_data=False"),
    "10^12 numbers made while it runs": (huge(), "cannot run this graph|more memory|crashed"),
    "a size that does not fit": (tail(helper.make_node("Reshape", ["y", "s"], ["z"]), s=np.array([7])), "cannot run"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_sentence_comes_back_and_nothing_is_left(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, says = REFUSED[case]
    path, temporary = written(tmp_path, content), tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with pytest.raises(NetworkError, match=says) as error:
        outlined(path)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)
    assert not psutil.Process().children()
    assert not [*temporary.iterdir()]
    assert {*tmp_path.iterdir()} == {path, temporary}


def in_child(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the process that looks at a file run this instead, within the same limits."""
    module = folder / "stand_in.py"
    module.write_text(
        f"import sys\nfrom pathlib import Path\nfrom core.engine.own import look\nlook.limit(10)\n{code}\n"
    )
    monkeypatch.setattr(apart, "_ROOT", os.pathsep.join((str(apart._ROOT), str(folder))))
    monkeypatch.setattr(look, "__name__", "stand_in")
    return written(folder, small())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems bound less")
def test_each_limit_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import resource as r, json; print(json.dumps({'problem': str([r.getrlimit(w)[0] for w in (r.RLIMIT_AS, "
    code += "r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CORE)])}))"
    with pytest.raises(NetworkError) as error:
        outlined(in_child(code, tmp_path, monkeypatch))
    assert str(error.value) == str([look.MEMORY + 80, look.SECONDS, 0, 64, 0])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import ctypes; ctypes.string_at(0)", "crashed on this file \\(SIGSEGV\\)"),
        ("import os; os.abort()", "crashed on this file \\(SIGABRT\\)"),
        ("bytearray(20_000_000_000)", "crashed on this file \\(exit status 1\\)"),
        ("Path('left').write_bytes(b'x')", "crashed on this file"),
        ("print('{\"outline\": {}}')", "crashed on this file"),
        ("print('not JSON')", "crashed on this file"),
    ],
)
def test_a_process_that_dies_takes_nothing_with_it(
    code: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = in_child(code, tmp_path, monkeypatch)
    with pytest.raises(Exception, match=says):
        outlined(path)
    assert not psutil.Process().children()


def test_a_process_that_hangs_or_counts_for_ever_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = in_child("while True: pass", tmp_path, monkeypatch)
    monkeypatch.setattr(apart, "_PATIENCE", 5)
    began = time.monotonic()
    with pytest.raises(NetworkError, match="takes too long"):
        outlined(path)
    assert time.monotonic() - began < 60
    assert not psutil.Process().children()


def test_large_files_folders_and_what_is_not_there_are_refused_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, small())
    monkeypatch.setattr(apart, "MOST_BYTES", 100)
    with pytest.raises(NetworkError, match="at most 0 MB are read"):
        outlined(path)
    with pytest.raises(NetworkError, match="is not a file"):
        outlined(tmp_path)
    with pytest.raises(NetworkError, match="No such file"):
        outlined(tmp_path / "none.onnx")


def test_a_look_is_a_job_that_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, temporary, content = tmp_path / "store", tmp_path / "temporary", small().SerializeToString()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    kept, bad = (uploads.put(RunStore(store), part) for part in (content, looping().SerializeToString()))
    before = {path for path in store.rglob("*") if path.is_file()}
    found = perform(Looking(upload=kept), store)
    assert found.weights == FILTERS * 9 + CLASSES * FILTERS
    with pytest.raises(NetworkError, match="functions of its own"):
        perform(Looking(upload=bad), store)
    assert not [*temporary.iterdir()]
    assert {path for path in store.rglob("*") if path.is_file()} == before
    with pytest.raises(StoreError, match="upload it again"):
        perform(Looking(upload="0" * 64), store)
