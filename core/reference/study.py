"""Compute the study that ships, on the same engine as the pages: `python -m core.reference.study`."""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.codec import to_json
from core.job import Job
from core.jobs import VARIABLE, Engine
from core.jobs.following import follow
from core.store.results import Results
from core.store.runs import SHIPPED
from core.study import audit, default
from core.study.cells import Cell


def main(arguments: Sequence[str] = sys.argv[1:]) -> None:
    """Compute what is missing of the default study and of the audit, and write all of it to a file."""
    path = Path(arguments[0]) if arguments else SHIPPED / "study.json"
    began, engine = time.monotonic(), Engine(address=os.environ.get(VARIABLE))
    cells, audits = default(), [audit.Auditing(config=config) for config in audit.networks()]
    parts: list[Job[Any]] = [*cells, *audits]
    try:
        engine.submit_all(cells)
        engine.submit_all([job for job in audits if engine.results.own(job) is None])
        for done in follow(engine, parts):
            print(f"{done} of {len(parts)} parts after {time.monotonic() - began:.0f} s", flush=True)
        write(path, engine.results, cells, audits)
    finally:
        engine.close()
    print(f"{path.stat().st_size:,} bytes in {path}")


def write(path: Path, results: Results, cells: Sequence[Cell], audits: Sequence[audit.Auditing] = ()) -> None:
    """All curves of the cells and audits on the networks, as the product ships them."""

    def stored(jobs: Sequence[Job[Any]]) -> list[dict[str, Any]]:
        return [to_json(result) for job in jobs if (result := results.get(job)) is not None]

    contents = {"command": "python -m core.reference.study", "curves": stored(cells), "audits": stored(audits)}
    path.write_text(json.dumps(contents, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
