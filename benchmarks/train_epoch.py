"""Epochs of the usual tutorial pipeline against ours with the same network: seconds, training losses, test accuracy.

The two take turns, a training each. Ours has larger batches and so a higher learning rate; both were chosen by seconds
and training losses alone. It trains on all training images but 100, the fewest that are kept for validation.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import fmean, stdev
from typing import Any

from benchmarks import tutorial
from benchmarks.recipes import SEEDS, accuracy
from benchmarks.results import Row, save, spread
from core.config import DataConfig, RunConfig, TrainingConfig
from core.data import FASHION, Dataset, load
from core.engine import machine
from core.engine.training import train
from core.networks import NETWORKS
from core.progress import Epoch

EPOCHS = 5
RECIPE = TrainingConfig(epochs=EPOCHS, batch_size=256, optimizer="adamw", learning_rate=2.5e-3, schedule="constant")
DATA = DataConfig(validation=100)


def ours(seed: int, data: Dataset) -> tuple[tuple[Epoch, ...], float]:
    """Our epochs with the tutorial's network, and the test accuracy after them."""
    config = RunConfig(network="tutorial", training=RECIPE, data=DATA, seed=seed)
    trained = train(config, data)
    return trained.history, accuracy(config, trained.weights, data.problem, data.test)


def figures(trainings: Sequence[Sequence[Epoch | tutorial.Epoch]]) -> dict[str, Any]:
    """The seconds of all epochs, and the losses of each training."""
    seconds = spread([epoch.seconds for epochs in trainings for epoch in epochs])
    return {"seconds": seconds, "losses": [[epoch.loss for epoch in epochs] for epochs in trainings]}


def row(what: str, found: Mapping[str, Any], tested: Sequence[float]) -> Row:
    """The figures of some trainings in words, with the test accuracy of each."""
    losses = enumerate(zip(*found["losses"], strict=True), 1)
    curve = {f"loss, epoch {n} (sd)": _mean(each, 3) for n, each in losses}
    accuracy = _mean([100 * share for share in tested], 2)
    return {"what": what, "epoch (s)": found["seconds"]["median"], **curve, "test (%, sd)": accuracy}


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{fmean(values):.{digits}f} ({stdev(values):.{digits}f})"


def main() -> None:
    data = load(FASHION.id)
    NETWORKS["tutorial"] = tutorial.SAME
    usual, mine = list[list[tutorial.Epoch]](), list[tuple[tuple[Epoch, ...], float]]()
    for seed in SEEDS:
        usual.append([*islice(tutorial.epochs(seed), EPOCHS)])
        mine.append(ours(seed, data))
        print(f"seed {seed}: {[e.loss for e in usual[-1]]} and {[e.loss for e in mine[-1][0]]}", flush=True)

    theirs, our = figures(usual), figures([epochs for epochs, _ in mine])
    times = theirs["seconds"]["median"] / our["seconds"]["median"]
    print(f"{times:.2f} times as fast")
    rows = [
        row("tutorial", theirs, [epochs[-1].test_accuracy for epochs in usual]),
        row("ours", our, [tested for _, tested in mine]),
    ]
    device = machine.described()["device"]
    save("train_epoch", rows, {"device": device, "times as fast": times, "tutorial": theirs, "ours": our})


if __name__ == "__main__":
    main()
