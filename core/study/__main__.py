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

from core import data, study
from core.config import RunConfig
from core.data import FASHION, Collection
from core.errors import ConfigError, PruneLabError
from core.jobs import Engine
from core.jobs.following import follow
from core.networks import NETWORKS
from core.pruning import AS_IS, REPAIRS, SCOPES
from core.settings import Settings
from core.store.results import Results
from core.study import Band, Line
from core.words import wording

STUDIED = {f"{name}/{recipe}": (name, recipe) for name, network in NETWORKS.items() for recipe in network.dense}
"""The networks that can be studied, by network and recipe."""

PARTS: dict[str, Callable[[Sequence[RunConfig], argparse.Namespace], Sequence[Line]]] = {
    "criteria": lambda networks, given: study.by_criterion(networks, given.scope, given.repair),
    "layers": lambda networks, given: study.by_layer(networks),
    "retraining": lambda networks, given: study.by_retraining(networks),
    "optimizers": lambda networks, given: study.by_optimizer(networks),
}
"""The lines of each part, as on the Study page."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute as asked on the command line; 0 if all is there, 1 with a sentence if not."""
    given = _parser().parse_args(arguments)
    try:
        lines = PARTS[given.part](study.networks(*STUDIED[given.networks], _collection(given.data)), given)
        bands = compute(lines, _say)
        given.output.write_text(study.to_csv(bands), "utf-8")
    except KeyboardInterrupt:
        _say("Stopped. What was computed is kept; the same command goes on from there.")
        return 1
    except (PruneLabError, OSError) as error:
        _say(str(error))
        return 1
    for band in bands:
        print(study.verdict(band, {}))
    print(f"The lines are in {given.output}.")
    return 0


def compute(lines: Sequence[Line], say: Callable[[str], object]) -> list[Band]:
    """Compute what is missing of the lines, saying how far it is, and sum them up.

    Raises:
        PruneLabError: as the engine raises it, or because a cell failed.
    """
    cells = [cell for line in lines for cell in line.cells]
    engine, began, first = Engine(address=Settings.read(os.environ).scheduler), time.monotonic(), None
    try:
        engine.submit_all([cell for cell in cells if not engine.results.has(cell)])
        for done in follow(engine, cells):
            first = done if first is None else first
            pace = (time.monotonic() - began) / (done - first) if done > first else None
            left = f", about {wording.duration(pace * (len(cells) - done))} left" if pace and done < len(cells) else ""
            say(f"{done} of {len(cells)} cells computed{left}")
        return [_band(line, engine.results) for line in lines]
    except BaseException:
        engine.withdraw(cells)
        raise
    finally:
        engine.close()


def _band(line: Line, results: Results) -> Band:
    return study.band(line.name, [curve for cell in line.cells if (curve := results.get(cell))])


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
    parser.add_argument("part", choices=PARTS, help="what to compute: a part of the Study page")
    parser.add_argument("--networks", choices=STUDIED, default="lenet/quick", help="network and recipe; of each, five")
    parser.add_argument("--data", default=FASHION.id, metavar="NAME", help="the data set, by its id or its title")
    parser.add_argument("--scope", choices=SCOPES, default="global", help="for criteria: which weights compete")
    parser.add_argument("--repair", choices=REPAIRS, default=AS_IS, help="for criteria: what follows the pruning")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="CSV", help="the file to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
