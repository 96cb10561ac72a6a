"""Wait for many jobs at once, as the commands without a browser do."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from core.errors import JobError
from core.job import Job
from core.jobs.engine import Engine


def follow(engine: Engine, parts: Sequence[Job[Any]], every: float = 2.0) -> Iterator[int]:
    """Yield the number of parts whose results are there whenever it grows, until all are; looked at `every` seconds.

    Raises:
        JobError: one of them, or what it needs, failed or was stopped, with its reason.
    """
    done, ids = -1, {job.id for part in parts for job in (part, *part.needs)}
    while done < len(parts):
        computed = sum(engine.results.has(part) for part in parts)
        if computed > done:
            done = computed
            yield done
        for state in engine.jobs():
            if state.id in ids and state.status in ("failed", "cancelled"):
                raise JobError(f"{state.id}: {state.message}")
        time.sleep(every if done < len(parts) else 0)
