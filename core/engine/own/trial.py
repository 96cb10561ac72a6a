"""A graph run for the first time, on black images: whether it runs, what it takes, and what comes out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from core.engine.own.graph import Graph
from core.engine.own.runtime import Runner
from core.errors import NetworkError
from core.own.outline import Input, Outline


def outline(graph: Graph, size: int, sizes: Sequence[tuple[int, int]]) -> Outline:
    """What is known of a graph whose file has so many bytes; tried and raising as `tried`."""
    given, filled, outputs = tried(graph, sizes)
    uses = _uses(graph, given, filled)
    return Outline(
        bytes=size,
        opset=graph.opset,
        producer=graph.model.producer_name,
        nodes=len(graph.model.graph.node),
        input=given,
        outputs=outputs,
        layers=tuple(replace(layer, uses=uses.get(layer.name, 0)) for layer in graph.layers),
        kept=graph.kept,
        norms=len(graph.norms),
    )


def tried(graph: Graph, sizes: Sequence[tuple[int, int]]) -> tuple[Input, tuple[int, ...], dict[str, tuple[int, ...]]]:
    """Run a graph on black images, where it leaves things open in each order of axes, channels and size until it runs.

    Returns:
        The input with the channels that it took, and one image at a time if it does not take two; the shape of the
        batch that was run; and the shape of each output for one image.

    Raises:
        NetworkError: it does not run.
    """
    names = [value.name for value in graph.model.graph.output]
    runner, problem = Runner(graph.model, graph.input, names, threads=1), None
    for given, size in _ways(graph.input, sizes):
        shape = _filled(given, size)
        try:
            outputs = [value.shape for value in runner.run(np.zeros(shape, given.type))]
        except NetworkError as error:
            problem = problem or error
            continue
        batch = given.batch or (None if _takes_two(runner, shape, given.type) else 1)
        of_images = {name: s[1:] for name, s in zip(names, outputs, strict=True) if s and s[0] == shape[0]}
        return replace(given, shape=(batch, *given.shape[1:])), shape, of_images
    assert problem is not None
    raise problem


def _uses(graph: Graph, given: Input, shape: tuple[int, ...]) -> dict[str, int]:
    """`Layer.uses` of each layer, from what its nodes make of one batch; empty if the graph hides that."""
    makes = {
        name: graph.nodes[name].output[0]
        for layer in graph.layers
        for name in layer.nodes
        if graph.nodes[name].op_type in ("Conv", "Gemm", "MatMul")
    }
    try:
        runner = Runner(graph.model, given, [*dict.fromkeys(makes.values())], threads=1)
        values = zip(runner.names, runner.run(np.zeros(shape, given.type)), strict=True)
        sizes = {name: value.size // shape[0] for name, value in values}
    except NetworkError:
        return {}
    return {
        layer.name: sum(sizes[makes[name]] // layer.shape[0] for name in layer.nodes if name in makes)
        for layer in graph.layers
    }


def _ways(given: Input, sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[Input, tuple[int, int]]]:
    """The input with its channels in each place that they can be in, and each size."""
    for layout in given.layouts:
        for channels in [given.channels(layout)] if given.channels(layout) else [3, 1]:
            shape = [*given.shape]
            if layout != "NHW":
                shape[1 if layout == "NCHW" else 3] = channels
            for size in sizes:
                yield replace(given, shape=tuple(shape)), size


def _filled(given: Input, size: tuple[int, int]) -> tuple[int, ...]:
    """The shape of a batch, with numbers where height and width are open."""
    first = 2 if given.layouts[0] == "NCHW" else 1
    sides = [side or 1 for side in given.shape]
    sides[first : first + 2] = [known or wanted for known, wanted in zip(given.shape[first:], size, strict=False)]
    return tuple(sides)


def _takes_two(runner: Runner, shape: tuple[int, ...], kind: str) -> bool:
    """Whether a graph that says that it takes any number of images does so."""
    try:
        return all(len(value) == 2 for value in runner.run(np.zeros((2, *shape[1:]), kind)))
    except NetworkError:
        return False
