"""Make the runs that ship, their profiles, byte ledgers, tradeoffs and files: `python -m core.reference.runs`.

The same tasks compute them as every other run. Existing ones are not computed again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.cost.files import Exporting
from core.cost.ledger import Weighing
from core.cost.tradeoff import Comparing
from core.engine.tasks import perform
from core.engine.work import GetSource, official
from core.evaluation.profile import Profiling
from core.evaluation.repaired import Spreading
from core.job import Job
from core.networks import NETWORKS
from core.progress import Progress
from core.pruning import REPAIRS, PruningConfig
from core.run import Training
from core.store.derived import PROFILES, REPAIRED
from core.store.results import Results
from core.store.runs import EXPORTS, LEDGERS, SHIPPED, RunStore
from core.words import wording

RUNS = (
    ("convnet", "thorough"),
    ("lenet", "report"),
    ("resnet", "thorough"),
    ("convnet-tiny", "8 kB"),
    ("convnet-mini", "2 kB"),
)
"""The networks and recipes that ship: the default network's best, the student report's regime, a larger one, and the
smallest files."""

PRUNINGS = (PruningConfig(), PruningConfig(scope="layerwise"))
"""The profiles that ship, and after the first every repair; for the largest network only the first and its repairs, for
those that were made small only the first, with their files to download. Others are computed on request."""

LARGEST = "resnet"

LIMIT = 24_000_000
"""The limit in bytes for all of them together."""


def configs() -> list[RunConfig]:
    """The configurations of `RUNS`, with seed 0."""
    return [RunConfig(network=network, training=NETWORKS[network].recipes[recipe]) for network, recipe in RUNS]


def prunings(config: RunConfig) -> tuple[PruningConfig, ...]:
    """The profiles of a run that ship."""
    if not is_dense(config):
        return PRUNINGS[:1]
    normalised, ways = NETWORKS[config.network].normalised, PRUNINGS[: 1 if config.network == LARGEST else None]
    return *ways, *(PRUNINGS[0].then(name) for name, repair in REPAIRS.items() if repair.changes(normalised))


def weighed(config: RunConfig) -> tuple[PruningConfig, ...]:
    """Those with a byte ledger: all but the largest network refitted, whose ledger takes more than an hour."""
    return tuple(p for p in prunings(config) if not (config.network == LARGEST and p.followed_by.refits))


def is_dense(config: RunConfig) -> bool:
    """Whether nothing made the network small while it was trained."""
    return not config.training.compression.shrinks


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
    results = Results(store)
    for run in store.runs():
        if run.id not in {config.run_id for config in wanted}:
            say(f"Removing {run.network} {run.id}")
            store.delete(run.id, run.owner)
            for path in (*(root / LEDGERS).glob(f"*{run.id}-*"), *(root / EXPORTS).glob(f"*{run.id}-*")):
                path.unlink()
    for config in wanted:
        say(f"{config.network} {config.run_id}")
        jobs: list[Job[Any]] = [Training(config=config)]
        for pruning in prunings(config):
            jobs += [Profiling(run_id=config.run_id, pruning=pruning)]
            jobs += [Spreading(run_id=config.run_id, pruning=pruning)] if pruning.followed_by.refits else []
        jobs += [Weighing(run_id=config.run_id, pruning=pruning) for pruning in weighed(config)]
        if is_dense(config):
            jobs += [Comparing(run_id=config.run_id, pruning=PRUNINGS[0])]
        else:
            jobs += [Exporting(run_id=config.run_id, pruning=PRUNINGS[0], sparsity=0.0)]
        for job in jobs:
            if not results.has(job):
                perform(job, root, on_progress=_Printer(say), source=source)
        say(f"  {wording.percent(store.get(config.run_id).accuracy.value)} of the test images are classified correctly")
    _settle(root)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    if size > LIMIT:
        raise ValueError(f"The reference runs take {size:,} bytes, more than {LIMIT:,}; choose smaller ones.")
    return size


def _settle(root: Path) -> None:
    """Put profiles of runs that shipped before with the runs, and remove the repaired weights, which do not ship."""
    for path in root.glob(f".{PROFILES}/*/*"):
        path.replace(root / path.parent.name / PROFILES / path.name)
    for folder in (f".{PROFILES}", REPAIRED):
        shutil.rmtree(root / folder, ignore_errors=True)


class _Printer:
    """Prints each epoch once, and the start of the evaluation."""

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
