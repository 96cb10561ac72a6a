"""Everything that imports torch: networks, training and inference. Only worker processes import it."""

import os

# Threads that wait for one another sleep instead of spinning. Spinning gains nothing on an idle machine and makes a
# step up to a hundred times slower on a busy one. It has to be set before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
