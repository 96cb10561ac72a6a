"""Small graphs of ONNX for tests, and a network of real digits, trained here, with its pictures in folders."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

SIDE, CLASSES, FILTERS = 8, 10, 4


def constant(name: str, *shape: int, seed: int = 0) -> TensorProto:
    values = np.random.default_rng([seed, len(name), *name.encode()]).standard_normal(shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def model(
    nodes: Sequence[NodeProto],
    constants: Sequence[TensorProto],
    *,
    shape: Sequence[Any] = ("n", 1, SIDE, SIDE),
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
    **more: Any,
) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "classes"]) for name in outputs],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **more)


def head(channels: int = FILTERS) -> tuple[list[NodeProto], list[TensorProto]]:
    """From (n, channels, h, w) `a` to the answers `y`."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["a"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"], name="fc", transB=1),
    ]
    return nodes, [constant("fc.weight", CLASSES, channels), constant("fc.bias", CLASSES)]


def small(channels: int = 1, **more: Any) -> ModelProto:
    """A convolution, ReLU and a fully connected layer."""
    nodes, constants = head()
    conv = helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["c"], name="conv", pads=[1, 1, 1, 1])
    kernels = [constant("conv.weight", FILTERS, channels, 3, 3), constant("conv.bias", FILTERS)]
    more.setdefault("shape", ("n", channels, SIDE, SIDE))
    return model([conv, helper.make_node("Relu", ["c"], ["a"]), *nodes], [*kernels, *constants], **more)


def outside(location: str) -> ModelProto:
    """A graph that says that a kernel is in another file."""
    proto = small()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return proto


def looping() -> ModelProto:
    """A graph with a function that calls itself."""
    proto = small()
    name = "again"
    function = helper.make_function("own", name, ["a"], ["b"], [helper.make_node(name, ["a"], ["b"], domain="own")], [
        helper.make_opsetid("", 17), helper.make_opsetid("own", 1)])  # fmt: skip
    proto.functions.append(function)
    proto.opset_import.append(helper.make_opsetid("own", 1))
    proto.graph.node.insert(1, helper.make_node(name, ["c"], ["d"], domain="own"))
    return proto


class Digits(nn.Module):
    """A small network for digits of 8 x 8 pixels from 0 to 1, with batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=2)
        self.fc = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(self.conv1(x)).relu()
        answer: torch.Tensor = self.fc(self.conv2(x).relu().flatten(1))
        return answer


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 real digits: (n, 8, 8) uint8 from 0 to 255, and their labels."""
    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, 8, 8) * 255 / 16).round().astype(np.uint8), labels


def trained(epochs: int = 12) -> Digits:
    """A network that has learnt the first thousand digits."""
    images, labels = digits()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Digits()
        order = torch.randperm(1000)
    x = torch.tensor(images[:1000], dtype=torch.float32)[:, None] / 255
    y, optimizer = torch.tensor(labels[:1000]), torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(epochs):
        for part in order.split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[part]), y[part]).backward()
            optimizer.step()
    return network.eval()


def exported(network: nn.Module, opset: int = 17, *, kept: bool = False) -> bytes:
    """A network as torch exports it, from `x` to `y`, any number of images; `kept` keeps batch normalisation apart."""
    content, mode = io.BytesIO(), torch.onnx.TrainingMode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, on this exporter
        torch.onnx.export(network, (torch.zeros(1, 1, SIDE, SIDE),), content, dynamo=False, opset_version=opset,  # type: ignore[arg-type]
                          training=mode.PRESERVE if kept else mode.EVAL, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})  # fmt: skip
    return content.getvalue()


def write_pictures(folder: Path, *, names: Sequence[str] = "0123456789", parts: bool = False, big: int = 1) -> None:
    """The digits that `trained` has not seen as PNG files, a folder for each; with `parts` a training part too."""
    images, labels = digits()
    spans = {"train": range(1000), "test": range(1000, len(images))} if parts else {"": range(1000, len(images))}
    for part, indices in spans.items():
        for i in indices:
            place = folder / part / names[labels[i]]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[i].repeat(big, 0).repeat(big, 1)).save(place / f"{i}.png")
