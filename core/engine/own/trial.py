"""A graph run for the first time, on black images: whether it runs, and what comes out."""

from collections.abc import Sequence

import numpy as np

from core.engine.own.graph import Graph
from core.engine.own.runtime import Runner
from core.errors import NetworkError


def tried(graph: Graph, sizes: Sequence[tuple[int, int]]) -> tuple[bool, dict[str, tuple[int, ...]]]:
    """Run a graph on black images of the sizes in turn, where it leaves the size open, until it runs.

    Returns:
        Whether it takes the number of images that it says, and the shape of each output for one image.

    Raises:
        NetworkError: it does not run.
    """
    names = [value.name for value in graph.model.graph.output]
    runner, problem = Runner(graph.model, graph.input, names, threads=1), None
    for layout in graph.input.layouts:
        for size in sizes:
            shape = _filled(graph, layout, size)
            try:
                outputs = [value.shape for value in runner.run(np.zeros(shape, graph.input.type))]
            except NetworkError as error:
                problem = problem or error
                continue
            several = _takes(runner, graph, shape)
            return several, {
                name: tuple(s[1:]) for name, s in zip(names, outputs, strict=True) if s and s[0] == shape[0]
            }
    assert problem is not None
    raise problem


def _filled(graph: Graph, layout: str, size: tuple[int, int]) -> tuple[int, ...]:
    """The shape of a batch, with numbers where the graph leaves them open."""
    height, width = (known or wanted for known, wanted in zip(graph.input.size(layout), size, strict=True))
    channels = graph.input.channels(layout) or 3
    sides = {"NCHW": (channels, height, width), "NHWC": (height, width, channels), "NHW": (height, width)}[layout]
    return (graph.input.batch or 1, *sides)


def _takes(runner: Runner, graph: Graph, shape: tuple[int, ...]) -> bool:
    """Whether a graph that says that it takes any number of images does so."""
    if graph.input.batch:
        return True
    try:
        return all(len(value) == 2 for value in runner.run(np.zeros((2, *shape[1:]), graph.input.type)))
    except NetworkError:
        return False
