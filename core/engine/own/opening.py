"""A file from outside, opened for the workers and for the command: its graph, and how it reads pictures."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from onnx import ModelProto

from core.data.pool import Pool
from core.engine.own import architectures, finding
from core.engine.own.apart import kind, outlined
from core.engine.own.graph import Graph, parsed
from core.engine.own.runtime import Runner
from core.errors import NetworkError
from core.own.file import ONNX
from core.own.found import Found
from core.own.outline import MOST_SIDE, Outline
from core.own.reading import candidates


@dataclass(frozen=True, eq=False)
class Opened:
    """A network that was opened: its graph, and what is known of it."""

    graph: Graph
    outline: Outline

    def runner(self, model: ModelProto, classes: int) -> Runner:
        """The model, to be asked for its answers; raises NetworkError if there are none of so many classes."""
        return Runner(model, self.graph.input, [self.outline.answers(classes)])


def opened(path: Path, size: tuple[int, int] | None = None, architecture: str | None = None) -> Opened:
    """The network of a file; a process of its own has opened an ONNX file before.

    Raises:
        NetworkError: it cannot be used.
    """
    if kind(path) != ONNX:
        return Opened(*architectures.opened(path, architecture, size))
    if architecture:
        raise NetworkError(f"{path.name} is an ONNX file, which holds its layers itself; leave out the architecture.")
    outline = outlined(path, size)
    return Opened(replace(parsed(path.read_bytes()), input=outline.input), outline)


def found_reading(
    brought: Opened,
    images: Pool,
    size: tuple[int, int] | None,
    scale: str | None = None,
    seed: int = 0,
    on_round: Callable[[int, int], object] = lambda readings, images: None,
) -> Found:
    """How pictures are read, found on pictures that are not reported on.

    Args:
        brought: the network.
        images: the data set.
        size: height and width where the graph leaves them open; None for those of the pictures.
        scale: the only key of `core.own.reading.SCALES` to try; None for all.
        seed: of the pictures that are looked at.
        on_round: as of `finding.find`.

    Raises:
        NetworkError, DataError: no reading is possible.
    """
    pictures = images.before.sample(finding.MOST, seed)
    shapes = {pictures.shape(i) for i in range(len(pictures))}
    sizes = {(shape[0], shape[1]) for shape in shapes}
    size = size or (next(iter(sizes)) if len(sizes) == 1 else None)
    if size is not None and max(size) > MOST_SIDE:
        size = None
    readings = candidates(brought.graph.input, sizes, coloured=any(len(shape) == 3 for shape in shapes), size=size)
    if not readings:
        raise NetworkError(
            "This graph takes images of any size, and the pictures do not say which: name the height and width that "
            f"the network was trained on, at most {MOST_SIDE} pixels each, such as 48x192."
        )
    if not (readings := [reading for reading in readings if scale in (None, reading.scale)]):
        raise NetworkError(f"The input of this graph is {brought.graph.input.type}, so pixels are not scaled.")
    classes = len(images.classes)
    return finding.find(brought.runner(brought.graph.model, classes), readings, pictures, classes, on_round)
