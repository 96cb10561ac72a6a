"""How long a network takes: dense, with zeros that are multiplied all the same, and with kernels as sparse matrices."""

import time
import warnings
from collections.abc import Callable, Mapping
from typing import get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import Design
from core.engine.inference import Folded, fold
from core.engine.machine import THREADS, described, reproducible
from core.engine.models import build, normalise, set_weights
from core.errors import PruningError
from core.storage.timing import BATCHES, Times, Variant

ROUNDS = 15
_PATIENCE = 30  # seconds
_AT_LEAST = 0.02  # seconds; a shorter pass is repeated, and its mean is the round's value


def measure(
    design: Design,
    dense: Mapping[str, np.ndarray],
    pruned: Mapping[str, np.ndarray],
    images: np.ndarray,
    on_round: Callable[[int, int], object] = lambda done, of: None,
    rounds: int = ROUNDS,
) -> Times:
    """Time all variants in turns, round by round, on so many threads as the machine has processors for this process.

    After `_PATIENCE` no further round is begun, if there are five.

    `images` are uint8, at least as many as the largest batch.

    Raises:
        PruningError: the sparse matrices answer otherwise than the network whose weights they are.
    """
    models = {"dense": _network(design, dense), "masked": _network(design, pruned), "csr": _network(design, pruned)}
    sparsify(models["csr"])
    seconds: dict[int, dict[Variant, list[float]]] = {b: {v: [] for v in get_args(Variant)} for b in BATCHES}
    with reproducible(THREADS), torch.inference_mode():
        inputs = {batch: normalise(torch.tensor(images[:batch])) for batch in BATCHES}
        _check(models["masked"](inputs[BATCHES[-1]]), models["csr"](inputs[BATCHES[-1]]))
        repeats = {
            (batch, variant): max(1, round(_AT_LEAST / _timed(models[variant], inputs[batch], 1)))
            for batch in BATCHES
            for variant in get_args(Variant)
        }
        began = time.perf_counter()
        for done in range(rounds):
            if done >= 5 and time.perf_counter() - began > _PATIENCE:
                break
            for (batch, variant), times in repeats.items():
                seconds[batch][variant].append(_timed(models[variant], inputs[batch], times))
            on_round(done + 1, rounds)
    return Times(seconds, THREADS, described())


def _network(design: Design, weights: Mapping[str, np.ndarray]) -> nn.Module:
    model = build(design, 0).eval()
    set_weights(model, weights)
    fold(model)
    return model


def _timed(model: nn.Module, images: Tensor, times: int) -> float:
    """Seconds of one pass, the mean of some."""
    began = time.perf_counter()
    for _ in range(times):
        model(images)
    return (time.perf_counter() - began) / times


def _check(one: Tensor, other: Tensor) -> None:
    if not torch.allclose(one, other, rtol=1e-3, atol=1e-3):
        raise PruningError("The sparse matrices answer otherwise than the network; please report this network.")


def sparsify(model: nn.Module) -> None:
    """Replace each layer of a folded network by one whose kernel is a matrix of compressed sparse rows."""
    for name, module in model.named_children():
        if isinstance(module, Folded):
            setattr(model, name, _SparseConv(module))
        elif isinstance(module, nn.Linear):
            setattr(model, name, _SparseLinear(module))
        else:
            sparsify(module)


def _csr(matrix: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return matrix.detach().to_sparse_csr()


class _SparseConv(nn.Module):
    """A folded convolution as a sparse matrix times the patches of the image."""

    def __init__(self, folded: Folded) -> None:
        super().__init__()
        self._filters, self._side = folded.weight.shape[0], folded.weight.shape[2]
        self._matrix = _csr(folded.weight.contiguous().reshape(self._filters, -1))
        self._bias, self._padding, self._pool = folded.bias.detach()[:, None], folded.padding[0], folded.pool

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        sides = [side + 2 * self._padding - self._side + 1 for side in (height, width)]
        patches = F.unfold(x, self._side, padding=self._padding)  # (n, inputs * k * k, places)
        columns = patches.permute(1, 0, 2).reshape(patches.shape[1], -1)
        out = F.relu(torch.sparse.mm(self._matrix, columns).add_(self._bias), inplace=True)
        x = out.reshape(self._filters, n, *sides).transpose(0, 1)
        return F.max_pool2d(x, 2) if self._pool else x


class _SparseLinear(nn.Module):
    """A fully connected layer as a sparse matrix."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._matrix, self._bias = _csr(linear.weight), linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = torch.sparse.mm(self._matrix, x.t().contiguous())
        return product.t() + self._bias
