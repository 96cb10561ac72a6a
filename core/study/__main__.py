"""Compute a part of a study without a browser, with the same jobs as the Study page.

    python -m core.study retraining --networks convnet/quick -o retraining.csv

It uses the workers of the scheduler at `DASK_SCHEDULER_ADDRESS` or, without one, of this machine, and keeps what it
computes in the folder or bucket of `PRUNELAB_RUNS`, where the pages find it. What was computed before is not computed
again, so it can be stopped at any time. It returns 1 with a sentence if something stands in the way.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from core import data, study
from core.config import RunConfig
from core.data import FASHION, Collection
from core.errors import ConfigError, PruneLabError
from core.job import Job
from core.jobs import Engine
from core.jobs.following import follow
from core.networks import NETWORKS
from core.pruning import AS_IS, REPAIRS, SCOPES
from core.settings import Settings
from core.study import Line, audit
from core.words import wording

R = TypeVar("R")

STUDIED = {f"{name}/{recipe}": (name, recipe) for name, network in NETWORKS.items() for recipe in network.dense}
"""The networks that can be studied, by network and recipe."""

PARTS: dict[str, Callable[[Sequence[RunConfig], argparse.Namespace], Sequence[Line]]] = {
    "criteria": lambda networks, given: study.by_criterion(networks, given.scope, given.repair),
    "layers": lambda networks, given: study.by_layer(networks),
    "retraining": lambda networks, given: study.by_retraining(networks),
    "optimizers": lambda networks, given: study.by_optimizer(networks),
}
"""The lines of each part, as on the Study page."""

CLAIM = "claim"
"""The part that is about the report's claim."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute as asked on the command line; 0 if all is there, 1 with a sentence if not."""
    given = _parser().parse_args(arguments)
    try:
        said, numbers = claim() if given.part == CLAIM else summed(given)
        given.output.write_text(numbers, "utf-8")
    except KeyboardInterrupt:
        _say("Stopped. What was computed is kept; the same command goes on from there.")
        return 1
    except (PruneLabError, OSError) as error:
        _say(str(error))
        return 1
    print(*said, f"The numbers are in {given.output}.", sep="\n")
    return 0


def summed(given: argparse.Namespace) -> tuple[list[str], str]:
    """The lines of a part: in words, and as CSV."""
    networks = study.networks(*STUDIED[given.networks], _collection(given.data))
    lines = PARTS[given.part](networks, given)
    curves = iter(compute([cell for line in lines for cell in line.cells]))
    bands = [study.band(line.name, [next(curves) for _ in line.cells]) for line in lines]
    return [study.verdict(band, {}) for band in bands], study.to_csv(bands)


def claim() -> tuple[list[str], str]:
    """The report's claim, audited: in words, and as CSV."""
    summaries = audit.summaries(compute([audit.Auditing(config=config) for config in audit.networks()]))
    return [audit.verdict(summaries), audit.explanations(summaries)], audit.to_csv(summaries)


def compute(jobs: Sequence[Job[R]]) -> list[R]:
    """The results of all jobs; what is missing is computed, and it is said how far that is.

    Raises:
        PruneLabError: as the engine raises it, or because a job failed.
    """
    engine, began, first = Engine(address=Settings.read(os.environ).scheduler), time.monotonic(), None
    try:
        engine.submit_all([job for job in jobs if not engine.results.has(job)])
        for done in follow(engine, jobs):
            first = done if first is None else first
            rest = len(jobs) - done
            left = wording.time_left(time.monotonic() - began, done - first, rest) if rest else ""
            _say(f"{done} of {len(jobs)} parts computed{left}")
        return [result for job in jobs if (result := engine.results.get(job)) is not None]
    except BaseException:
        engine.withdraw(jobs)
        raise
    finally:
        engine.close()


def _collection(wanted: str) -> Collection:
    """The data set of this id or title."""
    known, _ = data.available()
    for one in known:
        if wanted in (one.id, one.title):
            return one
    raise ConfigError(f"There is no data set {wanted!r} here; choose one of {wording.listed([c.id for c in known])}.")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core.study", description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=[*PARTS, CLAIM], help="what to compute: a part of the Study page")
    parser.add_argument("--networks", choices=STUDIED, default="lenet/quick", help="network and recipe; of each, five")
    parser.add_argument("--data", default=FASHION.id, metavar="NAME", help="the data set, by its id or its title")
    parser.add_argument("--scope", choices=SCOPES, default="global", help="for criteria: which weights compete")
    parser.add_argument("--repair", choices=REPAIRS, default=AS_IS, help="for criteria: what follows the pruning")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="CSV", help="the file to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
