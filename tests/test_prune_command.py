"""`python -m core.prune`: from a file and a folder of pictures to the same graph with zeros, or a sentence."""

import hashlib
import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import torchvision
from onnx import ModelProto, numpy_helper
from safetensors.numpy import load_file, save_file
from torch import nn

from core import data
from core.engine.models import loaded
from core.engine.own import look
from core.engine.own.graph import parsed
from core.engine.tasks import perform
from core.errors import DataError
from core.evaluation import compare
from core.own.architectures import NAMES
from core.own.looking import Looking
from core.prune import main
from core.pruning import PruningConfig, prune, rank
from core.store import uploads
from core.store.runs import RunStore
from core.words import wording
from tests.graphs import digits, exported, trained, write_pictures

ROOT = Path(__file__).parent.parent


@contextmanager
def quiet() -> Iterator[None]:
    """Without what the exporters warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the digits as pictures, and a network that has learnt others of them, at three opsets."""
    folder, network = tmp_path_factory.mktemp("own"), trained()
    write_pictures(folder / "digits")
    write_pictures(folder / "parts", parts=True)
    write_pictures(folder / "mixed", names=[f"{(7 * digit + 3) % 10} was {digit}" for digit in range(10)])
    for opset in (11, 17, 20):
        (folder / f"{opset}.onnx").write_bytes(exported(network, opset))
    return folder


def run(place: Path, network: str, out: Path, *more: str, data: str = "digits", sparsity: str = "0.5") -> int:
    return main([str(place / network), "--data", str(place / data), "--sparsity", sparsity, "-o", str(out), *more])


def answers(content: bytes, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    answered = session.run(None, {"x": images[:, None].astype(np.float32) / 255})[0]
    labels: np.ndarray = np.asarray(answered).argmax(axis=1)
    return labels


@pytest.mark.parametrize("opset", [11, 17, 20])
def test_the_same_graph_with_exactly_k_zeros_and_the_sentence_of_the_pages(
    place: Path, opset: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, (images, labels) = tmp_path / "out.onnx", digits()
    assert run(place, f"{opset}.onnx", out, data="parts") == 0
    before, after = (place / f"{opset}.onnx").read_bytes(), out.read_bytes()
    graph, written = parsed(before), parsed(after)
    zeros = prune(graph.weights, rank(graph.weights, PruningConfig()), 0.5)
    assert all(np.array_equal(written.weights[name], w) for name, w in zeros.items())
    k, total = (sum(int((w == 0).sum()) for w in zeros.values()), sum(w.size for w in zeros.values()))
    assert k == round(0.5 * total)
    for constant in {*graph.constants} - {layer.constant for layer in graph.layers}:
        assert graph.constants[constant] == written.constants[constant]
    assert [n.SerializeToString() for n in graph.model.graph.node] == [
        n.SerializeToString() for n in written.model.graph.node
    ]
    said = capsys.readouterr()
    comparison = compare(labels[1000:], answers(before, images[1000:]), answers(after, images[1000:]))
    assert wording.answer(k, total, comparison) in said.out
    assert "paired on 797 images" in said.out
    assert "0 to 1, grey, 8 × 8" in said.out.split("first is used:")[1].splitlines()[1]
    assert said.err == ""


@pytest.mark.parametrize("more", [
    ["--repair", "refit"], ["--criterion", "lamp", "--repair", "refit", "--sample", "100"],
    ["--criterion", "obs"], ["--criterion", "wanda", "--scope", "nm"], ["--criterion", "random", "--seed", "3"],
    ["--scope", "erk"], ["--scale", "0 to 1"], ["--layers"],
], ids=" ".join)  # fmt: skip
def test_each_choice_is_followed(
    place: Path, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.onnx"
    assert run(place, "17.onnx", out, *more, sparsity="0.5") == 0
    said = capsys.readouterr().out
    graph, written = parsed((place / "17.onnx").read_bytes()), parsed(out.read_bytes())
    gone = sum(int((w == 0).sum()) for w in written.weights.values())
    total = sum(w.size for w in graph.weights.values())
    if "nm" in more:
        kept = written.weights[written.layers[1].name]
        assert (np.count_nonzero(kept, axis=1) <= 2).all()
        assert f"{gone:,} of {total:,} weights set to zero" in said
    else:
        assert abs(gone - total / 2) <= len(graph.layers) / 2
    assert "set aside" in said
    assert ("refitted" in said) == ("refit" in more)
    assert ("Not pruned" in said) == ("--layers" in more)


def test_names_from_a_file_do_not_reach_the_terminal_as_commands(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proto, evil = ModelProto.FromString((place / "17.onnx").read_bytes()), "\x1b[2Jgone\n\u202eback.weight"
    old = parsed(proto.SerializeToString()).layers[0].constant
    next(tensor for tensor in proto.graph.initializer if tensor.name == old).name = evil
    for node in proto.graph.node:
        for i, name in enumerate(node.input):
            if name == old:
                node.input[i] = evil
    proto.producer_name = "\x1b]0;me\x07"
    (tmp_path / "evil.onnx").write_bytes(proto.SerializeToString())
    asked = ["--data", str(place / "digits"), "--sparsity", "0.5", "--layers", "-o", str(tmp_path / "out.onnx")]
    assert main([str(tmp_path / "evil.onnx"), *asked]) == 0
    said = capsys.readouterr().out
    assert "gone" in said
    assert not {"\x1b", "\x07"} & {*said}


def test_nothing_pruned_changes_nothing_at_all(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.onnx"
    assert run(place, "17.onnx", out, "--repair", "refit", sparsity="0") == 0
    assert out.read_bytes() == (place / "17.onnx").read_bytes()
    assert "None of" in capsys.readouterr().out


def test_another_order_of_the_classes_is_said(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, "17.onnx", tmp_path / "out.onnx", data="mixed") == 0
    said = capsys.readouterr().out
    assert "Another order of the classes fits better" in said
    assert "0 3 was 0, 1 0 was 1" in said


def test_softmax_inside_gives_the_same_answers(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soft = nn.Sequential(trained(), nn.Softmax(dim=1)).eval()
    (tmp_path / "soft.onnx").write_bytes(exported(soft, 17))
    assert run(place, "17.onnx", tmp_path / "a.onnx") == 0
    plain = capsys.readouterr().out.splitlines()[-2]
    assert main([str(tmp_path / "soft.onnx"), "--data", str(place / "digits"), "--sparsity", "0.5", "-o",
                 str(tmp_path / "b.onnx")]) == 0  # fmt: skip
    assert capsys.readouterr().out.splitlines()[-2] == plain


def test_safetensors_with_an_architecture_keep_their_keys(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torchvision.models.get_model("shufflenet_v2_x0_5", weights=None, num_classes=10).eval()
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    asked = [str(tmp_path / "w.safetensors"), "--data", str(place / "digits"), "--sparsity", "0.3", "--size", "32x32",
             "--scale", "0 to 1", "-o", str(tmp_path / "out.safetensors")]  # fmt: skip
    assert main([*asked, "--architecture", "shufflenet_v2_x0_5"]) == 0
    out = load_file(tmp_path / "out.safetensors")
    assert {*out} == {*state}
    assert all(out[name].dtype == state[name].dtype and out[name].shape == state[name].shape for name in state)
    kernels = {name: w for name, w in state.items() if w.ndim >= 2}
    zeros = prune(kernels, rank(kernels, PruningConfig()), 0.3)
    assert all(np.array_equal(out[name], zeros.get(name, value)) for name, value in state.items())
    capsys.readouterr()
    for more, says in (
        ([], "Safetensors hold arrays without layers"),
        (["--architecture", "resnet"], "There is no architecture 'resnet'"),
        (["--architecture", "resnet18"], "does not hold the arrays of resnet18"),
    ):
        assert main([*asked, *more]) == 1
        assert says in capsys.readouterr().err


def broken(place: Path) -> dict[str, tuple[bytes, str]]:
    nan = ModelProto.FromString((place / "17.onnx").read_bytes())
    tensor = nan.graph.initializer[0]
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] = np.nan
    tensor.raw_data = values.tobytes()
    return {
        "a pickle": (pickle.dumps({"w": 1}), "pickled code"),
        "nothing": (b"", "empty"),
        "a web page": (b"<html>", "web page"),
        "cut off": ((place / "17.onnx").read_bytes()[:-100], "not a complete ONNX file"),
        "NaN": (nan.SerializeToString(), "NaN"),
    }


@pytest.mark.parametrize("case", ["a pickle", "nothing", "a web page", "cut off", "NaN"])
def test_what_the_page_would_refuse_is_refused_with_one_sentence_and_nothing_is_written(
    place: Path, case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, says = broken(place)[case]
    (tmp_path / "network.onnx").write_bytes(content)
    asked = ["--data", str(place / "digits"), "--sparsity", "0.5", "-o", str(tmp_path / "out.onnx")]
    assert main([str(tmp_path / "network.onnx"), *asked]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"network.onnx"}


def test_places_are_checked_before_anything_is_computed(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "__name__", "no.such.module")
    for out, says in (
        (place / "17.onnx", "is the network itself"),
        (tmp_path / "none" / "out.onnx", "cannot be written"),
        (tmp_path, "cannot be written"),
    ):
        assert run(place, "17.onnx", out) == 1
        assert says in capsys.readouterr().err
    monkeypatch.undo()
    assert run(place, "none.onnx", tmp_path / "out.onnx") == 1
    assert "none.onnx cannot be read (No such file or directory)" in capsys.readouterr().err
    os.mkfifo(tmp_path / "fifo.onnx")
    for network in (tmp_path, tmp_path / "fifo.onnx"):
        assert (
            main([str(network), "--data", str(place / "digits"), "--sparsity", "0.5", "-o", str(tmp_path / "o")]) == 1
        )
        assert "is not a file" in capsys.readouterr().err
    (tmp_path / "fifo.onnx").unlink()
    assert run(place, "17.onnx", tmp_path / "out.onnx", data="none") == 1
    assert "is not a folder" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("sparsity", ["-0.1", "1.5", "50%", "nan", "half"])
def test_a_sparsity_that_is_none_is_refused(place: Path, sparsity: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(place, "17.onnx", tmp_path / "out.onnx", sparsity=sparsity)
    assert stopped.value.code == 2


def test_it_is_a_command(place: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "core.prune", str(place / "17.onnx"), "--data", str(place / "digits"),
               "--sparsity", "0.9", "-o", str(tmp_path / "out.onnx")]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "weights set to zero" in done.stdout
    command[3] = str(tmp_path / "no.onnx")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""


def test_the_architectures_are_those_of_torchvision() -> None:
    assert list(NAMES) == torchvision.models.list_models(module=torchvision.models)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnasnet0_5", "regnet_y_400mf", "maxvit_t", "swin_t", "googlenet", "resnet18"])
def test_architectures_that_are_built_in_unusual_ways_are_opened(name: str, tmp_path: Path) -> None:
    """Some need numbers to be built, some ask for a version, some end without a bias."""
    with quiet():
        network = torchvision.models.get_model(name, weights=None, num_classes=7)
    state = {key: value.numpy() for key, value in network.state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    upload = uploads.put(RunStore(tmp_path / "store"), (tmp_path / "w.safetensors").read_bytes())
    found = perform(Looking(upload=upload, architecture=name), tmp_path / "store")
    assert [*found.outputs.values()] == [(7,)]
    assert {layer.constant for layer in found.layers} <= {*state}
    assert found.weights == sum(state[layer.constant].size for layer in found.layers)


@pytest.mark.parametrize("name", ["out.onnx", "out.safetensors"])
def test_the_archive_gives_the_file_back_without_us(
    name: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = []
    if name == "out.safetensors":
        network = torchvision.models.get_model("shufflenet_v2_x0_5", weights=None, num_classes=10)
        save_file({key: value.numpy() for key, value in network.state_dict().items()}, tmp_path / "w.safetensors")
        more = ["--architecture", "shufflenet_v2_x0_5", "--size", "32x32", "--scale", "0 to 1"]
    brought, archive = (tmp_path / "w.safetensors" if more else place / "17.onnx"), tmp_path / "take.zip"
    asked = ["--data", str(place / "digits"), "--sparsity", "0.9", "-o", str(tmp_path / name)]
    assert main([str(brought), *asked, "--package", str(archive), *more]) == 0
    said, home = capsys.readouterr().out, tmp_path / "home"
    with zipfile.ZipFile(archive) as held:
        held.extractall(home)
    assert {path.name for path in home.iterdir()} == {name, "masks.safetensors", "network.plab", "compact.py",
                                                      "restore.py", "MODEL_CARD.md"}  # fmt: skip
    content = (tmp_path / name).read_bytes()
    assert (home / name).read_bytes() == content
    (home / name).unlink()
    alone = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(home)!r}); import restore; "
             "restore.main('network.plab')"]  # fmt: skip
    subprocess.run(alone, cwd=home, check=True, capture_output=True)
    assert (home / name).read_bytes() == content
    assert f"{(home / 'network.plab').stat().st_size:,}" in said
    assert (home / "network.plab").stat().st_size < len(content) / 2
    masks, before = load_file(home / "masks.safetensors"), dict[str, np.ndarray]()
    if more:
        before, after = load_file(brought), load_file(tmp_path / name)
    else:
        graphs = parsed(brought.read_bytes()), parsed(content)
        before, after = ({layer.constant: graph.array(layer.constant) for layer in graph.layers} for graph in graphs)
    assert masks
    assert all(np.array_equal(after[key], np.where(mask, before[key], 0)) for key, mask in masks.items())
    card = (home / "MODEL_CARD.md").read_text()
    assert hashlib.sha256(content).hexdigest() in card
    assert "paired interval" in card
    assert name in card


@pytest.mark.slow
@pytest.mark.parametrize("dynamo", [False, True])
def test_a_run_that_ships_says_the_same_when_it_is_brought(
    dynamo: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """LeNet-5 by torch's two exporters: the counts of the stored profile, at half of the weights."""
    try:
        data.check("fashion-mnist")
    except DataError:
        pytest.skip("Fashion-MNIST is not on this machine")
    store = RunStore(tmp_path / "store")
    run = next(run for run in store.runs() if run.network == "lenet")
    network, one = loaded(run.design, store.weights(run.id)), (torch.zeros(2, 1, 28, 28),)
    how = {"dynamic_shapes": ({0: torch.export.Dim("n")},), "external_data": False} if dynamo else {
        "dynamic_axes": {"x": {0: "n"}}, "input_names": ["x"]}  # fmt: skip
    with quiet():
        torch.onnx.export(network, one, tmp_path / "lenet.onnx", dynamo=dynamo, verbose=False, **how)
    asked = ["--data", "fashion-mnist", "--sparsity", "0.5", "-o", str(tmp_path / "out.onnx")]
    assert main([str(tmp_path / "lenet.onnx"), *asked]) == 0
    profile, labels = store.profile(run.id, PruningConfig()), store.labels(run.id)
    assert profile is not None
    row = profile.stop_index(50)
    comparison = compare(labels, profile.predicted[0], profile.predicted[row])
    assert wording.answer(int(profile.k[row]), profile.total, comparison) in capsys.readouterr().out
