"""Networks in formats that other programs read: ONNX, torch's own state, and a script of plain torch."""

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from core.config import Design
from core.engine.machine import THREADS
from core.engine.models import loaded, normalise
from core.errors import PruningError

_PATIENCE = 900  # seconds, for a script that hangs: on a busy machine, importing torch takes a minute


class _FromPixels(nn.Module):
    """A network whose input is pixels."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        answer: Tensor = self.network(normalise(images))
        return answer


def to_onnx(design: Design, weights: Mapping[str, np.ndarray]) -> bytes:
    """The network with these weights, from `images`, any number of them as uint8 pixels, to `logits`."""
    model = loaded(design, weights)
    problem = design.problem
    shape = (2, problem.side, problem.side) + ((problem.channels,) if problem.channels > 1 else ())
    program = torch.onnx.export(
        _FromPixels(model).eval(),
        (torch.zeros(shape, dtype=torch.uint8),),
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        verbose=False,
    )
    assert program is not None
    proto = program.model_proto
    graph = proto.graph
    for part in (proto, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]  # the exporter's notes, which name files of this machine
    return bytes(proto.SerializeToString())


def onnx_runtime(content: bytes, threads: int = THREADS) -> Callable[[np.ndarray], np.ndarray]:
    """An ONNX file as a function of uint8 images, run by ONNX Runtime on the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(None, {"images": images})[0])


def to_state(weights: Mapping[str, np.ndarray]) -> bytes:
    """The arrays as tensors, as `torch.save` writes them."""
    content = io.BytesIO()
    torch.save({name: torch.tensor(array) for name, array in weights.items()}, content)
    return content.getvalue()


def from_state(content: bytes) -> dict[str, np.ndarray]:
    """The inverse of `to_state`, without running any code that a file may contain."""
    state = torch.load(io.BytesIO(content), weights_only=True)
    return {name: tensor.numpy() for name, tensor in state.items()}


def run_alone(script: str, state: bytes, images: np.ndarray) -> np.ndarray:
    """The output of a script's `network` for uint8 images, in a process and a folder without any PruneLab code.

    Raises:
        PruningError: the script fails, or does not answer in time.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("network.py", script.encode()), ("weights.pt", state)):
            (Path(folder) / name).write_bytes(content)
        np.save(f"{folder}/images.npy", images)
        ask = (
            "import numpy, torch, network; pixels = torch.tensor(numpy.load('images.npy')); "
            "numpy.save('logits.npy', network.network(pixels).numpy())"
        )
        command = [sys.executable, "-c", ask]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        except subprocess.TimeoutExpired as error:
            raise PruningError(
                f"network.py has not answered within {_PATIENCE} s; ask again when this machine is less busy."
            ) from error
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:]
            raise PruningError(f"network.py does not run ({''.join(last)[:200]}); please report this network.")
        return np.asarray(np.load(f"{folder}/logits.npy"))
