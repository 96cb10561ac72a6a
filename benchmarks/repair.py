"""How much of the damage a repair undoes: accuracy of the runs that ship, pruned, and after each repair.

    python -m benchmarks.repair [NETWORK ...] [--sample 10000]

Rows of other networks and samples stay in the file as they were measured before. Each row is one evaluation on all
test images by the product's own task; `seconds` is all that it took, the repair and the evaluation. What is
chosen (a criterion) is chosen by `validation`, the accuracy on images held out of training; `seconds_to_rank` is what
the criterion's statistic took on these, with the ranking.
"""

import argparse
import json
import time
from collections.abc import Iterator
from tempfile import TemporaryDirectory

from benchmarks.results import FOLDER, Row, save
from core import data
from core.engine.inference import Classifier
from core.engine.tasks import perform
from core.evaluation import accuracy
from core.evaluation.profile import Evaluating
from core.pruning import REPAIRS, PruningConfig, Weights, prune
from core.run import Run
from core.store.runs import RunStore

SPARSITIES = {"lenet": (0.5, 0.8, 0.9, 0.95), "convnet": (0.5, 0.8, 0.9, 0.95), "resnet": (0.8,)}
"""Of the runs that ship; one refit of the largest takes a minute."""

RANKED = (("magnitude", "global"), ("lamp", "global"), ("obs", "global"), ("obs", "nm"))


def rows(run: Run, store: RunStore, sample: int) -> Iterator[Row]:
    """One for each criterion and scope, sparsity and repair; for N:M at a half only, which is 2:4."""
    labels, dense = store.labels(run.id), store.weights(run.id)
    held_out = data.split(data.load(run.data_set).train, run.trained.data)[1]
    classifier = Classifier(run.design, held_out.images)
    for criterion, scope in RANKED:
        start = time.perf_counter()
        plain = PruningConfig(criterion=criterion, scope=scope)
        perform(Evaluating(run_id=run.id, pruning=plain, sparsity=0.0), store.root)
        to_rank = time.perf_counter() - start
        for sparsity in SPARSITIES[run.network] if scope == "global" else [0.5]:
            for repair in REPAIRS:
                pruning = PruningConfig(criterion=criterion, scope=scope, repair=repair, sample=sample)
                start = time.perf_counter()
                point = perform(Evaluating(run_id=run.id, pruning=pruning, sparsity=sparsity), store.root)
                seconds = time.perf_counter() - start
                share = accuracy(labels, point.predicted[0])
                weights = repaired(store, run.id, dense, pruning, sparsity)
                answers = classifier.infer(weights).argmax(axis=1)
                yield {
                    "network": run.network,
                    "criterion": criterion,
                    "scope": scope,
                    "sparsity": sparsity,
                    "repair": repair,
                    "sample": sample,
                    "accuracy": round(share.value, 4),
                    "low": round(share.low, 4),
                    "high": round(share.high, 4),
                    "validation": round(float((answers == held_out.labels).mean()), 4),
                    "seconds": round(seconds, 2),
                    "seconds_to_rank": round(to_rank, 2),
                }


def repaired(store: RunStore, run_id: str, dense: Weights, pruning: PruningConfig, sparsity: float) -> Weights:
    """The weights that were evaluated."""
    kept = store.kept_arrays(store.repaired(run_id, pruning, sparsity)) if pruning.repaired else None
    return prune(dense, store.ranking(run_id, dense, pruning), sparsity) if kept is None else kept


def main(networks: list[str], sample: int) -> None:
    """Print each row as it is measured, and save them all."""
    found, asked = list[Row](), {(network, sample) for network in networks}
    with TemporaryDirectory() as root:
        store = RunStore(root)
        shipped = {run.network: run for run in store.runs() if run.reference}
        for run in map(shipped.__getitem__, networks):
            for row in rows(run, store, sample):
                found.append(row)
                print(*row.values(), flush=True)
    save("repair", found + [row for row in before() if (row["network"], row["sample"]) not in asked], {})


def before() -> list[Row]:
    """The rows in the file."""
    file = FOLDER / "repair.json"
    rows: list[Row] = json.loads(file.read_text())["table"] if file.exists() else []
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=[*SPARSITIES], metavar="NETWORK")
    parser.add_argument("--sample", type=int, default=PruningConfig().sample)
    chosen = parser.parse_args()
    main(chosen.networks, chosen.sample)
