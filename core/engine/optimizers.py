"""The optimizers of `core.config.Optimizer`, each over all parameters of a network."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from core.config import TrainingConfig


class Optimizer(Protocol):
    """What the training loop needs."""

    param_groups: list[dict[str, Any]]

    def zero_grad(self) -> None: ...

    def step(self) -> None: ...


def build(model: nn.Module, settings: TrainingConfig) -> Optimizer:
    """The optimizer that the settings name. Biases and normalisation do not decay."""
    if settings.optimizer == "muon":
        return Muon(model, settings)
    groups = _groups([*model.parameters()], settings)
    if settings.optimizer == "adamw":
        return _adamw(groups, settings)
    rate, momentum = settings.learning_rate, settings.momentum
    return torch.optim.SGD(groups, rate, momentum=momentum, nesterov=momentum > 0, fused=True)


class Muon:
    """Muon for the kernels of convolutions, AdamW for the rest, at one learning rate.

    Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024) replaces the momentum of a
    matrix with the nearest matrix whose singular values are all equal, so all directions are learned equally fast; its
    steps are scaled to the size of AdamW's (Liu et al., "Muon is scalable for LLM training", 2025). torch's takes
    matrices only: it gets views of the kernels, one row per filter, that share their memory.
    """

    def __init__(self, model: nn.Module, settings: TrainingConfig):
        self._model = model
        self._kernels = [p for p in model.parameters() if p.ndim == 4]
        self._rows = [_rows(kernel.detach()) for kernel in self._kernels]
        self._muon = torch.optim.Muon(
            self._rows,
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            momentum=settings.momentum,
            adjust_lr_fn="match_rms_adamw",
        )
        self._rest = _adamw(_groups([p for p in model.parameters() if p.ndim != 4], settings), settings)
        self.param_groups = self._muon.param_groups + self._rest.param_groups

    def zero_grad(self) -> None:
        self._model.zero_grad()

    def step(self) -> None:
        for rows, kernel in zip(self._rows, self._kernels, strict=True):
            assert kernel.grad is not None
            rows.grad = kernel.grad.permute(0, 2, 3, 1).flatten(1)
        self._muon.step()
        self._rest.step()


def _rows(kernel: Tensor) -> Tensor:
    """(filters, channels, height, width), channels last in memory, to (filters, entries) in the same memory."""
    return kernel.permute(0, 2, 3, 1).view(len(kernel), -1)


def _groups(parameters: list[nn.Parameter], settings: TrainingConfig) -> list[dict[str, Any]]:
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]


def _adamw(groups: list[dict[str, Any]], settings: TrainingConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, settings.learning_rate, betas=(settings.momentum, 0.999), fused=True)
