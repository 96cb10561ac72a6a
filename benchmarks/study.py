"""How long the study that ships takes: all its cells for one more seed, computed from nothing by the embedded engine.

    python -m benchmarks.study

Its networks are trained first, and timed apart: the study is of `seeds` such sets of cells.
"""

import time
from dataclasses import replace
from tempfile import TemporaryDirectory

from benchmarks.cluster import compute
from benchmarks.results import save
from core.jobs import Engine
from core.run import Network
from core.study import SEEDS, default

SEED = 100


def main() -> None:
    """Measure and write the table."""
    first = default()[0].config.seed
    cells = [replace(cell, config=replace(cell.config, seed=SEED)) for cell in default() if cell.config.seed == first]
    with TemporaryDirectory() as folder:
        engine = Engine(folder)
        try:
            began = time.perf_counter()
            networks = [Network(config=config) for config in {cell.config: None for cell in cells}]
            engine.submit_all(networks)
            while not all(map(engine.results.has, networks)):
                time.sleep(0.5)
            training = time.perf_counter() - began
            seconds, curves = compute(engine, cells)
        finally:
            engine.close()
    row = {
        "cells": len(cells),
        "networks": len(networks),
        "training": round(training, 1),
        "seconds": round(seconds, 1),
        "seeds": len(SEEDS),
        "all seeds, minutes": round(len(SEEDS) * seconds / 60, 1),
    }
    save("study", [row], {curve.cell.key: {"seconds": curve.seconds} for curve in curves})


if __name__ == "__main__":
    main()
