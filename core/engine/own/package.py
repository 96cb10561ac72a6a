"""A pruned network to take home: its file, the masks, the compact encoding with its decoder, and a model card."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, checker
from safetensors.numpy import save

from core.cost import compact, restore
from core.cost.compact import decoder
from core.cost.files import table_of
from core.engine.own.graph import Graph, blank
from core.errors import PruningError

COMPACT, MASKS, CARD = "network.plab", "masks.safetensors", "MODEL_CARD.md"

_ABOUT = {
    MASKS: "for each constant that was pruned, which of its weights are kept, in the shape that the file has it",
    COMPACT: "the same file in our compact encoding",
    "compact.py": "reads the encoding with NumPy and constriction",
    "restore.py": f"turns `{COMPACT}` back into the file: `python restore.py {COMPACT}`",
}


def checked(
    graph: Graph, constants: Mapping[str, NDArray[np.float32]], masks: Mapping[str, NDArray[np.bool_]]
) -> Graph:
    """The graph with other numbers in these constants, as it is read again from its file.

    Raises:
        PruningError: something else differs, or a weight that was pruned is not +0.0.
    """
    content = graph.rewritten(constants).SerializeToString()
    again = replace(graph, model=ModelProto.FromString(content))
    if blank(graph.model, constants) != blank(again.model, constants):
        raise PruningError("The graph changed outside its weights, so nothing was written; please report this network.")
    if any(np.any(again.weights[name][~mask].view(np.uint32)) for name, mask in masks.items()):
        raise PruningError("A weight that was pruned is not zero, so nothing was written; please report this network.")
    checker.check_model(again.model)
    return again


def files(
    graph: Graph, masks: Mapping[str, NDArray[np.bool_]], name: str, content: bytes, facts: Mapping[str, str]
) -> dict[str, bytes]:
    """All files by name.

    Args:
        graph: the pruned network's.
        masks: which weights of each layer are kept.
        name: of its file.
        content: of its file.
        facts: for the model card, by name.

    Raises:
        PruningError: the compact encoding does not give the file back.
    """
    kernels = {layer.constant: np.ascontiguousarray(graph.array(layer.constant), "<f4") for layer in graph.layers}
    packed = compact.pack(kernels, restore.notes_of(name, content, kernels))
    if restore.restored(*compact.unpack(packed)) != content:
        raise PruningError(f"{COMPACT} does not give the file back, so no archive was written; please report this.")
    about = {name: "the network with zeros", **_ABOUT}
    rows = {**facts, f"SHA-256 of {name}": hashlib.sha256(content).hexdigest()}
    return {
        name: content,
        MASKS: save(graph.stored(masks)),
        COMPACT: packed,
        "compact.py": Path(decoder.__file__).read_bytes(),
        "restore.py": Path(restore.__file__).read_bytes(),
        CARD: table_of(f"{name}, pruned by PruneLab", rows, about).encode(),
    }


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """An archive of files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in contents.items():
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()
