"""Evaluation of the 10,000 test images as a share of the machine's convolution peak, measured in the same run.

The peak is the fastest of several plain 3 x 3 float32 convolutions as large as torch runs them best. The evaluation
is everything that `Classifier.infer` does: fold the weights, convolve, pool, classify. Only multiplications and
additions of convolutions and fully connected layers are counted, two for each pair. The baseline is the same network on
batches of 125, each of them computed by all threads together. With an accelerator, all of it is there.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from benchmarks.results import save, spread
from core.config import Design
from core.engine import machine
from core.engine.inference import Classifier, fold
from core.engine.models import build, get_weights, normalise
from core.networks import NETWORKS

IMAGES, SHARED, ROUNDS = 10_000, 125, 5
SHAPES = [(batch, channels, side) for batch in (50, 125, 250) for channels, side in ((64, 28), (64, 14), (128, 14))]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
    return time.perf_counter() - start


def peak() -> float:
    """The best float32 GFLOP/s over the shapes, five tries each."""
    best = 0.0
    with machine.reproducible(), torch.inference_mode():
        for batch, channels, side in SHAPES:
            x, kernel = (
                torch.randn(shape, device=machine.device()).contiguous(memory_format=torch.channels_last)
                for shape in ((batch, channels, side, side), (channels, channels, 3, 3))
            )
            work = 18e-9 * batch * channels**2 * side**2
            times = [seconds(lambda x=x, kernel=kernel: torch.conv2d(x, kernel, padding=1)) for _ in range(6)]  # type: ignore[misc]
            best = max(best, work / min(times))
    return best


def gflop(network: str) -> float:
    """GFLOP of one image's convolutions and fully connected layers."""
    total = 0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        total += 2 * weight.numel() * (output[0, 0].numel() if output.ndim == 4 else 1)

    model = build(Design(network), 0).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    model(torch.zeros(1, 1, 28, 28))
    return total / 1e9


def together(network: str, batches: Sequence[torch.Tensor]) -> None:
    """Evaluate with all threads on each batch."""
    with machine.reproducible(), torch.inference_mode():
        model = build(Design(network), 0).eval().to(machine.device())
        fold(model)
        for batch in batches:
            model(batch)


def main() -> None:
    images = np.random.default_rng(0).integers(256, size=(IMAGES, 28, 28), dtype=np.uint8)
    batches = [normalise(batch) for batch in torch.tensor(images, device=machine.device()).split(SHARED)]
    judges = {name: (Classifier(Design(name), images), get_weights(build(Design(name), 0))) for name in NETWORKS}
    for judge, weights in judges.values():
        judge.infer(weights)

    peaks, times, ratios = [], {name: list[float]() for name in judges}, {name: list[float]() for name in judges}
    for _ in range(ROUNDS):
        peaks.append(peak())
        for name, (judge, weights) in judges.items():
            times[name].append(seconds(lambda judge=judge, weights=weights: judge.infer(weights)))  # type: ignore[misc]
            ratios[name].append(seconds(partial(together, name, batches)) / times[name][-1])

    shares = {name: [IMAGES * gflop(name) / t / p for t, p in zip(times[name], peaks, strict=True)] for name in judges}
    rows = [
        {
            "network": name,
            "MFLOP an image": 1e3 * gflop(name),
            "seconds for 10,000": statistics.median(times[name]),
            "GFLOP/s": IMAGES * gflop(name) / statistics.median(times[name]),
            "peak GFLOP/s": statistics.median(peaks),
            "share of peak (%)": round(100 * statistics.median(shares[name]), 1),
            "times as fast as all threads on each batch": round(statistics.median(ratios[name]), 2),
        }
        for name in judges
    ]
    measurements = {
        "device": machine.described()["device"],
        "peak_gflop_per_second": spread(peaks),
        "seconds": {name: spread(values) for name, values in times.items()},
        "times_as_fast": {name: spread(values) for name, values in ratios.items()},
        "share_of_peak": {name: spread(values) for name, values in shares.items()},
    }
    save("inference", rows, measurements)


if __name__ == "__main__":
    main()
