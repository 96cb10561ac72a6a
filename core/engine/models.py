"""The networks of `core.networks` as torch modules.

Every convolution is a `Conv` and every batch normalisation belongs to one, so generic code can fold any network.
"""

import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import networks
from core.config import Design
from core.errors import ConfigError
from core.networks import NETWORKS, PIXEL_MEAN, PIXEL_STD, Placed, passes


class Conv(nn.Module):
    """Convolution, max pooling over 2 x 2 if asked for, batch normalisation, ReLU; without `norm` a bias instead.

    Pooling comes before normalisation, which then processes a quarter of the numbers. The scale of the
    normalisation stays 1 (the next kernel can take its role), so its factor is positive, commutes with the maximum, and
    can be folded into the convolution.
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
        return self.normed(self.pooled(self.conv(x)))

    def pooled(self, x: Tensor) -> Tensor:
        """What comes after the convolution."""
        return F.max_pool2d(x, 2) if self.pool else x

    def normed(self, x: Tensor) -> Tensor:
        """What comes after pooling. Overwrites `x` if there is no normalisation."""
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


class Flat(nn.Module):
    """Flattened feature maps, (n, c, h, w) to (n, c h w), with a gradient whose channels come last in memory.

    The layers before have theirs so; element by element with another layout, a ReLU takes several times as long.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            x.register_hook(partial(torch.Tensor.contiguous, memory_format=torch.channels_last))
        return x.flatten(1)


class Mirrored(nn.Sequential):
    """A sequence of layers; in evaluation mode and if `mirrored`, the mean output for an image and its mirror image.

    After training with random flips, the two outputs differ by chance only and their mean errs less: Krizhevsky et al.,
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


class Residual(nn.Sequential):
    """The output of its layers, added to the input: He et al., "Deep residual learning", 2015."""

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x + change


def _modules(design: Design) -> Iterator[tuple[str, nn.Module]]:
    """The layers of a design as modules, by the names that the weights have and that visitors see."""
    network, problem = NETWORKS[design.network], design.problem
    placed = {layer.name: layer for layer in network.placed(problem)}
    for spec in network.layers:
        match spec:
            case networks.Conv():
                yield spec.name, _conv(placed[spec.name])
            case networks.Residual():
                block = Residual()
                for inner in spec.layers:
                    block.add_module(inner.name, _conv(placed[f"{spec.name}.{inner.name}"]))
                yield spec.name, block
            case networks.Means():
                yield "mean", RegionMeans(problem.side // 4)
            case networks.Flat():
                yield "flat", Flat()
            case networks.Linear():
                layer = placed[spec.name]
                yield spec.name, nn.Linear(layer.inputs, layer.outputs)
                if spec.outputs:
                    yield f"{spec.name}_relu", nn.ReLU()


def _conv(layer: Placed) -> Conv:
    spec = layer.spec
    assert isinstance(spec, networks.Conv)
    return Conv(layer.inputs, layer.outputs, spec.size, padding=spec.padding, pool=spec.pool, norm=spec.norm)


_chance = threading.Lock()
"""Guards torch's own generator, which all threads share and from which new weights are drawn."""


def build(design: Design, seed: int) -> nn.Module:
    """A new network with weights drawn from `seed` alone: (n, c, h, w) normalised images to (n, classes) logits.

    Raises:
        ConfigError: there is no network of that name.
    """
    if design.network not in NETWORKS:
        raise ConfigError(f"There is no network {design.network!r}; choose one of {', '.join(NETWORKS)}.")
    with _chance, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Mirrored(passes(design) == 2)
        for name, module in _modules(design):
            model.add_module(name, module)
        return model


def get_weights(model: nn.Module) -> dict[str, np.ndarray]:
    """Copies of all parameters and batch-norm statistics, float32, in `state_dict` order."""
    state = model.state_dict()
    return {name: state[name].cpu().numpy().copy() for name in state if not name.endswith("num_batches_tracked")}


def set_weights(model: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights, as `get_weights` returns them, into a network of the same kind.

    Layers take the arrays' shapes: given weights without some filters, the network becomes that smaller network.
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


def loaded(design: Design, weights: Mapping[str, np.ndarray]) -> nn.Module:
    """A network with these weights, in evaluation mode; raises as `build` does."""
    model = build(design, 0).eval()
    set_weights(model, weights)
    return model


def normalise(images: Tensor) -> Tensor:
    """Pixels as network input: (n, h, w) or (n, h, w, c) uint8 to (n, c, h, w) float32, channels last in memory."""
    pixels = images.unsqueeze(3) if images.ndim == 3 else images
    return pixels.float().sub_(255 * PIXEL_MEAN).div_(255 * PIXEL_STD).permute(0, 3, 1, 2)


def shown(design: Design, images: np.ndarray) -> Tensor:
    """A sample of images as `normalise` has them; every second mirrored if the network answers about mirrored ones too.

    `images` are (n, h, w) or (n, h, w, c) uint8.
    """
    x = normalise(torch.tensor(images))
    if passes(design) == 2:
        x[1::2] = x[1::2].flip(3)
    return x


def watch(
    model: nn.Module,
    batches: Iterable[Tensor],
    kernels: Container[str],
    see: Callable[[str, nn.Module, Tensor, Tensor], object],
    check: Callable[[], object] = lambda: None,
) -> None:
    """Let a network answer about batches, as they are, and show `see` each kernel's name, layer, inputs and outputs.

    `check` is called before each batch; what it raises passes through.
    """

    def hook(kernel: str, layer: nn.Module, given: tuple[Tensor], y: Tensor) -> None:
        see(kernel, layer, given[0], y)

    watched = ((f"{name}.weight", layer) for name, layer in model.named_modules())
    handles = [layer.register_forward_hook(partial(hook, name)) for name, layer in watched if name in kernels]
    try:
        for batch in batches:
            check()
            for module in model.children():
                batch = module(batch)
    finally:
        for handle in handles:
            handle.remove()
