"""Make the runs that ship, their profiles, byte ledgers and tradeoffs: `python -m core.reference.runs`.

They come out of the same tasks as every other run. What is there already is not made again.
"""

from collections.abc import Callable
from pathlib import Path

from core.config import PruningConfig, RunConfig
from core.engine import tasks
from core.engine.source import GetSource, official
from core.networks import NETWORKS
from core.progress import Progress
from core.store.ledgers import LedgerStore
from core.store.runs import LEDGERS, SHIPPED, RunStore
from core.words import wording

RUNS = (("convnet", "thorough"), ("lenet", "report"), ("resnet", "thorough"))
"""The networks and recipes that ship: the default network's best, the student report's regime, and a larger one."""

PRUNINGS = (PruningConfig(), PruningConfig(scope="layerwise"))
"""The profiles that ship; of the largest network the first alone, and others are computed when somebody asks."""

LARGEST = "resnet"

LIMIT = 14_000_000
"""Bytes that all of them together may take."""


def configs() -> list[RunConfig]:
    """The configurations of `RUNS`, with seed 0."""
    return [RunConfig(network=network, training=NETWORKS[network].recipes[recipe]) for network, recipe in RUNS]


def prunings(config: RunConfig) -> tuple[PruningConfig, ...]:
    """The profiles of a run that ship."""
    return PRUNINGS[:1] if config.network == LARGEST else PRUNINGS


def make(
    wanted: list[RunConfig],
    root: Path = SHIPPED,
    *,
    say: Callable[[str], object] = print,
    source: GetSource = official,
) -> int:
    """Train and profile what is missing of the wanted runs, remove all others, and return the bytes they take.

    Raises:
        PruneLabError: as the tasks raise it.
        ValueError: together they are larger than `LIMIT`.
    """
    store = RunStore(root, shipped=root / "none")
    for run in store.runs():
        if run.id not in {config.run_id for config in wanted}:
            say(f"Removing {run.config.network} {run.id}")
            store.delete(run.id, run.owner)
            for ledger in (root / LEDGERS).glob(f"*{run.id}-*"):
                ledger.unlink()
    for config in wanted:
        say(f"{config.network} {config.run_id}")
        tasks.train(config, root=root, on_progress=_Printer(say), source=source)
        for pruning in prunings(config):
            if store.profile(config.run_id, pruning) is None:
                tasks.profile(config.run_id, pruning, root=root, on_progress=_Printer(say), source=source)
            if LedgerStore(store, shipped=root / "none").ledger(config.run_id, pruning) is None:
                tasks.ledger(config.run_id, pruning, root=root)
        if LedgerStore(store, shipped=root / "none").tradeoff(config.run_id, PRUNINGS[0]) is None:
            tasks.tradeoff(config.run_id, PRUNINGS[0], root=root, source=source)
        say(f"  {wording.percent(store.get(config.run_id).accuracy.value)} of the test images are classified correctly")
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    if size > LIMIT:
        raise ValueError(f"The reference runs take {size:,} bytes, more than {LIMIT:,}; choose smaller ones.")
    return size


class _Printer:
    """Says each epoch, and when the evaluation begins, once."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say, self._epochs = say, 0

    def __call__(self, progress: Progress) -> None:
        for epoch in progress.epochs[self._epochs :] if progress.phase == "training" else ():
            accuracy, seconds = epoch.validation_accuracy, epoch.seconds
            self._say(f"  epoch {epoch.number}: {wording.percent(accuracy)} of the validation images, {seconds:.1f} s")
            self._epochs = epoch.number
        if progress.phase == "evaluating" and progress.done == 0:
            self._say(f"  evaluating {progress.of} stops")


if __name__ == "__main__":
    print(f"The reference runs take {make(configs()):,} bytes.")
