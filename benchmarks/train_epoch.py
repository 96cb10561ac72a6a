"""Epochs of the usual tutorial pipeline against ours with the same network: seconds, training losses, test accuracy.

The two take turns, a training each. Ours has larger batches and so a higher learning rate; both were chosen by seconds
and training losses alone. It trains on all training images but 100, the fewest that are kept for validation.
"""

from collections.abc import Sequence
from itertools import islice
from statistics import fmean, median, stdev

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


def row(what: str, seconds: Sequence[float], losses: Sequence[Sequence[float]], tested: Sequence[float]) -> Row:
    """Losses are of each epoch of each training, test accuracies of each training."""
    curve = {f"loss, epoch {n} (sd)": _mean(each, 3) for n, each in enumerate(zip(*losses, strict=True), 1)}
    return {"what": what, "epoch (s)": median(seconds), **curve, "test (%, sd)": _mean([100 * t for t in tested], 2)}


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

    usual_seconds = [epoch.seconds for epochs in usual for epoch in epochs]
    our_seconds = [epoch.seconds for epochs, _ in mine for epoch in epochs]
    usual_losses = [[epoch.loss for epoch in epochs] for epochs in usual]
    our_losses = [[epoch.loss for epoch in epochs] for epochs, _ in mine]
    rows = [
        row("tutorial", usual_seconds, usual_losses, [epochs[-1].test_accuracy for epochs in usual]),
        row("ours", our_seconds, our_losses, [tested for _, tested in mine]),
    ]
    times = median(usual_seconds) / median(our_seconds)
    print(f"{times:.2f} times as fast")
    measurements = {
        "device": machine.described()["device"],
        "times as fast": times,
        "tutorial": {"seconds": spread(usual_seconds), "losses": usual_losses},
        "ours": {"seconds": spread(our_seconds), "losses": our_losses},
    }
    save("train_epoch", rows, measurements)


if __name__ == "__main__":
    main()
