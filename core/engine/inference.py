"""Logits of many images, for many versions of a network's weights."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from core.config import Design
from core.engine import machine
from core.engine.models import Conv, build, loaded, normalise, set_weights
from core.networks import NETWORKS, passes

LARGE_BATCH = 1_000
"""Images of a batch on an accelerator: so many that it takes longer for them than to be told what to do."""

_FEWEST, _MOST, _CACHED = 40, 125, 2_510_000  # on a CPU: images of a batch, and bytes

_FUSES = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class Classifier:
    """A network without weights and the images to classify, prepared once for any number of `infer` calls.

    They are on the accelerator if there is one.
    """

    def __init__(self, design: Design, images: np.ndarray, arithmetic: torch.dtype = torch.float32) -> None:
        """`images` is (n, h, w) or (n, h, w, c) uint8; `arithmetic` is what weights and activations are rounded to."""
        self._design, self._n, self._device, self._arithmetic = design, len(images), machine.device(), arithmetic
        size = _batch_size(design, arithmetic) if self._device.type == "cpu" else LARGE_BATCH
        missing = (-len(images) % size, *images.shape[1:])  # equal batches, equal kernels
        padded = torch.cat([torch.tensor(images), torch.zeros(missing, dtype=torch.uint8)])
        self._batches = [normalise(batch).to(arithmetic) for batch in padded.to(self._device).split(size)]

    def infer(
        self,
        weights: Mapping[str, np.ndarray],
        *,
        on_batch: Callable[[], object] = lambda: None,
        threads: int = machine.THREADS,
    ) -> np.ndarray:
        """Logits (n, classes) float32 of the network with these (raw, perhaps pruned) weights.

        Batch normalisation is folded into the kernels here, after pruning. On every device the same images in the same
        order have logits of the same bits, however many threads there are. On a CPU those of an image do not depend on
        its neighbours either: a batch is computed by a single thread, several batches at once. Threads that share a
        batch would cut it up by their number, and add in another order, as an accelerator may with other neighbours.
        `on_batch` is called before each batch, by the thread that computes it; what it raises passes through.
        """
        return self._logits(weights, on_batch, threads).cpu().numpy()

    def _logits(self, weights: Mapping[str, np.ndarray], on_batch: Callable[[], object], threads: int) -> Tensor:
        """Where the network is."""

        def answered(batch: Tensor) -> Tensor:
            on_batch()
            logits: Tensor = model(batch)
            return logits.float()

        # one thread tells an accelerator what to do; Apple's allows no more
        with machine.reproducible(threads if self._device.type == "cpu" else 1), torch.inference_mode():
            model = loaded(self._design, weights).to(self._device)
            fold(model)
            model.to(self._arithmetic)
            return torch.cat(machine.side_by_side(answered, self._batches))[: self._n]


def _batch_size(design: Design, arithmetic: torch.dtype) -> int:
    """The images of a batch on a CPU: so many that the output of the largest layer stays in the cache of a core.

    Fewer than `_FEWEST` at once keep a convolution from its full speed; for more than `_MOST`, nothing is gained.
    """
    outputs = max(layer.outputs * layer.side**2 for layer in NETWORKS[design.network].placed(design.problem))
    return min(max(_CACHED // (arithmetic.itemsize * outputs), _FEWEST), _MOST)


class Viewer:
    """A network without weights, and one image: its logits and the feature maps of the first convolution."""

    def __init__(self, design: Design, image: np.ndarray) -> None:
        """`image` is (h, w) or (h, w, c) uint8."""
        self._model, self._maps = build(replace(design, mirrored=False), 0).eval(), list[Tensor]()
        first = next(module for module in self._model.modules() if isinstance(module, Conv))
        first.register_forward_hook(lambda module, given, output: self._maps.append(output[0]))
        x = normalise(torch.tensor(image)[None])
        self._images = torch.cat([x, x.flip(3)]) if passes(design) == 2 else x  # both in one pass

    def look(self, weights: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Logits (classes,) and feature maps (F, h, w) float32, after pooling, normalisation and ReLU.

        The logits are those of `Classifier.infer` up to rounding: for one image, folding costs more than it saves.
        """
        self._maps.clear()
        with machine.reproducible(threads=1), torch.inference_mode():  # more threads would only wait for each other
            set_weights(self._model, weights)
            logits = self._model(self._images).mean(0)
        return logits.numpy(), self._maps[0].numpy()


def fold(model: nn.Module) -> None:
    """Replace every `Conv` in a network in evaluation mode with one convolution that does the same."""
    for name, module in model.named_children():
        if isinstance(module, Conv):
            setattr(model, name, Folded(module))
        else:
            fold(module)


class Folded(nn.Module):
    """Convolution with folded batch normalisation, bias and ReLU, in one kernel where oneDNN has it."""

    weight: Tensor
    bias: Tensor

    def __init__(self, block: Conv) -> None:
        super().__init__()
        conv, norm = block.conv, block.norm
        weight, bias = conv.weight, conv.bias
        if norm is not None:
            assert norm.running_mean is not None and norm.running_var is not None
            weight, bias = fuse_conv_bn_weights(
                weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
        assert bias is not None
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias)
        self.padding, self.pool = [int(side) for side in conv.padding], block.pool

    def forward(self, x: Tensor) -> Tensor:
        x = _conv_relu(x, self.weight, self.bias, self.padding)
        return _pooled(x) if self.pool else x


def _pooled(x: Tensor) -> Tensor:
    """The maximum over 2 x 2; without `max_pool2d`'s indices, which only a gradient needs, in half of the time."""
    n, c, h, w = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(n, h // 2, 2, w // 2, 2, c)  # a view: channels come last
    rows = torch.maximum(rows[:, :, 0], rows[:, :, 1])
    return torch.maximum(rows[:, :, :, 0], rows[:, :, :, 1]).permute(0, 3, 1, 2)


def _conv_relu(x: Tensor, weight: Tensor, bias: Tensor, padding: list[int]) -> Tensor:
    if _FUSES and x.device.type == "cpu":
        fused = torch.ops.mkldnn._convolution_pointwise
        return fused(x, weight, bias, padding, [1, 1], [1, 1], 1, "relu", [], "")  # type: ignore[no-any-return]
    return F.relu(F.conv2d(x, weight, bias, padding=padding), inplace=True)
