"""Make a network small while it is trained: prune it step by step, and train the rounded weights that are stored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from core.config import Compression
from core.pruning import PruningConfig, Weights, kernels, rank

_UPDATES = 100
"""In how many equal parts of a training gradual pruning takes a step."""

_CLIPPED = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
"""The largest rounded weight of a filter as a share of its largest weight; the one with the least error wins."""

_SHORT = 8
"""Bits of the significand of a scale: times a whole number of up to 8 bits, it is exact in float32."""

_TINY = 2.0**-100
"""The smallest scale, of a row of zeros."""


class Held:
    """Keeps pruned weights at zero, despite gradients, momentum and weight decay."""

    def __init__(self, model: nn.Module, masks: Mapping[str, np.ndarray] | None = None) -> None:
        """`masks` are, for each kernel, of its shape and True where it is kept; without them nothing is pruned yet."""
        self._parameters = dict(model.named_parameters())
        self._gone = list[tuple[nn.Parameter, Tensor]]()
        self.hold(masks or {})

    def hold(self, masks: Mapping[str, np.ndarray]) -> None:
        """From now on keep what these masks leave."""
        kernels = ((self._parameters[name], kept) for name, kept in masks.items())
        self._gone = [(kernel, ~torch.tensor(kept, device=kernel.device)) for kernel, kept in kernels]
        self.weights()

    def gradients(self) -> None:
        """Before a step: pruned weights get no gradient."""
        for kernel, gone in self._gone:
            assert kernel.grad is not None
            kernel.grad.masked_fill_(gone, 0.0)

    def weights(self) -> None:
        """After a step: pruned weights are +0.0 again."""
        for kernel, gone in self._gone:
            kernel.data.masked_fill_(gone, 0.0)


class Compressor:
    """Prunes and rounds a network in training as its configuration says."""

    def __init__(self, model: nn.Module, how: Compression, held: Held) -> None:
        self._how, self._held = how, held
        self._kernels = {name: p for name, p in model.named_parameters() if p.ndim > 1}
        self._pruning = PruningConfig(criterion=how.criterion, scope=how.scope)
        self._share = 0.0

    def is_due(self, done: float) -> bool:
        """Whether something is to be pruned before the step at which a share `done` of the training is done."""
        return self._due(done) > self._share

    def prune(self, done: float) -> None:
        """Prune what is due."""
        self._share = self._due(done)
        weights = {name: kernel.detach().cpu().numpy() for name, kernel in self._kernels.items()}
        self._held.hold(rank(weights, self._pruning).masks(self._share))

    def _due(self, done: float) -> float:
        gradual = self._how.pruning == "gradual"
        return self._how.share(int(done * _UPDATES) / _UPDATES if gradual else done)

    @contextmanager
    def rounded(self, done: float) -> Iterator[None]:
        """Inside, the kernels are rounded if it is time for that, so answers and gradients are those of rounded ones.

        The gradient then moves the weights as they were before: the straight-through estimator (Bengio et al.,
        "Estimating or propagating gradients through stochastic neurons for conditional computation", 2013).
        """
        if not self._how.rounds_weights or done < 1 - self._how.rounded:
            yield
            return
        whole = [(kernel, kernel.data) for kernel in self._kernels.values()]
        for kernel, weights in whole:
            kernel.data = on_grid(weights, self._how.bits)
        try:
            yield
        finally:
            for kernel, weights in whole:
                kernel.data = weights


def on_grid(weights: Tensor, bits: int) -> Tensor:
    """The weights as whole numbers of so many bits times one number for each row; see `_grid`. Zeros stay +0.0."""
    whole, scale = _grid(weights, bits)
    layout = torch.channels_last if weights.ndim == 4 else torch.contiguous_format
    return (whole * scale).add_(0.0).view_as(weights).contiguous(memory_format=layout)


def _grid(weights: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Whole numbers (rows, entries), symmetric: -7 to 7 for 4 bits; and the scale of each row (rows, 1).

    A row is a filter. Of several scales the one with the smallest squared error counts.
    """
    rows = weights.flatten(1)
    most = 2 ** (bits - 1) - 1
    largest = rows.abs().amax(1, keepdim=True)
    best, error = torch.ones_like(largest), torch.full_like(largest, torch.inf)
    for clipped in _CLIPPED if bits < 8 else _CLIPPED[:1]:
        scale = _short(largest * (clipped / most)).clamp_min(_TINY)
        apart = (_whole(rows, scale, most) * scale - rows).square().sum(1, keepdim=True)
        best, error = torch.where(apart < error, scale, best), torch.minimum(apart, error)
    return _whole(rows, best, most), best


def _whole(rows: Tensor, scale: Tensor, most: int) -> Tensor:
    return (rows / scale).round_().clamp_(-most, most)


def _short(numbers: Tensor) -> Tensor:
    """Numbers rounded to `_SHORT` bits of significand."""
    significand, exponent = torch.frexp(numbers)
    return torch.ldexp((significand * 2**_SHORT).round(), exponent - _SHORT)


def settled(model: nn.Module, weights: Weights, bits: int) -> dict[str, np.ndarray]:
    """The trained weights in the form in which they are stored: kernels on their grid, biases in 8 bits.

    Batch normalisation is folded: its variance into the scales of the kernel before it, its mean into its bias.
    """
    new = {name: w.copy() for name, w in weights.items()}
    norms = {name: layer.eps for name, layer in model.named_modules() if isinstance(layer, nn.BatchNorm2d)}
    for name, kernel in kernels(weights).items():
        norm = name.replace("conv.weight", "norm")
        whole, scale = _grid(torch.tensor(kernel), bits)
        if norm in norms:
            scale = _short(scale * _folded(new, norm, norms[norm]))
        new[name] = (whole * scale).add_(0.0).reshape(kernel.shape).numpy()
    for name in [name for name in new if name.endswith(".bias")]:
        new[name] = on_grid(torch.tensor(new[name])[None], 8)[0].numpy()
    return new


def _folded(weights: dict[str, np.ndarray], norm: str, eps: float) -> Tensor:
    """Make a normalisation's mean 0 and its variance 1; return the factor (rows, 1) of the kernel before it."""
    mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
    factor = 1 / np.sqrt(variance.astype(np.float64) + eps)
    weights[f"{norm}.bias"] = (weights[f"{norm}.bias"] - mean * factor).astype(np.float32)
    weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"] = np.zeros_like(mean), np.ones_like(variance)
    return torch.tensor(factor * np.sqrt(1 + eps), dtype=torch.float32)[:, None]
