"""The networks of `core.recipes`, built.

Every convolution is a `Conv` and every batch normalisation belongs to one, so generic code can fold any network.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import ConfigError

PIXEL_MEAN, PIXEL_STD = 0.2860, 0.3530
"""Mean and standard deviation of the training images' pixels, on a scale from 0 to 1."""

CLASSES = 10


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
    """Means of nine overlapping 3 x 3 regions: (n, c, 7, 7) to (n, 9 c), region after region.

    What `AvgPool2d(3, 2)` computes, as one product with a fixed matrix: its gradient is another product, and on a CPU
    eleven times as fast.
    """

    def __init__(self) -> None:
        super().__init__()
        line = torch.zeros(3, 7)
        for i in range(3):
            line[i, 2 * i : 2 * i + 3] = 1 / 3
        self.register_buffer("shares", torch.kron(line, line), persistent=False)  # (9, 49)

    def forward(self, x: Tensor) -> Tensor:
        n, c = x.shape[:2]
        pixels = x.permute(0, 2, 3, 1).reshape(n, 49, c)  # a view: channels come last
        return torch.matmul(self.get_buffer("shares").to(x.dtype), pixels).flatten(1)


def lenet() -> nn.Module:
    """LeCun et al., "Gradient-based learning applied to document recognition", 1998; with ReLU and max pooling."""
    return _named(
        nn.Sequential,
        conv1=Conv(1, 6, 5, padding=0, pool=True, norm=False),  # (n, 6, 12, 12)
        conv2=Conv(6, 16, 5, padding=0, pool=True, norm=False),  # (n, 16, 4, 4)
        flat=nn.Flatten(),
        fc1=nn.Linear(256, 120),
        relu1=nn.ReLU(),
        fc2=nn.Linear(120, 84),
        relu2=nn.ReLU(),
        fc3=nn.Linear(84, CLASSES),
    )


class Mirrored(nn.Sequential):
    """Layer after layer; once trained, the mean of its answers to an image and to the mirror image.

    Trained with random flips, the two answers differ by chance alone, and their mean errs less: Krizhevsky et al.,
    "ImageNet classification with deep convolutional neural networks", 2012.
    """

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        if self.training:
            return answer
        mirrored: Tensor = super().forward(x.flip(3))  # type: ignore[no-untyped-call]
        return (answer + mirrored) / 2


def convnet(a: int, b: int, c: int, d: int, e: int) -> nn.Module:
    """Five convolutions of so many filters on three scales, and one decision from the means of 3 x 3 regions."""
    return _named(
        Mirrored,
        conv1=Conv(1, a, pool=True),  # (n, a, 14, 14)
        conv2=Conv(a, b),
        conv3=Conv(b, c, pool=True),  # (n, c, 7, 7)
        conv4=Conv(c, d),
        conv5=Conv(d, e),  # (n, e, 7, 7)
        mean=RegionMeans(),
        fc=nn.Linear(9 * e, CLASSES),
    )


def _named(kind: type[nn.Sequential], **layers: nn.Module) -> nn.Module:
    """The layers in order; their names are those of the weights, which visitors see."""
    return kind(OrderedDict(layers))


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "convnet": partial(convnet, 32, 64, 64, 128, 128),
    "convnet-small": partial(convnet, 16, 48, 48, 64, 64),
    "lenet": lenet,
}
"""One builder per network of `core.recipes.NETWORKS`."""


_chance = threading.Lock()
"""Guards torch's own generator, which all threads share and from which new weights are drawn."""


def build(network: str, seed: int) -> nn.Module:
    """A new network with weights drawn from `seed` alone: (n, 1, 28, 28) normalised images to (n, 10) logits.

    Raises:
        ConfigError: there is no network of that name.
    """
    if network not in BUILDERS:
        raise ConfigError(f"There is no network {network!r}; choose one of {', '.join(BUILDERS)}.")
    with _chance, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BUILDERS[network]()


def get_weights(model: nn.Module) -> dict[str, np.ndarray]:
    """Copies of all parameters and batch-norm statistics, float32, in `state_dict` order."""
    state = model.state_dict()
    return {name: state[name].cpu().numpy().copy() for name in state if not name.endswith("num_batches_tracked")}


def set_weights(model: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights, as `get_weights` returns them, into a network of the same kind."""
    state = model.state_dict()
    with torch.no_grad():
        for name, value in weights.items():
            state[name].copy_(torch.tensor(value))


def normalise(images: Tensor) -> Tensor:
    """Pixels to network input: (n, 28, 28) uint8 to (n, 1, 28, 28) float32 of mean 0 and deviation 1, channels last."""
    return images.unsqueeze(3).float().sub_(255 * PIXEL_MEAN).div_(255 * PIXEL_STD).permute(0, 3, 1, 2)
