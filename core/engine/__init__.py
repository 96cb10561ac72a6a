"""Everything that imports torch: networks, training and inference. Only worker processes import it."""

import os

SPINS = "1000"
"""How often a thread of torch's looks for work before it sleeps, as `benchmarks/shared.py` found best. As torch comes
it is 300,000 times, 3 ms in which it takes the processor from whoever has work: another training, above all."""

# OpenMP reads it when torch is loaded, and no module of ours loads torch before this one. A host's own choice holds.
if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
    os.environ["GOMP_SPINCOUNT"] = SPINS
