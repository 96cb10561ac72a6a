"""Safetensors with the arrays of one of torchvision's networks: made into a graph whose constants have their names."""

import io
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import nn

from core.engine.own.graph import Graph, parsed
from core.engine.own.trial import outline
from core.errors import NetworkError
from core.own.architectures import NAMES
from core.own.outline import Outline

SIZE = (224, 224)
OPSET = 17
_UNLIKELY = 997  # classes, which no other side of any layer is


def opened(path: Path, architecture: str | None, size: tuple[int, int] | None) -> tuple[Graph, Outline]:
    """The graph of an architecture with the arrays of a file.

    Raises:
        NetworkError: there is no such architecture, or the file is not of it.
    """
    if architecture not in NAMES:
        what = (
            f"There is no architecture {architecture!r}" if architecture else "Safetensors hold arrays without layers"
        )
        raise NetworkError(f"{what}; name one of torchvision's, such as resnet18 or mobilenet_v3_small.")
    graph = parsed(_exported(_loaded(path, architecture), size or SIZE))
    found = outline(graph, path.stat().st_size, [size or SIZE])
    return replace(graph, input=found.input), found


def _state(path: Path) -> dict[str, Any]:
    try:
        return load(path.read_bytes())
    except (SafetensorError, ValueError, OSError) as error:
        raise NetworkError(f"{path.name} is not a complete safetensors file ({error}); copy it again.") from error


def _loaded(path: Path, architecture: str) -> nn.Module:
    state = _state(path)
    if wrong := sorted({str(array.dtype) for array in state.values()} - {"float32", "int64"}):
        raise NetworkError(
            f"The arrays of {path.name} are {', '.join(wrong)}; they must be float32: save the "
            "state_dict() of network.float()."
        )
    model = _built(architecture, _classes(architecture, state)).eval()
    arrays = OrderedDict((name, torch.from_numpy(array.copy())) for name, array in state.items())
    arrays._metadata = model.state_dict()._metadata  # type: ignore[attr-defined]  # some ask for their version
    try:
        model.load_state_dict(arrays)
    except RuntimeError as error:
        first = str(error).splitlines()[1:2]
        raise NetworkError(
            f"{path.name} does not hold the arrays of {architecture}: {' '.join(first).strip()[:200]} Choose the "
            "architecture that it was saved from."
        ) from error
    return model


def _classes(architecture: str, state: Mapping[str, Any]) -> int:
    """How many classes the arrays tell apart: the length of that parameter which depends on it."""
    try:
        with torch.device("meta"):  # without memory
            known = _built(architecture, _UNLIKELY)
    except NotImplementedError:  # some need numbers to be built
        known = _built(architecture, _UNLIKELY)
    names = [name for name, parameter in known.named_parameters() if parameter.shape[:1] == (_UNLIKELY,)]
    return next((len(state[name]) for name in reversed(names) if name in state), _UNLIKELY)


def _built(architecture: str, classes: int) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of new weights, which are replaced
        model: nn.Module = torchvision.models.get_model(architecture, weights=None, num_classes=classes)
    return model


def _exported(model: nn.Module, size: tuple[int, int]) -> bytes:
    """The network as ONNX, with batch normalisation as it is, so that every array keeps its name."""
    content = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch's, on the exporter that keeps the names
        torch.onnx.export(
            model,
            (torch.zeros(1, 3, *size),),
            content,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": {0: "n"}, "logits": {0: "n"}},
        )
    return content.getvalue()


def written(path: Path, graph: Graph) -> bytes:
    """The arrays of a file with the same keys, those that the graph holds with its values."""
    held = {name: graph.array(name) for name in graph.constants}
    state = {name: held.get(name, array) for name, array in _state(path).items()}
    return save({name: np.array(array, order="C") for name, array in state.items()})
