"""What criteria read besides the weights: gradients of the loss, sizes of the inputs, orders of removal."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import Design
from core.data import Split
from core.engine.least_squares import Normal, equations, places, seen, windows
from core.engine.machine import THREADS, reproducible
from core.engine.models import loaded, normalise, shown, watch
from core.engine.surgeon import removal
from core.pruning import GRADIENTS, INPUTS, REMOVAL, Weights, kernels

_BATCH = 250  # images

Check = Callable[[], object]
"""Called before each batch, and by what takes long; what it raises passes through."""
Values = dict[str, np.ndarray]
"""A float32 array for each kernel, in its shape."""


def gradients(
    design: Design, weights: Weights, images: Split, *, check: Check = lambda: None, threads: int = THREADS
) -> Values:
    """The gradient of the mean cross-entropy over the images, in evaluation mode.

    Batch normalisation uses its stored statistics.
    """
    with reproducible(threads):
        model = loaded(design, weights)
        pixels, labels = torch.tensor(images.images), torch.tensor(images.labels, dtype=torch.long)
        for x, y in zip(pixels.split(_BATCH), labels.split(_BATCH), strict=True):
            check()
            loss = F.cross_entropy(model(normalise(x)), y, reduction="sum") / len(images)
            loss.backward()
    slopes = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {name: slopes[name].numpy() for name in kernels(weights)}


def inputs(
    design: Design, weights: Weights, images: Split, *, check: Check = lambda: None, threads: int = THREADS
) -> Values:
    """The root mean square of what each weight is multiplied by; see `sizes`. No label is read."""
    with reproducible(threads), torch.inference_mode():
        return sizes(kernels(weights), _watching(design, weights, images, check))


def removals(
    design: Design, weights: Weights, images: Split, *, check: Check = lambda: None, threads: int = THREADS
) -> Values:
    """The order in which the weights of each layer can be done without: 0 first; see `orders`. No label is read."""
    with reproducible(threads), torch.inference_mode():
        return orders(kernels(weights), _watching(design, weights, images, check), len(images), check)


See = Callable[[str, nn.Module, Tensor, Tensor], object]
"""Called with a kernel's name, its layer, the layer's inputs and its outputs, for each batch of images."""
Watching = Callable[[See], object]
"""Lets a network answer about images, and shows what its layers read and make."""


def _watching(design: Design, weights: Weights, images: Split, check: Check) -> Watching:
    batches, names = shown(design, images.images).split(_BATCH), kernels(weights)
    return lambda see: watch(loaded(design, weights), batches, names, see, check)


def sizes(layers: Weights, watching: Watching) -> Values:
    """The root mean square of what each weight is multiplied by, over the images and the places of the output.

    Up to a factor that all weights of a layer share, Wanda's norm of the input (Sun et al., ICLR 2024).
    """
    squares, rows = dict[str, np.ndarray](), dict.fromkeys(layers, 0)

    def add(kernel: str, layer: nn.Module, x: Tensor, y: Tensor) -> None:
        read = windows(layer, x.square()).sum((2, 3)) if isinstance(layer, nn.Conv2d) else x.square()
        total = read.sum(0, dtype=torch.float64).reshape(-1, *layers[kernel].shape[1:])  # (groups, a filter's shape)
        squares[kernel] = squares.get(kernel, 0) + total.numpy()
        rows[kernel] += y.numel() // y.shape[1]

    watching(add)
    norms = {name: np.sqrt(total / rows[name]).astype(np.float32) for name, total in squares.items()}
    return {name: norms[name].repeat(len(w) // len(norms[name]), axis=0) for name, w in layers.items()}


def orders(layers: Weights, watching: Watching, images: int, check: Check = lambda: None) -> Values:
    """The order in which `surgeon.removal` takes the weights out of each layer: 0 first.

    From the layer's inputs at as many places of so many images as a refit takes.
    """
    found: dict[str, list[Normal]] = {}
    generator = torch.Generator().manual_seed(0)

    def add(kernel: str, layer: nn.Module, x: Tensor, y: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        parts = found.setdefault(kernel, equations(layer, constant=True, fitted=False))
        for part, rows in zip(parts, seen(layer, x, places(layer, y, images, generator)), strict=True):
            part.add(rows, rows[:, :0])

    watching(add)
    return {name: removal(torch.tensor(w), found[name], check) for name, w in layers.items()}


COMPUTED = {GRADIENTS: gradients, INPUTS: inputs, REMOVAL: removals}
"""The function that computes each of `core.pruning.STATISTICS`."""
