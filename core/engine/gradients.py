"""The gradient of the loss with respect to a network's kernels, used by first-order criteria."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from core.config import Design
from core.data import Split
from core.engine.machine import reproducible
from core.engine.models import build, normalise, set_weights
from core.pruning import GRADIENTS, Weights, kernels

_BATCH = 250  # images


def gradients(
    design: Design, weights: Weights, images: Split, *, on_batch: Callable[[], object] = lambda: None
) -> dict[str, np.ndarray]:
    """The gradient of the mean cross-entropy over the images, in each kernel's shape, float32, in evaluation mode.

    Batch normalisation uses its stored statistics. `on_batch` is called before each batch; what it raises passes
    through.
    """
    with reproducible():
        model = build(design, 0).eval()
        set_weights(model, weights)
        pixels, labels = torch.tensor(images.images), torch.tensor(images.labels, dtype=torch.long)
        for x, y in zip(pixels.split(_BATCH), labels.split(_BATCH), strict=True):
            on_batch()
            loss = F.cross_entropy(model(normalise(x)), y, reduction="sum") / len(images)
            loss.backward()
    slopes = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {name: slopes[name].numpy() for name in kernels(weights)}


COMPUTED = {GRADIENTS: gradients}
"""The function that computes each of `core.pruning.STATISTICS`."""
