"""Compute the study that ships, on the same engine as the pages: `python -m core.reference.study`."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.config import RunConfig
from core.errors import JobError
from core.jobs import VARIABLE, Engine
from core.store.curves import SHIPPED_STUDY, CurveStore
from core.study import audit, default
from core.study.cells import Cell


def main(arguments: Sequence[str] = sys.argv[1:]) -> None:
    """Compute what is missing of the default study and of the audit, and write all of it to a file."""
    path = Path(arguments[0]) if arguments else SHIPPED_STUDY
    began, engine = time.monotonic(), Engine(address=os.environ.get(VARIABLE))
    cells, configs = default(), audit.networks()
    try:
        engine.study(cells)
        engine.audit([config for config in configs if engine.curves.own_audit(config) is None])
        for done in watch(engine, cells, configs):
            print(f"{done} of {len(cells) + len(configs)} parts after {time.monotonic() - began:.0f} s", flush=True)
        write(path, engine.curves, cells, configs)
    finally:
        engine.close()
    print(f"{path.stat().st_size:,} bytes in {path}")


def watch(engine: Engine, cells: Sequence[Cell], configs: Sequence[RunConfig], every: float = 2.0) -> Iterator[int]:
    """How many of the cells and of the networks' audits are computed, whenever it is one more, until all are.

    Raises:
        JobError: one of them failed or was stopped, with its reason.
    """
    done, store = -1, engine.curves
    while done < len(cells) + len(configs):
        now = sum(store.curve(cell) is not None for cell in cells) + sum(
            store.own_audit(config) is not None for config in configs
        )
        if now > done:
            done = now
            yield done
        for state in engine.jobs():
            if state.kind in ("network", "cell", "audit") and state.status in ("failed", "cancelled"):
                raise JobError(f"{state.id}: {state.message}")
        time.sleep(every if done < len(cells) + len(configs) else 0)


def write(path: Path, store: CurveStore, cells: Sequence[Cell], configs: Sequence[RunConfig] = ()) -> None:
    """All curves of the cells and audits on the networks, as the product ships them."""
    curves = [curve.to_dict() for cell in cells if (curve := store.curve(cell))]
    audits = [found.to_dict() for config in configs if (found := store.audit(config))]
    made = {"command": "python -m core.reference.study", "curves": curves, "audits": audits}
    path.write_text(json.dumps(made, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
