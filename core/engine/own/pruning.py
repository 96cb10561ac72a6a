"""A network of one's own, from its file to the same graph with zeros: what `core.prune` does, step by step."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from core.cost.files import what_pruning_did
from core.data.pool import Pool, pool
from core.engine.own import architectures, package
from core.engine.own.graph import Graph
from core.engine.own.opening import Opened, found_reading, opened
from core.engine.own.repair import Repairer
from core.engine.own.runtime import Sample, answers
from core.engine.own.statistic import statistic
from core.errors import ConfigError, PruningError, StoreError
from core.evaluation import Comparison, compare
from core.own.reading import Reading
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
        package: an archive to write with masks, compact encoding and model card too; None for none.
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
    package: Path | None = None


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
    found = found_reading(
        brought,
        images,
        asked.size,
        asked.scale,
        asked.pruning.sample_seed,
        lambda n, upto: progress(f"Finding how pictures are read: {n} ways on {upto} pictures"),
    )
    yield from words.readings(found, images.classes)
    result = pruned(brought, images, found.best.reading, asked, progress)
    content = _content(asked, result.graph)
    write(asked.output, content)
    pruning = asked.pruning
    yield from words.result(
        result.k, result.total, pruning.repair, result.as_is, result.after, result.repair, result.left
    )
    yield words.written(str(asked.output), len(images.test))
    if asked.package:
        about = {"Network": asked.network.name, "Pictures": Path(asked.data).name, **result.facts(pruning)}
        files = package.files(result.graph, result.masks, asked.output.name, content, about)
        write(asked.package, package.zipped(files))
        yield words.packed(str(asked.package), len(content), len(files[package.COMPACT]))


def _check_places(asked: Asked) -> None:
    """Raises ConfigError, or StoreError if the result could not be written, before anything is computed."""
    for path in filter(None, (asked.output, asked.package)):
        if path.absolute() == asked.network.absolute():
            raise ConfigError(f"{path} is the network itself; name another file to write.")
        folder = path.absolute().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK) or path.is_dir():
            raise StoreError(f"{path} cannot be written; name a file in a folder that can.")


@dataclass(frozen=True, eq=False)
class Result:
    """A pruned network, compared with the dense one.

    Attributes:
        graph: with the pruned, perhaps repaired weights.
        masks: which weights of each layer are kept.
        reading: how the pictures were read.
        as_is: dense against pruned.
        after: dense against pruned and repaired.
        repair: pruned against repaired.
        left: the layers that a refit left as they were pruned.
    """

    graph: Graph
    masks: Mapping[str, NDArray[np.bool_]]
    reading: Reading
    as_is: Comparison
    after: Comparison
    repair: Comparison
    left: list[str]

    @property
    def total(self) -> int:
        """N."""
        return sum(mask.size for mask in self.masks.values())

    @property
    def k(self) -> int:
        """The number of weights that were pruned."""
        return self.total - sum(int(np.count_nonzero(mask)) for mask in self.masks.values())

    def facts(self, pruning: PruningConfig) -> dict[str, str]:
        """What a model card says of it."""
        return {"Pictures read as": str(self.reading), **what_pruning_did(pruning, self.k, self.total, self.after)}


def pruned(
    brought: Opened, images: Pool, reading: Reading, asked: Asked, progress: Progress = lambda text: None
) -> Result:
    """Prune, repair, and compare the networks on the test pictures; raises as `prune_file` does."""
    graph, pruning, needs = brought.graph, asked.pruning, asked.pruning.ranks_by.needs
    sample = None
    if needs or pruning.repaired:
        sample = Sample.of(images.before.sample(pruning.sample, pruning.sample_seed), reading, graph.input.batch)
    progress("Ranking the weights")
    ranking = rank(graph.weights, pruning, statistic(graph, needs, sample) if needs and sample else None)
    zeros, masks = prune(graph.weights, ranking, asked.sparsity), ranking.masks(asked.sparsity)
    constants, left = graph.stored(zeros), list[str]()
    as_is = [graph.rewritten(constants)] if pruning.repaired else []
    if pruning.repaired and ranking.count(asked.sparsity) and sample:
        repairer = Repairer(graph, sample, pruning)
        say = partial(_say_repaired, progress)
        constants, left = repairer.repaired(zeros, masks, say), repairer.left
    after = package.checked(graph, constants, masks)
    networks = [graph.model, *as_is, after.model]
    labels, predicted = images.test.labels, _answers(brought, networks, images, reading, progress)
    dense, before, last = predicted[0], predicted[1], predicted[-1]
    compared = compare(labels, dense, before), compare(labels, dense, last), compare(labels, before, last)
    return Result(after, masks, reading, *compared, left)


def _say_repaired(progress: Progress, done: int, of: int) -> None:
    progress(f"Repairing the network: step {done} of {of}")


def _answers(
    brought: Opened, networks: Sequence[ModelProto], images: Pool, reading: Reading, progress: Progress
) -> list[NDArray[np.int64]]:
    """What each network answers about each test picture."""
    n, classes = len(images.test), len(images.classes)
    logits = answers(
        [brought.runner(network, classes) for network in networks],
        images.test,
        reading,
        lambda done: progress(f"Comparing the networks: {done:,} of {n:,} images"),
    )
    if not all(np.isfinite(rows).all() for rows in logits):
        raise PruningError("The answers on these images are not finite numbers; check how the pictures are read.")
    return [rows.argmax(axis=1) for rows in logits]


def _content(asked: Asked, graph: Graph) -> bytes:
    """The file to write: the graph, or arrays with the keys of those that were brought."""
    if asked.architecture:
        return architectures.written(asked.network, graph)
    return bytes(graph.model.SerializeToString())


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
