"""The usual tutorial pipeline, the baseline of the training benchmarks.

torchvision's data set with `ToTensor` and `Normalize`, a `DataLoader` with batches of 64, Adam at 0.001, two
convolutions and two fully connected layers, all 60,000 training images.
"""

import gzip
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import FashionMNIST

from core.data import fashion
from core.networks import Conv, Flat, Linear, Network

BATCH = 64


SAME = Network(
    title="Tutorial",
    layers=(
        Conv("conv1", 32, pool=True, norm=False),
        Conv("conv2", 64, pool=True, norm=False),
        Flat(),
        Linear("fc1", 128),
        Linear("fc2"),
    ),
    recipes={},
    mirrors=False,
)
"""The tutorial's network, for our own training."""


def network() -> nn.Sequential:
    """421,642 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


class Epoch(NamedTuple):
    """The seconds of an epoch without the test, its mean loss, and the test accuracy after it."""

    seconds: float
    loss: float
    test_accuracy: float


def epochs(seed: int = 0) -> Iterator[Epoch]:
    """Train for as long as asked."""
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        train, test = (_loader(_unpack(Path(folder)), train=train) for train in (True, False))
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        while True:
            yield Epoch(*_epoch(model, optimizer, train), _accuracy(model, test))


def _epoch(model: nn.Module, optimizer: torch.optim.Optimizer, loader: "DataLoader[Any]") -> tuple[float, float]:
    """Its seconds and its mean loss."""
    model.train()
    start, total = time.perf_counter(), 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return time.perf_counter() - start, total / 60_000


def _accuracy(model: nn.Module, loader: "DataLoader[Any]") -> float:
    model.eval()
    with torch.no_grad():
        right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in loader)
    return right / 10_000


def _loader(root: Path, *, train: bool) -> "DataLoader[Any]":
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    return DataLoader(FashionMNIST(root, train=train, transform=transform), batch_size=BATCH, shuffle=train)


def _unpack(root: Path) -> Path:
    """The four files as torchvision expects them: unpacked below `FashionMNIST/raw`."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in fashion.FILES:
        with gzip.open(fashion.locate() / name) as packed, (raw / name.removesuffix(".gz")).open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    return root
