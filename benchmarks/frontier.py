"""How small a network can get: each compressing recipe, three seeds, as a whole file that is written and read again.

    python -m benchmarks.frontier [NETWORK/RECIPE[@SEED] ...]

Recipes were chosen on the validation images; the test images are looked at here, once. A row is of one recipe: the
largest file of its seeds, the mean accuracy of the networks as read from their files, and its sample standard
deviation. `epochs` are of the recipe alone, `epochs before` those of the networks that it starts from or learns from,
the ones that ship among them. Networks are kept in the store, and what else is in the file is kept too.
"""

import statistics
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.recipes import SEEDS, accuracy, configured, keep
from core.config import RunConfig
from core.cost import compact
from core.data import FASHION, Dataset, load, split
from core.engine.machine import described
from core.engine.tasks import perform
from core.networks import NETWORKS
from core.run import Network
from core.store.results import Results
from core.store.runs import RunStore


def recipes() -> Iterator[str]:
    """Such as `convnet/5 %`."""
    for name, network in NETWORKS.items():
        for recipe in network.recipes:
            if network.recipes[recipe].compression.shrinks:
                yield f"{name}/{recipe}"


def measure(config: RunConfig, data: Dataset, store: RunStore) -> dict[str, Any]:
    """One training: bytes of its file, and accuracy of what is read from it; its machine, if it is trained here."""
    job = Network(config=config)
    how = {} if Results(store).has(job) else {**described(), "threads": 1}
    content = compact.pack(perform(job, store.root), {})
    weights, _ = compact.unpack(content)
    asked = (data.test, split(data.train, config.data)[1])
    test, validation = (accuracy(config, weights, data.problem, images) for images in asked)
    print(f"{config.network}, seed {config.seed}: {len(content):,} bytes, {test:.2%}, {validation:.2%}", flush=True)
    return {
        "run": config.run_id,
        "bytes": len(content),
        "accuracy": test,
        "validation": validation,
        **how,
    }


def row(name: str, seeds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The line of a recipe in the table."""
    config = configured(name, 0)
    accuracy = [100 * s["accuracy"] for s in seeds.values()]
    return {
        "name": name,
        "bytes": max(s["bytes"] for s in seeds.values()),
        "accuracy": round(statistics.fmean(accuracy), 2),
        "sd": round(statistics.stdev(accuracy), 2) if len(accuracy) > 1 else None,
        "seeds": len(seeds),
        "recipe": in_words(config),
        "epochs": config.training.epochs,
        "epochs before": sum(need.config.training.epochs for need in Network(config=config).needs),
        "validation": round(100 * statistics.fmean(s["validation"] for s in seeds.values()), 2),
    }


def in_words(config: RunConfig) -> str:
    """What the recipe does, such as `gradual to 95 %, lamp, 4 bits, from dense, taught by dense`."""
    how = config.training.compression
    said = [f"{how.pruning} to {how.sparsity:.1%}, {how.criterion}, {how.scope}"] if how.prunes else []
    said += [f"{how.bits} bits"] if how.rounds_weights else []
    said += ["from dense"] if how.start == "dense" else []
    said += [f"taught by {how.teacher}"] if how.has_teacher else []
    return ", ".join([config.training.optimizer, *said])


def main(asked: list[str]) -> None:
    """Measure what is asked for, or all, and write the table after each training."""
    data, store = load(FASHION.id), RunStore()
    for name, seed in ((name, seed) for seed in SEEDS for name in recipes()):
        if asked and name not in asked and f"{name}@{seed}" not in asked:
            continue
        found = measure(configured(name, seed), data, store)
        keep("frontier", recipes(), name, seed, found, row)


if __name__ == "__main__":
    main(sys.argv[1:])
