"""The networks of `core.networks`, built.

Every convolution is a `Conv` and every batch normalisation belongs to one, so generic code can fold any network.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import Design, Problem
from core.errors import ConfigError
from core.networks import PIXEL_MEAN, PIXEL_STD


class Conv(nn.Module):
    """Convolution, max pooling over 2 x 2 if asked for, batch normalisation, ReLU; without `norm` a bias instead.

    Pooling comes before normalisation, which then has a quarter of the numbers to work on. The scale of the
    normalisation stays 1 (the next kernel can do its work), so that its factor is positive, commutes with the
    maximum, and can be folded into the convolution.
    """

    def __init__(
        self, inputs: int, outputs: int, size: int = 3, *, padding: int = 1, pool: bool = False, norm: bool = True
    ):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=padding, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs) if norm else None
        if self.norm is not None:
            self.norm.weight.requires_grad_(False)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.pool:
            x = F.max_pool2d(x, 2)
        return F.relu(x if self.norm is None else self.norm(x), inplace=True)


class RegionMeans(nn.Module):
    """Means of nine overlapping square regions: (n, c, side, side) to (n, 9 c), region after region.

    What `AvgPool2d(side - 4, 2)` computes, as one product with a fixed matrix: its gradient is another product, and on
    a CPU eleven times as fast.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        line = torch.zeros(3, side)
        for i in range(3):
            line[i, 2 * i : 2 * i + side - 4] = 1 / (side - 4)
        self.register_buffer("shares", torch.kron(line, line), persistent=False)  # (9, side * side)

    def forward(self, x: Tensor) -> Tensor:
        n, c = x.shape[:2]
        pixels = x.permute(0, 2, 3, 1).reshape(n, -1, c)  # a view: channels come last
        return torch.matmul(self.get_buffer("shares").to(x.dtype), pixels).flatten(1)


def lenet(design: Design) -> nn.Module:
    """LeCun et al., "Gradient-based learning applied to document recognition", 1998; with ReLU and max pooling."""
    problem = design.problem
    side = ((problem.side - 4) // 2 - 4) // 2
    return _named(
        nn.Sequential(),
        conv1=Conv(problem.channels, 6, 5, padding=0, pool=True, norm=False),  # of 28 x 28: (n, 6, 12, 12)
        conv2=Conv(6, 16, 5, padding=0, pool=True, norm=False),  # (n, 16, side, side)
        flat=nn.Flatten(),
        fc1=nn.Linear(16 * side**2, 120),
        relu1=nn.ReLU(),
        fc2=nn.Linear(120, 84),
        relu2=nn.ReLU(),
        fc3=nn.Linear(84, problem.classes),
    )


class Mirrored(nn.Sequential):
    """Layer after layer; once trained and if `mirrored`, the mean of its answers to an image and to the mirror image.

    Trained with random flips, the two answers differ by chance alone, and their mean errs less: Krizhevsky et al.,
    "ImageNet classification with deep convolutional neural networks", 2012.
    """

    def __init__(self, mirrored: bool) -> None:
        super().__init__()
        self._mirrored = mirrored

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        if self.training or not self._mirrored:
            return answer
        mirrored: Tensor = super().forward(x.flip(3))  # type: ignore[no-untyped-call]
        return (answer + mirrored) / 2


def convnet(design: Design, a: int, b: int, c: int, d: int, e: int) -> nn.Module:
    """Five convolutions of so many filters on three scales, and one decision from the means of nine regions."""
    problem = design.problem
    return _named(
        Mirrored(design.mirrored),
        conv1=Conv(problem.channels, a, pool=True),  # of 28 x 28: (n, a, 14, 14)
        conv2=Conv(a, b),
        conv3=Conv(b, c, pool=True),  # (n, c, 7, 7)
        conv4=Conv(c, d),
        conv5=Conv(d, e),  # (n, e, 7, 7)
        **_decision(e, problem),
    )


class Residual(nn.Sequential):
    """What its layers make of the input, added to the input: He et al., "Deep residual learning", 2015."""

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x + change


def resnet(design: Design) -> nn.Module:
    """Ten convolutions on three scales, six of them in residual blocks; decides as `convnet` does."""
    problem = design.problem
    return _named(
        Mirrored(design.mirrored),
        conv1=Conv(problem.channels, 32),  # of 28 x 28: (n, 32, 28, 28)
        conv2=Conv(32, 64, pool=True),  # (n, 64, 14, 14)
        block1=_block(64),
        conv3=Conv(64, 128, pool=True),  # (n, 128, 7, 7)
        block2=_block(128),
        block3=_block(128),
        conv4=Conv(128, 192),
        **_decision(192, problem),
    )


def _block(filters: int) -> nn.Module:
    return _named(Residual(), conv1=Conv(filters, filters), conv2=Conv(filters, filters))


def _decision(filters: int, problem: Problem) -> dict[str, nn.Module]:
    """The last layers, after an image has been halved twice."""
    return {"mean": RegionMeans(problem.side // 4), "fc": nn.Linear(9 * filters, problem.classes)}


def _named(chain: nn.Sequential, **layers: nn.Module) -> nn.Module:
    """The chain with the layers in order; their names are those of the weights, which visitors see."""
    for name, layer in layers.items():
        chain.add_module(name, layer)
    return chain


BUILDERS: dict[str, Callable[[Design], nn.Module]] = {
    "convnet": partial(convnet, a=32, b=64, c=64, d=128, e=128),
    "convnet-small": partial(convnet, a=16, b=48, c=48, d=64, e=64),
    "lenet": lenet,
    "resnet": resnet,
}
"""One builder per network of `core.networks.NETWORKS`."""


_chance = threading.Lock()
"""Guards torch's own generator, which all threads share and from which new weights are drawn."""


def build(design: Design, seed: int) -> nn.Module:
    """A new network with weights drawn from `seed` alone: (n, c, h, w) normalised images to (n, classes) logits.

    Raises:
        ConfigError: there is no network of that name.
    """
    if design.network not in BUILDERS:
        raise ConfigError(f"There is no network {design.network!r}; choose one of {', '.join(BUILDERS)}.")
    with _chance, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BUILDERS[design.network](design)


def get_weights(model: nn.Module) -> dict[str, np.ndarray]:
    """Copies of all parameters and batch-norm statistics, float32, in `state_dict` order."""
    state = model.state_dict()
    return {name: state[name].cpu().numpy().copy() for name in state if not name.endswith("num_batches_tracked")}


def set_weights(model: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights, as `get_weights` returns them, into a network of the same kind.

    Layers take on the arrays' shapes: of a network whose filters were taken out, it becomes that smaller network.
    """
    own: dict[str, Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    with torch.no_grad():
        for name, value in weights.items():
            new = torch.tensor(value, device=own[name].device)
            if new.shape == own[name].shape:
                own[name].copy_(new)
            else:
                layout = torch.channels_last if new.ndim == 4 else torch.contiguous_format
                own[name].data = new.contiguous(memory_format=layout)


def normalise(images: Tensor) -> Tensor:
    """Pixels to network input: (n, h, w) or (n, h, w, c) uint8 to (n, c, h, w) float32, channels last in memory."""
    pixels = images.unsqueeze(3) if images.ndim == 3 else images
    return pixels.float().sub_(255 * PIXEL_MEAN).div_(255 * PIXEL_STD).permute(0, 3, 1, 2)
