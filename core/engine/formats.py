"""The files of a pruned network to download. Each is one entry of `FORMATS`, from which the archive, its checks and the
model card's list of files follow.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from core import data
from core.cost import alone, compact
from core.cost.compact import decoder
from core.cost.files import Export, card, mask_digest
from core.cost.script import script
from core.engine.portable import from_state, onnx_runtime, run_alone, to_onnx, to_state
from core.errors import PruningError
from core.evaluation import Comparison
from core.pruning import PruningConfig, Weights, kernels
from core.run import Run
from core.words import repair, wording

AGREES = 1e-5
"""The largest difference of a logit that counts as rounding, absolute or relative to the largest logit."""

_TRIED = 500
"""Number of images on which the script is tested."""

_BATCH = 250

_PAGE, _TO_TRY, _PIXELS = 60_000, 10, 16_000
"""Of the page besides its network and the names of classes: most bytes; most test images, and most of their pixels."""


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
        labels: (n,) uint8, their labels.
        logits: (n, classes) float32, of the pruned network.
        on_batch: called before each batch of images; may raise JobCancelled.
    """

    run: Run
    weights: Weights
    pruning: PruningConfig
    k: int
    comparison: Comparison
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    logits: NDArray[np.float32]
    on_batch: Callable[[], object] = lambda: None

    @cached_property
    def zeros(self) -> int:
        """How many weights are zero: k, or more if the dense network had zeros that are still left."""
        return sum(int(np.count_nonzero(kernel == 0)) for kernel in kernels(self.weights).values())

    @cached_property
    def notes(self) -> dict[str, str | int]:
        """The description of the network that the files contain besides its arrays."""
        masks = mask_digest(self.weights)
        return {"run": self.run.id, "pruning": self.pruning.key, "k": self.k, "total": self.run.weights, "masks": masks}

    @cached_property
    def packed(self) -> bytes:
        """The network in the compact encoding."""
        return compact.pack(self.weights, self.notes)


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


def _page(network: Pruned) -> bytes:
    run, some = network.run, _to_try(network)
    title = f"{run.title}, pruned to {wording.sparsity(network.zeros / run.weights)}"
    return alone.page(
        title, _about(network), run.design, network.packed, run.classes, network.images[some], network.labels[some]
    )


def _to_try(network: Pruned) -> NDArray[np.intp]:
    """The first test image of each class, of as many classes as there is room for."""
    first = np.unique(network.labels, return_index=True)[1]
    return first[: min(_TO_TRY, max(1, _PIXELS // network.images[0].size))]


def _about(network: Pruned) -> tuple[str, ...]:
    """What the page says of its network."""
    run, zeros = network.run, wording.removed(network.zeros, network.run.weights)
    known = f"It knows pictures like those of {run.data_title}"
    if run.data_set == data.FASHION.id:
        known = "It knows clothes, each photographed alone on a white background"
    return (
        f"{run.title}, trained on {run.data_title}; {zeros} are zero{repair.after(network.pruning.repair)}.",
        f"Test accuracy: {wording.accuracy(network.comparison.pruned)}, on images that it has not learned from.",
        f"{known}. Whatever else you show it gets one of the same {len(run.classes)} names.",
    )


def _page_answers(network: Pruned, files: Files) -> float:
    """Its network is that of `network.plab`, whose answers in a browser our tests compare with torch's."""
    page = files["network.html"]
    payload = alone.payload(page)
    if len(page) > _PAGE + len(payload) * 4 / 3 + len(json.dumps(network.run.classes)):
        raise PruningError(f"network.html takes {wording.size(len(page))}, more than it may; {_REPORT}.")
    return _same("network.html", network.weights, compact.unpack(payload)[0])


def _model_card(network: Pruned) -> bytes:
    contents = {form.file: form.about for form in FORMATS if form.about}
    arrays = {
        "Weights that are zero": wording.removed(network.zeros, network.run.weights),
        "SHA-256 of the masks": str(network.notes["masks"]),
    }
    return card(network.run, network.pruning, network.k, network.comparison, arrays, contents).encode()


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
        lambda network: network.packed,
        _gives_back("network.plab", lambda content: compact.unpack(content)[0]),
        "network.plab ({size}), our compact encoding, gives back every bit of them too; compact.py reads it.",
    ),
    Format(
        "compact.py",
        "reads `network.plab` with NumPy and constriction",
        lambda network: Path(decoder.__file__).read_bytes(),
    ),
    Format(
        "network.html",
        "answers a drawing or a picture in a browser, without a server",
        _page,
        _page_answers,
        "network.html ({size}) has the network in itself and gives back every bit of all {arrays} arrays.",
    ),
    Format("MODEL_CARD.md", "", _model_card),
)
"""All files, in their order in the archive."""
