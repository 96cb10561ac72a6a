"""What criteria read besides the weights, of a network that was brought."""

import torch

from core.engine.machine import THREADS, reproducible
from core.engine.own.graph import Graph
from core.engine.own.inside import fitted_layers, watching
from core.engine.own.runtime import Sample
from core.engine.statistics import Values, orders, sizes
from core.errors import PruningError
from core.pruning import INPUTS, REMOVAL
from core.words import wording


def statistic(graph: Graph, needs: str, sample: Sample, threads: int = THREADS) -> Values:
    """What a criterion needs besides the weights, from some images.

    Raises:
        PruningError: the graph does not give it.
    """
    if needs not in (INPUTS, REMOVAL):
        raise PruningError(
            "This criterion needs the gradient of the loss, which an ONNX graph does not give; choose another."
        )
    fitted = fitted_layers(graph)
    if missing := [layer.name for layer in graph.layers if layer.name not in fitted]:
        raise PruningError(
            f"This criterion needs what each layer reads, which this graph does not give for {wording.few(missing)}; "
            "choose magnitude or LAMP."
        )
    with reproducible(threads), torch.inference_mode():
        watched = watching(graph, sample, fitted, threads)
        return sizes(graph.weights, watched) if needs == INPUTS else orders(graph.weights, watched, len(sample))
