"""The files of a pruned network to download. Each is one entry of `FORMATS`, from which the archive, its checks and the
model card's list of files follow.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from core.cost import compact
from core.cost.compact import decoder
from core.cost.files import Export, card, mask_digest
from core.cost.script import script
from core.engine.portable import from_state, onnx_runtime, run_alone, to_onnx, to_state
from core.errors import PruningError
from core.evaluation import Comparison
from core.pruning import PruningConfig, Weights
from core.run import Run
from core.words import wording

AGREES = 1e-5
"""The largest difference of a logit that counts as rounding, absolute or relative to the largest logit."""

_TRIED = 500
"""Number of images on which the script is tested."""

_BATCH = 250


@dataclass(frozen=True, eq=False)
class Pruned:
    """A pruned network to be written into files.

    Attributes:
        run: whose network it is.
        weights: all arrays; in the kernels, k weights are zero.
        pruning: how these weights were chosen.
        k: the number of weights that are zero.
        comparison: the dense and the pruned network on the test images.
        images: (n, h, w) or (n, h, w, c) uint8, the test images.
        logits: (n, classes) float32, of the pruned network.
        on_batch: called before each batch of images; may raise JobCancelled.
    """

    run: Run
    weights: Weights
    pruning: PruningConfig
    k: int
    comparison: Comparison
    images: NDArray[np.uint8]
    logits: NDArray[np.float32]
    on_batch: Callable[[], object] = lambda: None

    @cached_property
    def notes(self) -> dict[str, str | int]:
        """The description of the network that the files contain besides its arrays."""
        masks = mask_digest(self.weights)
        return {"run": self.run.id, "pruning": self.pruning.key, "k": self.k, "total": self.run.weights, "masks": masks}


Files = Mapping[str, bytes]
"""Content by name."""


@dataclass(frozen=True)
class Format:
    """One file of the archive.

    Attributes:
        file: its name.
        about: its description, for the model card; empty for the card itself.
        write: returns its content.
        check: reads or runs the file, given it and those before it; returns the largest difference of a logit (0 if
            every bit is compared) and raises PruningError if that is too large. None for a file that is checked
            together with another.
        says: the sentence for a passed check, with `{size}`, `{arrays}`, `{images}`, `{tried}` and `{apart}`.
    """

    file: str
    about: str
    write: Callable[[Pruned], bytes]
    check: Callable[[Pruned, Files], float] | None = None
    says: str = ""


def export(network: Pruned, formats: Iterable[Format]) -> Export:
    """The files of a pruned network, each checked.

    Raises:
        PruningError: a file does not give back the weights, or does not give the network's answers.
        JobCancelled: by `on_batch`.
    """
    files, checked = dict[str, bytes](), list[str]()
    facts = {
        "arrays": len(network.weights),
        "images": wording.count(len(network.images)),
        "tried": wording.count(min(_TRIED, len(network.images))),
    }
    for form in formats:
        content = files[form.file] = form.write(network)
        if form.check:
            apart = form.check(network, files)
            checked.append(form.says.format(size=wording.size(len(content)), apart=f"{apart:.1e}", **facts))
    return Export(files, tuple(checked))


def agreement(name: str, answers: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest difference between two tables of logits.

    Raises:
        PruningError: it is more than rounding.
    """
    apart = float(np.abs(answers - expected).max())
    if not apart <= AGREES * max(1.0, float(np.abs(expected).max())):
        raise PruningError(f"{name} gives other answers than the network: logits differ by {apart:.1e}; {_REPORT}.")
    return apart


_REPORT = "please report this network"


def _same(name: str, weights: Weights, read: Weights) -> float:
    """Raise PruningError unless every bit of the weights was read; the difference is then 0."""
    if {*weights} != {*read} or any(_bits(weights[n]) != _bits(read[n]) for n in weights):
        raise PruningError(f"{name} did not give back every bit of the weights; {_REPORT}.")
    return 0.0


def _bits(array: NDArray[np.float32]) -> tuple[tuple[int, ...], str, bytes]:
    return array.shape, str(array.dtype), array.tobytes()


def _gives_back(name: str, read: Callable[[bytes], Weights]) -> Callable[[Pruned, Files], float]:
    """The check of a file that holds the weights."""
    return lambda network, files: _same(name, network.weights, read(files[name]))


def _script_answers(network: Pruned, files: Files) -> float:
    answers = run_alone(files["network.py"].decode(), files["weights.pt"], network.images[:_TRIED])
    return agreement("network.py", answers, network.logits[:_TRIED])


def _onnx_answers(network: Pruned, files: Files) -> float:
    infer, answers = onnx_runtime(files["network.onnx"]), list[np.ndarray]()
    for start in range(0, len(network.images), _BATCH):
        network.on_batch()
        answers.append(infer(network.images[start : start + _BATCH]))
    return agreement("network.onnx", np.concatenate(answers), network.logits)


def _safetensors(network: Pruned) -> bytes:
    return save_safetensors(dict(network.weights), {name: str(value) for name, value in network.notes.items()})


def _model_card(network: Pruned) -> bytes:
    contents = {form.file: form.about for form in FORMATS if form.about}
    masks = str(network.notes["masks"])
    return card(network.run, network.pruning, network.k, network.comparison, masks, contents).encode()


FORMATS: tuple[Format, ...] = (
    Format(
        "weights.pt",
        "all arrays, as `torch.save` writes them",
        lambda network: to_state(network.weights),
        _gives_back("weights.pt", from_state),
        "weights.pt ({size}) loads with weights_only=True and gives back every bit of all {arrays} arrays.",
    ),
    Format(
        "network.py",
        "the whole network in a few lines of torch; reads `weights.pt`",
        lambda network: script(network.run.design).encode(),
        _script_answers,
        "network.py was run by itself in an empty folder: on {tried} test images its logits differ by at most {apart} "
        "from PruneLab's.",
    ),
    Format(
        "network.onnx",
        "the same for other programs; takes uint8 images and gives logits",
        lambda network: to_onnx(network.run.design, network.weights),
        _onnx_answers,
        "network.onnx ({size}) was run by ONNX Runtime: on {images} test images its logits differ by at most {apart} "
        "from torch's.",
    ),
    Format(
        "weights.safetensors",
        "all arrays as float32",
        _safetensors,
        _gives_back("weights.safetensors", load_safetensors),
        "weights.safetensors ({size}) gives back every bit of all {arrays} arrays.",
    ),
    Format(
        "network.plab",
        "the same bits in the compact encoding",
        lambda network: compact.pack(network.weights, network.notes),
        _gives_back("network.plab", lambda content: compact.unpack(content)[0]),
        "network.plab ({size}), our compact encoding, gives back every bit of them too; compact.py reads it.",
    ),
    Format(
        "compact.py",
        "reads `network.plab` with NumPy and constriction",
        lambda network: Path(decoder.__file__).read_bytes(),
    ),
    Format("MODEL_CARD.md", "", _model_card),
)
"""All files, in their order in the archive."""
