"""How much of the damage a repair undoes: accuracy of the runs that ship, pruned, and after each repair.

    python -m benchmarks.repair [NETWORK ...] [--sample 10000]

Each row is one evaluation on all test images by the product's own task; `seconds` is all that it took, the repair and
the evaluation, beside the same without repair.
"""

import argparse
import time
from tempfile import TemporaryDirectory

from benchmarks.results import Row, save
from core.engine.tasks import perform
from core.evaluation import accuracy
from core.evaluation.profile import Evaluating
from core.networks import NETWORKS
from core.pruning import REPAIRS, PruningConfig
from core.store.runs import RunStore

SPARSITIES = (0.5, 0.8, 0.9, 0.95)
RANKED = (("magnitude", "global"), ("lamp", "global"))


def rows(networks: list[str], sample: int) -> list[Row]:
    """One for each network, criterion and scope, sparsity and repair."""
    found: list[Row] = []
    with TemporaryDirectory() as root:
        store = RunStore(root)
        for run in (run for run in store.runs() if run.reference and run.config.network in networks):
            labels = store.labels(run.id)
            for criterion, scope in RANKED:
                for sparsity in SPARSITIES:
                    for repair in REPAIRS:
                        pruning = PruningConfig(criterion=criterion, scope=scope, repair=repair, sample=sample)
                        start = time.perf_counter()
                        point = perform(Evaluating(run_id=run.id, pruning=pruning, sparsity=sparsity), root)
                        seconds = time.perf_counter() - start
                        share = accuracy(labels, point.predicted[0])
                        found.append(
                            {
                                "network": run.config.network,
                                "criterion": criterion,
                                "scope": scope,
                                "sparsity": sparsity,
                                "repair": repair,
                                "accuracy": round(share.value, 4),
                                "low": round(share.low, 4),
                                "high": round(share.high, 4),
                                "seconds": round(seconds, 2),
                            }
                        )
                        print(*found[-1].values(), flush=True)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=[*NETWORKS], metavar="NETWORK")
    parser.add_argument("--sample", type=int, default=PruningConfig().sample)
    asked = parser.parse_args()
    save("repair", rows(asked.networks, asked.sample), {"sample": asked.sample})
