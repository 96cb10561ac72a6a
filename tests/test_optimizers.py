"""The optimizers: each moves what it should, and Muon's step on a kernel is torch's on the kernel as a matrix."""

from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.config import Design, Optimizer, TrainingConfig
from core.engine import models, optimizers
from core.networks import NETWORKS

OPTIMIZERS = get_args(Optimizer)


def network(name: str) -> nn.Module:
    return models.build(Design(name), 0).to(memory_format=torch.channels_last)


def learn(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (40, 28, 28), generator=generator, dtype=torch.uint8)
    F.cross_entropy(model(models.normalise(images)), torch.arange(40) % 10).backward()


@pytest.mark.parametrize("name", [*NETWORKS])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_moves_everything_that_is_learned(name: str, optimizer: Optimizer) -> None:
    model = network(name)
    before = {key: p.detach().clone() for key, p in model.named_parameters()}
    optimizer_of = optimizers.build(model, TrainingConfig(optimizer=optimizer, learning_rate=0.01))
    learn(model)
    optimizer_of.step()
    moved = {key for key, p in model.named_parameters() if not torch.equal(p, before[key])}
    assert moved == {key for key, p in model.named_parameters() if p.requires_grad}
    optimizer_of.zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_schedule_reaches_every_group_and_only_weights_decay(optimizer: Optimizer) -> None:
    model = network("convnet")
    built = optimizers.build(model, TrainingConfig(optimizer=optimizer, learning_rate=0.01, weight_decay=0.3))
    assert {group["lr"] for group in built.param_groups} == {0.01}
    for group in built.param_groups:
        assert all((p.ndim > 1) == (group["weight_decay"] == 0.3) for p in group["params"])
    before = {key: p.detach().clone() for key, p in model.named_parameters()}
    for group in built.param_groups:
        group["lr"] = 0.0
    learn(model)
    built.step()
    assert all(torch.equal(p, before[key]) for key, p in model.named_parameters())


def test_muon_takes_the_step_that_torch_takes_on_the_kernel_as_a_matrix() -> None:
    model = network("convnet")
    settings = TrainingConfig(optimizer="muon", learning_rate=0.01, weight_decay=0.1, momentum=0.9)
    kernels = [p for p in model.parameters() if p.ndim == 4]
    matrices = [p.detach().flatten(1).clone() for p in kernels]
    starts = [matrix.clone() for matrix in matrices]
    theirs = torch.optim.Muon(matrices, 0.01, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw")
    ours = optimizers.build(model, settings)
    for _ in range(3):
        ours.zero_grad()
        learn(model)
        for matrix, kernel in zip(matrices, kernels, strict=True):
            assert kernel.grad is not None
            matrix.grad = kernel.grad.flatten(1).clone()
        ours.step()
        theirs.step()
    for matrix, kernel, start in zip(matrices, kernels, starts, strict=True):
        # The columns stand in another order, in which torch's bfloat16 sums round differently.
        assert (kernel.detach().flatten(1) - matrix).norm() < 0.02 * (matrix - start).norm()
