"""A network of one's own, from its file to the same graph with zeros: what `core.prune` does, step by step."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, checker

from core.data.pool import Pool, pool
from core.engine.own import architectures, finding
from core.engine.own.apart import outlined
from core.engine.own.graph import Graph, parsed, tensors
from core.engine.own.repair import Repairer, statistic
from core.engine.own.runtime import Runner, Sample, answers
from core.errors import ConfigError, NetworkError, PruningError, StoreError
from core.evaluation import compare
from core.own.file import ONNX, kind_of
from core.own.found import Found
from core.own.outline import MOST_SIDE, Outline
from core.own.reading import Reading, candidates
from core.pruning import PruningConfig, prune, rank
from core.words import own as words

Progress = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be pruned, how, and where the result goes.

    Attributes:
        network: an ONNX file, or safetensors with an `architecture` of torchvision.
        data: a folder, or `fashion-mnist`.
        sparsity: the fraction of weights to set to zero.
        output: the file to write.
        pruning: criterion, scope and repair.
        size: height and width where the graph leaves them open.
        scale: a key of `core.own.reading.SCALES`; None to find it.
        architecture: None for an ONNX file.
        layers: whether to say what each layer is.
    """

    network: Path
    data: str
    sparsity: float
    output: Path
    pruning: PruningConfig
    size: tuple[int, int] | None = None
    scale: str | None = None
    architecture: str | None = None
    layers: bool = False


@dataclass(frozen=True, eq=False)
class Brought:
    """A network that was opened: its graph, what is known of it, and the output that answers."""

    graph: Graph
    outline: Outline

    def runner(self, model: ModelProto, classes: int) -> Runner:
        """The model, to be asked for its answers; raises NetworkError if there are none of so many classes."""
        return Runner(model, self.graph.input, [self.outline.answers(classes)])


def prune_file(asked: Asked, progress: Progress = lambda text: None) -> Iterator[str]:
    """Do what is asked, and say in sentences what was found; `progress` is told what is being done.

    Raises:
        NetworkError, DataError, PruningError, ConfigError, StoreError: what stands in the way, and what to do.
    """
    _check_places(asked)
    progress("Opening the network")
    brought = opened(asked.network, asked.size, asked.architecture)
    yield words.network(asked.network.name, brought.outline)
    if asked.layers:
        yield from words.layers(brought.outline)
    images = pool(asked.data)
    yield words.images(len(images.test), len(images.before), len(images.classes), images.aside)
    found = found_reading(brought, images, asked, progress)
    yield from words.readings(found, images.classes)
    yield from pruned(brought, images, found.best.reading, asked, progress)
    yield words.written(str(asked.output), len(images.test))


def _check_places(asked: Asked) -> None:
    """Raises ConfigError, or StoreError if the result could not be written, before anything is computed."""
    if asked.output.absolute() == asked.network.absolute():
        raise ConfigError(f"{asked.output} is the network itself; name another file to write.")
    folder = asked.output.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or asked.output.is_dir():
        raise StoreError(f"{asked.output} cannot be written; name a file in a folder that can.")


def opened(path: Path, size: tuple[int, int] | None = None, architecture: str | None = None) -> Brought:
    """The network of a file; a process of its own has opened an ONNX file before.

    Raises:
        NetworkError: it cannot be used.
    """
    try:
        with path.open("rb") as file:
            kind = kind_of(file.read(16), path.stat().st_size)
    except OSError as error:
        raise NetworkError(f"{path} cannot be read ({error.strerror}); name an ONNX file.") from error
    if kind != ONNX:
        return Brought(*architectures.opened(path, architecture, size))
    if architecture:
        raise NetworkError(f"{path.name} is an ONNX file, which holds its layers itself; leave out the architecture.")
    outline = outlined(path, size)
    return Brought(replace(parsed(path.read_bytes()), input=outline.input), outline)


def found_reading(brought: Brought, images: Pool, asked: Asked, progress: Progress = lambda text: None) -> Found:
    """How pictures are read, found on pictures that are not reported on; raises as `prune_file` does."""
    pictures = images.before.sample(finding.MOST, asked.pruning.sample_seed)
    shapes = {pictures.shape(i) for i in range(len(pictures))}
    sizes = {(shape[0], shape[1]) for shape in shapes}
    size = asked.size or (next(iter(sizes)) if len(sizes) == 1 else None)
    if size is not None and max(size) > MOST_SIDE:
        size = None
    readings = candidates(brought.graph.input, sizes, coloured=any(len(shape) == 3 for shape in shapes), size=size)
    if not readings:
        raise NetworkError(
            "This graph takes images of any size, and the pictures do not say which: name the height and width that "
            f"the network was trained on, at most {MOST_SIDE} pixels each, such as --size 48x192."
        )
    if not (readings := [reading for reading in readings if asked.scale in (None, reading.scale)]):
        raise NetworkError(f"The input of this graph is {brought.graph.input.type}, so pixels are not scaled.")
    return finding.find(
        brought.runner(brought.graph.model, len(images.classes)),
        readings,
        pictures,
        len(images.classes),
        lambda n, upto: progress(f"Finding how pictures are read: {n} ways on {upto} pictures"),
    )


def pruned(
    brought: Brought, images: Pool, reading: Reading, asked: Asked, progress: Progress = lambda text: None
) -> Iterator[str]:
    """Prune, repair, write the file, and compare the networks on the test pictures; raises as `prune_file` does."""
    graph, pruning = brought.graph, asked.pruning
    needs, left = pruning.ranks_by.needs, list[str]()
    sample = (
        Sample.of(images.before.sample(pruning.sample, pruning.sample_seed), reading)
        if needs or pruning.repaired
        else None
    )
    progress("Ranking the weights")
    ranking = rank(graph.weights, pruning, statistic(graph, needs, sample) if needs and sample else None)
    zeros, masks, k = (
        prune(graph.weights, ranking, asked.sparsity),
        ranking.masks(asked.sparsity),
        ranking.count(asked.sparsity),
    )
    constants = graph.stored(zeros)
    as_is = graph.rewritten(constants)
    if pruning.repaired and k and sample:
        repairer = Repairer(graph, sample, pruning)
        constants = repairer.repaired(
            zeros, masks, lambda done, of: progress(f"Repairing the network: step {done} of {of}")
        )
        left = repairer.left
    model = checked(graph, constants, masks)
    networks = [graph.model, as_is, model] if pruning.repaired else [graph.model, model]
    logits = answers(
        [brought.runner(network, len(images.classes)) for network in networks],
        images.test,
        reading,
        lambda done: progress(f"Comparing the networks: {done:,} of {len(images.test):,} images"),
    )
    if not all(np.isfinite(rows).all() for rows in logits):
        raise PruningError("The answers on these images are not finite numbers; check how the pictures are read.")
    dense, before, after = (rows.argmax(axis=1) for rows in (logits[0], logits[1], logits[-1]))
    labels = images.test.labels
    write(asked.output, _content(asked, graph, model))
    comparisons = compare(labels, dense, before), compare(labels, dense, after), compare(labels, before, after)
    yield from words.result(k, ranking.total, pruning.repair, *comparisons, left)


def checked(
    graph: Graph, constants: Mapping[str, NDArray[np.float32]], masks: Mapping[str, NDArray[np.bool_]]
) -> ModelProto:
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
    return again.model


def blank(model: ModelProto, constants: Mapping[str, object]) -> bytes:
    """A model without the numbers of these constants, as bytes."""
    bare = ModelProto()
    bare.CopyFrom(model)
    held = tensors(bare.graph)
    for name in constants:
        held[name].ClearField("raw_data")
        held[name].ClearField("float_data")
    return bytes(bare.SerializeToString(deterministic=True))


def _content(asked: Asked, graph: Graph, model: ModelProto) -> bytes:
    if asked.architecture:
        return architectures.written(asked.network, replace(graph, model=model))
    return bytes(model.SerializeToString())


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; raises StoreError."""
    part = Path(tempfile.mkdtemp(dir=path.absolute().parent, prefix=".prune-")) / path.name
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); name another file.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
            part.parent.rmdir()
