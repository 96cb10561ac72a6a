"""A panel of a stored run as the browser gets it: found in the store, drawn, compressed.

The web server draws the panels of small networks itself; a worker draws those of large ones, so that the server need
not hold their weights.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core import panels
from core.cost.hardware import Fit, fit
from core.cost.ledger import Ledger, Weighing
from core.errors import PruneLabError
from core.evaluation.profile import Profile
from core.evaluation.repaired import Spread, Spreading
from core.job import AtSparsity, Job
from core.panels import Panel
from core.pruning import AS_IS, PruningConfig, Ranking, Weights
from core.store.results import Results

LARGE = 3_000_000
"""Weights of a network from which on a worker draws. Ranking takes five times their bytes while it runs."""


@dataclass(frozen=True, kw_only=True)
class Drawing(Job[bytes]):
    """One panel as compressed JSON, or a further figure of it.

    Attributes:
        run_id: the run.
        weights: the digest of its weights, as the run may be deleted and trained again.
        pruning: how it is pruned.
        beside: other repairs to show too.
        own: a sparsity between the stops.
        part: which panel.
        spread: whether to show where refitted weights lie.
        layer: draw the kernels of this layer only, from filter and input `first` on.
        images: how many are evaluated, if not all are yet.
    """

    kind = "draw"
    noun = "drawing"
    kept = None

    run_id: str
    weights: str
    pruning: PruningConfig
    beside: tuple[PruningConfig, ...] = ()
    own: float | None = None
    part: str = "pruning"
    spread: bool = False
    layer: str | None = None
    first: tuple[int, int] = (0, 0)
    images: int | None = None

    @property
    def key(self) -> str:
        """The run; it is not submitted as a job of its own."""
        return self.run_id

    @property
    def subject(self) -> str:
        """The run."""
        return self.run_id


@dataclass(frozen=True, kw_only=True)
class Fitting(AtSparsity[Fit]):
    """How far the masks of a run follow the pattern of hardware for 2:4."""

    kind = "fit"
    noun = "count of the zeros"
    kept = None


def draw(results: Results, asked: Drawing) -> bytes:
    """Raises PruneLabError if it is not evaluated yet, or there is no such layer."""
    run_id, pruning, own = asked.run_id, asked.pruning, asked.own
    if own is not None and results.runs.point(run_id, pruning, own) is None:
        raise _missing()
    shown = _evaluated(results, run_id, pruning, own)
    if asked.layer is not None:
        placed = panels.kernels(asked.layer, shown, *ranked(results, run_id, pruning), asked.first)
        return packed({"figures": [panels.to_json(placed)]})
    if asked.part == "storage":
        return packed(_storage(results, asked, shown).to_json())
    others = [_evaluated(results, run_id, other, own) for other in asked.beside]
    alike = [other.first(shown.images) for other in others if other.images >= shown.images]
    refitted = results.get(Spreading(run_id=run_id, pruning=pruning)) if asked.spread else None
    return packed(_panel(results, asked, shown, alike, refitted).to_json())


def _panel(
    results: Results, asked: Drawing, profile: Profile, others: Sequence[Profile], refitted: Spread | None
) -> Panel:
    run = results.runs.get(asked.run_id)
    labels, classes = results.runs.labels(run.id)[: profile.images], run.classes
    if asked.part == "answers":
        return panels.answers(profile, labels, classes, others)
    if asked.part == "classwise":
        return panels.classwise(profile, labels, classes, others)
    weights, ranking = ranked(results, run.id, asked.pruning)
    if asked.part == "wall":
        return panels.wall(profile, weights, ranking, labels, classes, others, run.chunk or run.images)
    return panels.pruning(profile, weights, ranking, labels, classes, others, refitted)


def _storage(results: Results, asked: Drawing, shown: Profile) -> Panel:
    run, bytes_at = results.runs.get(asked.run_id), ledger(results, asked.run_id, asked.pruning, asked.own)
    if bytes_at is None:
        raise PruneLabError("These bytes have not been measured yet; reload the page.")
    labels = results.runs.labels(run.id)[: shown.images]
    return panels.storage(shown, labels, bytes_at, run.kernels, run.passes)


def profile(results: Results, run_id: str, pruning: PruningConfig, own: float | None) -> Profile | None:
    """The profile over the stops and, where it has been evaluated, the sparsity `own`; None without the stops.

    Where images are still being evaluated, it is of the first of them: of a repair, of those that have been evaluated
    without it too.
    """
    usual = results.profile(run_id, pruning)
    if usual is None:
        return None
    if usual.images < results.runs.get(run_id).images:
        as_is = results.profile(run_id, pruning.then(AS_IS)) if pruning.repaired else None
        return usual.first(as_is.images) if as_is is not None else usual
    point = None if own is None else results.runs.point(run_id, pruning, own)
    return usual if point is None else usual.merged(point)


def ledger(results: Results, run_id: str, pruning: PruningConfig, own: float | None) -> Ledger | None:
    """The byte ledger over the stops and the sparsity `own`; None if either is not computed yet."""
    job = Weighing(run_id=run_id, pruning=pruning)
    usual = results.get(job)
    point = None if own is None else results.get(replace(job, sparsity=own))
    if usual is None or own is None:
        return usual
    return None if point is None else usual.merged(point)


def ranked(results: Results, run_id: str, pruning: PruningConfig) -> tuple[Weights, Ranking]:
    """The weights of a run, and the order in which they are pruned; raises PruneLabError."""
    weights = results.runs.weights(run_id)
    return weights, results.runs.ranking(run_id, weights, pruning)


def pattern(results: Results, run_id: str, pruning: PruningConfig, sparsity: float) -> Fit:
    """How far the masks of a run follow the pattern of hardware for 2:4; raises PruneLabError."""
    return fit(ranked(results, run_id, pruning.then(AS_IS))[1].masks(sparsity))


def _evaluated(results: Results, run_id: str, pruning: PruningConfig, own: float | None) -> Profile:
    known = profile(results, run_id, pruning, own)
    if known is None:
        raise _missing()
    return known


def _missing() -> PruneLabError:
    return PruneLabError("This has not been evaluated yet; reload the page.")


def packed(content: Mapping[str, Any]) -> bytes:
    """JSON, compressed."""
    return gzip.compress(json.dumps(content, default=_plain, separators=(",", ":")).encode(), 6, mtime=0)


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
