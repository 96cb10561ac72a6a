"""How long a profile over all stops takes: of a network as pruned, and refitted at every stop.

    python -m benchmarks.refit [NETWORK ...]

By the product's own task, on a store without either profile: what ships is left out by another seed. The second row
less the first is what refitting takes.
"""

import sys
import time
from tempfile import TemporaryDirectory

from benchmarks.results import Row, save
from core.engine.tasks import perform
from core.evaluation.profile import Profiling
from core.pruning import PruningConfig
from core.store.runs import RunStore

ASKED = {
    "as pruned": PruningConfig(criterion="random", seed=1),
    "refitted": PruningConfig(repair="refit", sample_seed=1),
}


def main(networks: list[str]) -> None:
    """Measure and write the table."""
    rows: list[Row] = []
    with TemporaryDirectory() as root:
        store = RunStore(root)
        for run in (run for run in store.runs() if run.reference and run.network in networks):
            for name, pruning in ASKED.items():
                start = time.perf_counter()
                profile = perform(Profiling(run_id=run.id, pruning=pruning), store.root)
                seconds = round(time.perf_counter() - start, 1)
                rows.append({"network": run.network, "profile": name, "stops": len(profile.k), "seconds": seconds})
                print(*rows[-1].values(), flush=True)
    save("refit", rows, {})


if __name__ == "__main__":
    main(sys.argv[1:] or ["lenet", "convnet"])
