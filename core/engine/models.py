"""The networks of `core.recipes`, built.

Every convolution is a `Conv`, so that generic code can fold any network: `X.norm`, if there is one, directly
follows `X.conv`, and the ReLU comes last.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import ConfigError

PIXEL_MEAN, PIXEL_STD = 0.2860, 0.3530
"""Mean and standard deviation of the training images' pixels, on a scale from 0 to 1."""

CLASSES = 10


class Conv(nn.Module):
    """Convolution without bias, batch normalisation, ReLU; `norm=False` is convolution with bias, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, *, padding: int | None = None, norm: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2 if padding is None else padding, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return F.relu(x if self.norm is None else self.norm(x), inplace=True)


def lenet() -> nn.Module:
    """LeCun et al. (1998), "Gradient-based learning applied to document recognition", with ReLU and max pooling."""
    return nn.Sequential(
        Conv(1, 6, 5, padding=0, norm=False),  # (n, 6, 24, 24)
        nn.MaxPool2d(2),
        Conv(6, 16, 5, padding=0, norm=False),  # (n, 16, 8, 8)
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, CLASSES),
    )


def _convnet(first: int, second: int, third: int) -> nn.Module:
    return nn.Sequential(
        Conv(1, first),  # (n, first, 28, 28)
        nn.MaxPool2d(2),
        Conv(first, second),
        Conv(second, second),  # (n, second, 14, 14)
        nn.MaxPool2d(2),
        Conv(second, third),
        Conv(third, third),  # (n, third, 7, 7)
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(third, CLASSES),
    )


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "convnet": lambda: _convnet(32, 80, 128),
    "convnet-small": lambda: _convnet(16, 32, 64),
    "lenet": lenet,
}
"""One builder per network of `core.recipes.NETWORKS`."""


def build(network: str, seed: int) -> nn.Module:
    """A new network with weights drawn from `seed` alone: (n, 1, 28, 28) normalised images to (n, 10) logits.

    Raises:
        ConfigError: there is no network of that name.
    """
    if network not in BUILDERS:
        raise ConfigError(f"There is no network {network!r}; choose one of {', '.join(BUILDERS)}.")
    with torch.random.fork_rng(devices=[]):
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
            state[name].copy_(torch.as_tensor(np.asarray(value)))


def normalise(images: Tensor) -> Tensor:
    """Pixels to network input: (n, 28, 28) uint8 to (n, 1, 28, 28) float32 of mean 0 and deviation 1."""
    return images.float().sub_(255 * PIXEL_MEAN).div_(255 * PIXEL_STD).unsqueeze(1)
