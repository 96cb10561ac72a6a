"""Everything that imports torch: networks, training and inference. Only worker processes import it."""

import os

SPINS = "1000"
"""How often a torch thread looks for work before it sleeps; the best value by `benchmarks/shared.py`. torch's default
is 300,000 times, which takes 3 ms of the processor from threads that have work, above all those of another training."""

# OpenMP reads it when torch is loaded, and no module of ours loads torch before this one. A host's own choice holds.
if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
    os.environ["GOMP_SPINCOUNT"] = SPINS
