"""A network that was brought, as the tasks ask for it: answers of ONNX Runtime, with the weights of each layer by name.

Besides weights, a repair changes biases and means; those are passed on by the name of the constant, behind `OTHER`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.cost.files import Export, facts
from core.cost.times import Times, Variant
from core.data.pool import Pictures, Pool
from core.engine.machine import THREADS, described
from core.engine.network import Each, Images, OnRound, Repaired, ToExport
from core.engine.own import architectures, package
from core.engine.own.graph import Graph, parsed
from core.engine.own.repair import Repairer
from core.engine.own.runtime import Runner, Sample, answers
from core.engine.own.statistic import statistic
from core.engine.timing import Pass, take_turns
from core.evaluation import compare
from core.evaluation.trace import Look
from core.own.brought import ARRAYS, GRAPH, Brought
from core.own.outline import Outline
from core.own.pictures import in_order
from core.own.reading import Reading
from core.pruning import PruningConfig, Weights, kernels
from core.run import Run
from core.words import own as words
from core.words import wording

OTHER = "constant "
"""Before the name of a constant that is not a layer's weights."""

HELD_OUT = 1_000
"""Images for choosing and for criteria, at most."""
_KEPT = 100_000_000  # bytes of fitted images that are kept in memory
_SIDE = 32  # of a feature map, at most
_BATCHES = (1, 16)  # images that are timed at once


class Own:
    """`core.engine.network.Network` in ONNX Runtime."""

    def __init__(
        self, run: Run, file: Callable[[str], Path], pool: Callable[[], Pool], check: Callable[[], object]
    ) -> None:
        """`file` finds a file of the run, `pool` opens its data set, once needed; `check` is called for each batch."""
        assert run.brought is not None and run.outline is not None
        self._run, self._file, self._pool, self._check = run, file, pool, check
        self._brought: Brought = run.brought
        self._outline: Outline = run.outline

    @property
    def reading(self) -> Reading:
        """How pictures are read."""
        return self._brought.reading

    @cached_property
    def graph(self) -> Graph:
        """Its graph, which a process of its own has opened before."""
        return replace(parsed(self._file(GRAPH).read_bytes()), input=self._outline.input)

    @cached_property
    def pool(self) -> Pool:
        """The data set; raises DataError."""
        return self._pool()

    @cached_property
    def pictures(self) -> Pictures:
        """The test pictures in the run's order; raises DataError."""
        return in_order(self.pool)

    def test(self, start: int = 0, stop: int | None = None) -> Images:
        """As `Network.test`."""
        pictures = self.pictures
        chosen = pictures.of(np.arange(len(pictures))[start:stop])
        return Images(chosen.labels, self._asked(chosen))

    def held_out(self) -> Images:
        """Images from before the report."""
        pictures = self.pool.before.sample(HELD_OUT, 0)
        return Images(pictures.labels, self._asked(pictures))

    def repairer(self, dense: Weights, pruning: PruningConfig) -> Repaired:
        """As `Network.repairer`, with a sample of the images from before the report."""
        repairer = Repairer(self.graph, self._sample(pruning.sample, pruning.sample_seed), pruning)

        def repaired(
            pruned: Weights, masks: dict[str, NDArray[np.bool_]], on_layer: Callable[[int, int], object]
        ) -> Weights:
            return self.weights(repairer.repaired(pruned, masks, on_layer))

        return repaired

    def statistic(self, needs: str, dense: Weights) -> dict[str, NDArray[np.float32]]:
        """As `Network.statistic`, from images from before the report."""
        return statistic(self.graph, needs, self._sample(HELD_OUT, 0))

    def viewer(self, image: NDArray[np.uint8]) -> Look:
        """As `Network.viewer`; the feature maps are those of the first convolution, or none."""
        batch = self.reading.batch(self.reading.fitted(image)[None])
        first = next((layer.nodes[0] for layer in self.graph.layers if layer.operator == "Conv"), None)
        maps = [] if first is None else [self.graph.nodes[first].output[0]]

        def look(weights: Weights) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            runner = self._runner(weights, maps, threads=1)
            values = runner.run(batch)
            seen = _reduced(values[1][0]) if maps else np.zeros((0, 1, 1), np.float32)
            return runner.logits(values[0])[0], seen

        return look

    def times(self, dense: Weights, pruned: Weights, on_round: OnRound) -> Times:
        """As `Network.times`, both in ONNX Runtime; a graph of a fixed batch is run as often as it takes."""
        pictures = self.pictures
        some = [self.reading.fitted(pictures.read(i % len(pictures))) for i in range(max(_BATCHES))]
        images = self.reading.batch(np.stack(some))
        passes: dict[Variant, Pass] = {"onnx-dense": self._runner(dense).answers, "onnx": self._runner(pruned).answers}
        seconds = take_turns(passes, images, on_round, batches=_BATCHES)
        return Times(seconds, 0, 0, THREADS, described())

    def export(self, asked: ToExport, each: Each) -> Export:
        """The same graph with zeros, masks, compact encoding and model card."""
        pruning, masks = asked.ranking.pruning, asked.ranking.masks(asked.sparsity)
        after = package.checked(self.graph, self.constants(asked.pruned), masks)
        pictures, done = self.pictures, each(["graph", "files"])
        next(done)
        runners = [self._runner(asked.dense), Runner(after.model, self.graph.input, [self._answer])]
        before, last = answers(runners, pictures, self.reading, lambda images: self._check())
        c = compare(pictures.labels, before.argmax(axis=1), last.argmax(axis=1))
        next(done)
        kind = self._brought.architecture
        content = architectures.written(self._file(ARRAYS), after) if kind else bytes(after.model.SerializeToString())
        about = facts(self._run, pruning, asked.ranking.count(asked.sparsity), c)
        name = f"pruned.{'safetensors' if kind else 'onnx'}"
        files = package.files(after, masks, name, content, about)
        next(done, None)
        size = wording.size(len(files[package.COMPACT]))
        return Export(files, tuple(words.checks(len(pictures), size, (name, package.COMPACT))))

    def weights(self, constants: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """Constants as the graph stores them, by the names of layers, filters first, and behind `OTHER`."""
        layers = {layer.constant: layer for layer in self.graph.layers}
        found = self.graph.read({name: value for name, value in constants.items() if name in layers})
        return found | {f"{OTHER}{name}": value for name, value in constants.items() if name not in layers}

    def constants(self, weights: Weights) -> dict[str, NDArray[np.float32]]:
        """The inverse of `weights`."""
        others = {name.removeprefix(OTHER): value for name, value in weights.items() if name.startswith(OTHER)}
        return self.graph.stored(kernels(weights)) | others

    @cached_property
    def _answer(self) -> str:
        return self._outline.answers(len(self._run.classes))

    def _runner(self, weights: Weights, more: list[str] | None = None, threads: int = THREADS) -> Runner:
        model = self.graph.rewritten(self.constants(weights))
        return Runner(model, self.graph.input, [self._answer, *(more or [])], threads)

    def _sample(self, n: int, seed: int) -> Sample:
        height, width = self.reading.size
        n = min(n, max(1, _KEPT // (height * width * self.reading.channels)))
        return Sample.of(self.pool.before.sample(n, seed), self.reading, self.graph.input.batch)

    def _asked(self, pictures: Pictures) -> Callable[[Weights], NDArray[np.float32]]:
        """Answers about pictures, which are read once if they fit into memory."""
        height, width = self.reading.size
        small = len(pictures) * height * width * self.reading.channels <= _KEPT
        kept: list[Sample] = []

        def infer(weights: Weights) -> NDArray[np.float32]:
            runner = self._runner(weights)
            if not small:
                return answers([runner], pictures, self.reading, lambda done: self._check())[0]
            if not kept:
                kept.append(Sample.of(pictures, self.reading, None))
            rows = []
            for batch in kept[0]:
                self._check()
                rows.append(runner.answers(batch))
            return np.concatenate(rows)

        return infer


def _reduced(maps: NDArray[Any]) -> NDArray[np.float32]:
    """Feature maps (F, ...) as (F, h, w) of at most `_SIDE` a side: means of blocks."""
    flat = np.asarray(maps, np.float32).reshape(len(maps), *(maps.shape[1:] if maps.ndim == 3 else (1, -1)))
    steps = [-(-side // _SIDE) for side in flat.shape[1:]]
    whole = flat[:, : flat.shape[1] // steps[0] * steps[0], : flat.shape[2] // steps[1] * steps[1]]
    f, h, w = whole.shape
    blocks = whole.reshape(f, h // steps[0], steps[0], w // steps[1], steps[1])
    return np.asarray(np.maximum(blocks.mean(axis=(2, 4)), 0), np.float32)
