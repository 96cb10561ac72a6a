"""Time a network: dense, with its zeros multiplied like any number, without its idle filters, with kernels as sparse
matrices, and in ONNX Runtime. From pixels to logits in each case."""

import random
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import Design
from core.cost.times import BATCHES, Times, Variant
from core.engine.inference import Folded, fold
from core.engine.machine import THREADS, described, reproducible
from core.engine.models import loaded, normalise
from core.engine.portable import onnx_runtime, to_onnx
from core.errors import PruningError
from core.networks import NETWORKS
from core.pruning.filters import take, working

ROUNDS = 15
_PATIENCE = 40  # seconds
_ENOUGH = 5  # rounds, however long they take
_AT_LEAST = 0.02  # seconds; a shorter pass is repeated, and its mean is the round's value

Name = TypeVar("Name", bound=str)

Pass = Callable[[np.ndarray], np.ndarray]
"""From (n, h, w) or (n, h, w, c) uint8 images to (n, classes) logits."""


def measure(
    design: Design,
    dense: Mapping[str, np.ndarray],
    pruned: Mapping[str, np.ndarray],
    images: np.ndarray,
    on_round: Callable[[int, int], object] = lambda done, of: None,
    rounds: int = ROUNDS,
) -> Times:
    """Time all variants in turns, as `take_turns` does.

    Raises:
        PruningError: a variant gives other answers than the network whose weights it has.
    """
    joints = NETWORKS[design.network].joints
    kept = working(pruned, joints)
    passes: dict[Variant, Pass] = {
        "dense": network(design, dense),
        "masked": network(design, pruned),
        "removed": network(design, take(pruned, joints, kept)),
        "csr": sparse(design, pruned),
        "onnx-dense": onnx_runtime(to_onnx(design, dense)),
        "onnx": onnx_runtime(to_onnx(design, pruned)),
    }
    first = images[: BATCHES[-1]]
    for one, others in (("dense", ("onnx-dense",)), ("masked", ("removed", "csr", "onnx"))):
        for other in others:
            _check(passes[one](first), passes[other](first), other)  # type: ignore[index]
    seconds = take_turns(passes, images, on_round, rounds)
    gone = sum(int((~mask).sum()) for mask in kept.values())
    return Times(seconds, gone, sum(mask.size for mask in kept.values()), THREADS, described())


def take_turns(
    passes: Mapping[Name, Pass],
    images: np.ndarray,
    on_round: Callable[[int, int], object] = lambda done, of: None,
    rounds: int = ROUNDS,
    batches: Sequence[int] = BATCHES,
) -> dict[int, dict[Name, list[float]]]:
    """Seconds of one pass for each batch and each network, one value per round.

    In every round all take turns, in random order, with one thread for each processor of this process. After
    `_PATIENCE`, no further round is begun if there are `_ENOUGH`. `images` are what the networks take, at least as many
    as the largest batch.
    """
    seconds: dict[int, dict[Name, list[float]]] = {batch: {name: [] for name in passes} for batch in batches}
    with reproducible(THREADS):
        repeats = {
            (batch, name): max(1, round(_AT_LEAST / _timed(run, images[:batch], 1)))
            for batch in batches
            for name, run in passes.items()
        }
        began, order = time.perf_counter(), random.Random(0)
        for done in range(rounds):
            if done >= _ENOUGH and time.perf_counter() - began > _PATIENCE:
                break
            for batch, name in order.sample(
                [*repeats], len(repeats)
            ):  # otherwise each would always follow the same other
                seconds[batch][name].append(_timed(passes[name], images[:batch], repeats[batch, name]))
            on_round(done + 1, rounds)
    return seconds


def network(design: Design, weights: Mapping[str, np.ndarray], change: Callable[[nn.Module], object] = fold) -> Pass:
    """A network with these weights, transformed for speed."""
    model = loaded(design, weights)
    change(model)

    def answers(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            logits: np.ndarray = model(normalise(torch.tensor(images))).numpy()
        return logits

    return answers


def sparse(design: Design, weights: Mapping[str, np.ndarray]) -> Pass:
    """A network whose kernels are sparse matrices."""
    return network(design, weights, sparsify)


def _timed(run: Pass, images: np.ndarray, times: int) -> float:
    """Seconds of one pass, the mean over several."""
    began = time.perf_counter()
    for _ in range(times):
        run(images)
    return (time.perf_counter() - began) / times


def _check(one: np.ndarray, other: np.ndarray, name: str) -> None:
    if not np.allclose(one, other, rtol=1e-3, atol=1e-3):
        raise PruningError(f"{name} gives other answers than the network; please report this network.")


def sparsify(model: nn.Module) -> None:
    """Fold a network and replace each layer with one whose kernel is a matrix of compressed sparse rows."""
    fold(model)
    _sparsify(model)


def _sparsify(model: nn.Module) -> None:
    for name, module in model.named_children():
        if isinstance(module, Folded):
            setattr(model, name, _SparseConv(module))
        elif isinstance(module, nn.Linear):
            setattr(model, name, _SparseLinear(module))
        else:
            _sparsify(module)


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
