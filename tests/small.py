"""A small synthetic network that NumPy evaluates: two convolutions and two fully connected layers, 2,344 weights."""

from functools import cache
from typing import get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.cost.times import BATCHES
from core.cost.tradeoff import EPOCHS, RETRAINED, Method, Point, Tradeoff
from core.evaluation import Comparison
from core.evaluation.parts import compute
from core.evaluation.profile import FRACTIONS, Profile
from core.evaluation.trace import Trace
from core.evaluation.trace import compute as compute_trace
from core.pruning import PruningConfig, Ranking, Weights, kernels, rank

SHAPES: dict[str, tuple[int, ...]] = {
    "conv1.weight": (8, 1, 3, 3),
    "conv1.bias": (8,),
    "conv2.weight": (12, 8, 3, 3),
    "fc1.weight": (64, 12),
    "fc2.weight": (10, 64),
    "fc2.bias": (10,),
}
CLASSES = tuple(f"class {i}" for i in range(10))
IMAGES = np.random.default_rng(0).standard_normal((200, 1, 8, 8), np.float32)


def weights() -> dict[str, NDArray[np.float32]]:
    """Normal, as large as the inputs of their layer ask for; none is zero."""
    rng = np.random.default_rng(3)
    return {
        name: rng.standard_normal(shape, np.float32) * np.float32((2 / np.prod(shape[1:])) ** 0.5)
        for name, shape in SHAPES.items()
    }


def gradients() -> dict[str, NDArray[np.float32]]:
    """What stands for the loss's gradient in each kernel."""
    return {n: np.cos(np.arange(w.size, dtype=np.float32)).reshape(w.shape) for n, w in kernels(weights()).items()}


def ranking(pruning: PruningConfig | None = None) -> Ranking:
    """The order in which its weights go."""
    return rank(weights(), pruning or PruningConfig(), gradients())


def infer(weights: Weights) -> NDArray[np.float32]:
    """Logits (200, 10)."""
    x = _convolved(IMAGES, weights["conv1.weight"]) + weights["conv1.bias"][:, None, None]
    x = _convolved(np.maximum(x, 0), weights["conv2.weight"])
    x = np.maximum(x, 0).reshape(len(IMAGES), -1) @ weights["fc1.weight"].T
    return np.asarray(np.maximum(x, 0) @ weights["fc2.weight"].T + weights["fc2.bias"], np.float32)


def _convolved(images: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """3 x 3 without padding, every second place."""
    windows = sliding_window_view(images, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    return np.asarray(np.einsum("nchwij,fcij->nfhw", windows, kernel, optimize=True), np.float32)


LABELS = infer(weights()).argmax(axis=1).astype(np.uint8)
LABELS[::8] = (LABELS[::8] + 1) % 10  # the dense network is right in 7 of 8


@cache
def profile(criterion: str = "magnitude", scope: str = "global", own: float | None = None) -> Profile:
    """The profile over the stops and, if given, one sparsity of a visitor's own."""
    ranked = ranking(PruningConfig(criterion=criterion, scope=scope))
    stops = compute(weights(), ranked, infer, LABELS, sparsities=FRACTIONS)
    return stops if own is None else stops.merged(compute(weights(), ranked, infer, LABELS, sparsities=[own]))


IMAGE = 17


def look(weights: Weights) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits of one image, and as its feature maps the first kernels, (8, 3, 3)."""
    return infer(weights)[IMAGE], weights["conv1.weight"][:, 0]


@cache
def trace(criterion: str = "magnitude", scope: str = "global") -> Trace:
    """That image over the stops."""
    return compute_trace(weights(), ranking(PruningConfig(criterion=criterion, scope=scope)), FRACTIONS, look)


def tradeoff() -> Tradeoff:
    """Weights and filters of a network of 1,000 weights, three places of each retrained and timed."""
    points, methods = [], get_args(Method)
    for method in methods:
        for share in (0.0, *RETRAINED):
            for epochs in (0, EPOCHS) if share else (0,):
                lost = int(100 * share) // (1 + epochs)
                times = dict.fromkeys(BATCHES, (0.9 - share / 2, 1 - share / 2, 1.1 - share / 2)) if share else {}
                left = int(1000 * (1 - share))
                points.append(
                    Point(
                        method=method, share=share, epochs=epochs, left=left, dense=4000, compact=3 * left,
                        comparison=Comparison(400, 350 - lost, lost, 0, 50, lost), times=times,
                    )
                )  # fmt: skip
    return Tradeoff(points, 1000, 2, {"processor": "A processor"})
