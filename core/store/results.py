"""The results of jobs, each under its job's name, with the digest of the weights that it was computed from.

A run may be deleted and trained again; on another processor, its weights then differ. A result that was computed from
other weights than the network has now counts as missing and is computed again. So does a damaged one.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from core.codec import from_json, to_json
from core.cost.files import Export, Exporting
from core.errors import StoreError
from core.evaluation.parts import Part
from core.evaluation.profile import Evaluating, Profile, Profiling
from core.evaluation.repaired import Repaired, Repairing
from core.evaluation.rounds import Measuring, measurings
from core.job import Job, OfRun
from core.pruning import PruningConfig, Weights, is_kernel
from core.run import Network, Run
from core.store.arrays import confirmed
from core.store.runs import EXPORTS, LEDGERS, RunStore
from core.study.audit import Audit, Auditing
from core.study.cells import Cell, Curve

R = TypeVar("R")

ROOM = 200_000_000
"""Bytes that networks to download may use on disk."""


class Results:
    """The results in a run store, and those that ship with PruneLab. Any number of processes may use one at once."""

    def __init__(self, runs: RunStore) -> None:
        self.runs = runs

    def get(self, job: Job[R]) -> R | None:
        """The result; None if there is none.

        What was computed here takes precedence over what ships, except for cells: the figures of the shipped study
        are complete and about the same networks.

        Raises:
            StoreError: the job's run does not exist, or the result is a damaged profile (which is set aside).
        """
        first, second = (self._of_product, self.own) if isinstance(job, Cell) else (self.own, self._of_product)
        return first(job) or second(job)

    def own(self, job: Job[R]) -> R | None:
        """As `get`, without what ships with PruneLab."""
        result: R | None = _keeping(job).get(self, job)
        return result

    def has(self, job: Job[Any]) -> bool:
        """Whether there is a result for `get`. A damaged profile is set aside here, so it is computed again."""
        try:
            return _keeping(job).has(self, job)
        except StoreError:
            return False

    def put(self, job: Job[R], result: R, of: str | None = None) -> None:
        """Store a result, whole or not at all.

        Args:
            job: the job.
            result: its result.
            of: the digest of the weights it was computed from, by default the present ones.

        Raises:
            StoreError: the network has other weights by now, there is no such run, or it cannot be written.
        """
        _keeping(job).put(self, job, result, of)

    def checked(self, job: Exporting) -> tuple[str, ...] | None:
        """The checks of the files that `get` returns, read once; None if there are none."""
        name = job.file(self.runs.digest(job.run_id))
        state = self.runs.state(name)
        if state is None:
            shipped = self._of_product(job)
            return None if shipped is None else shipped.checked
        return _checked(self.runs, name, state)

    def profile(self, run_id: str, pruning: PruningConfig) -> Profile | None:
        """The table over the stops, of the first images alone while it is computed part by part; None without any.

        Raises:
            StoreError: as `get`.
        """
        known = self.runs.profile(run_id, pruning)
        return known or self._begun(self.runs.get(run_id), pruning)

    def missing(self, parts: Sequence[Measuring]) -> list[Measuring]:
        """Those parts of one evaluation that are not there, nor joined; all if there is no such run."""
        if not parts or self.has(Profiling(run_id=parts[0].run_id, pruning=parts[0].pruning)):
            return []
        try:
            weights = self.weights(parts[0])
        except StoreError:
            return [*parts]
        return [part for part in parts if self.runs.state(part.file(weights or "")) is None]

    def _begun(self, run: Run, pruning: PruningConfig) -> Profile | None:
        """The table of the parts that are there, without gaps from the first on."""
        if run.parts < 2:
            return None
        states, weights = list[tuple[int, ...]](), self.runs.digest(run.id)
        jobs = measurings(run.id, pruning, run.parts)
        for job in jobs:
            state = self.runs.state(job.file(weights))
            if state is None:
                break
            states.append(state)
        return _joined(self, jobs[: len(states)], tuple(states)) if states else None

    def drop(self, job: Job[Any]) -> None:
        """Remove a result that was computed here, if there is one; raises StoreError if it cannot be removed."""
        self.runs.drop(job.file(self.weights(job) or ""))

    def weights(self, job: Job[Any]) -> str | None:
        """The digest of the weights that the job's network has now; None if it has none.

        A network of a study is the one trained for it or, if there is none, the run of the same configuration. A run
        that is trained later does not replace a study's own network.

        Raises:
            StoreError: the job's run does not exist.
        """
        if isinstance(job, OfRun):
            return self.runs.digest(job.run_id)
        own = self.runs.kept_digest(_OF_STUDY.format(key=job.subject))
        return own or (self.runs.digest(job.subject) if self.runs.has(job.subject) else None)

    def _of_product(self, job: Job[R]) -> R | None:
        """The shipped result, unchanged: the networks of the shipped study do not ship."""
        result: Any = None
        if isinstance(job, Cell):
            result = _study(self.runs.shipped / "study.json")[0].get(job.key)
        elif isinstance(job, Auditing):
            result = _study(self.runs.shipped / "study.json")[1].get(job.subject)
        elif isinstance(job, OfRun) and str(job.kept).startswith(LEDGERS):
            weights = self.runs.digest(job.run_id)
            result = _read(job.result, _bytes(self.runs.shipped / job.file(weights)), weights)
        elif isinstance(job, Exporting):
            result = _shipped_archive(self.runs.shipped / job.file(self.runs.digest(job.run_id)))
        return _fitting(job, result)


_OF_STUDY = str(Network.kept)


class _Keeping(NamedTuple):
    """How results of one type are read, stored and looked up, as by `Results.own`, `put` and `has`."""

    get: Callable[[Results, Any], Any]
    put: Callable[[Results, Any, Any, str | None], object]
    has: Callable[[Results, Any], bool] = lambda results, job: (
        (results.own(job) if job.repeats else results.get(job)) is not None
    )


def _json(results: Results, job: Job[Any]) -> Any:
    weights = results.weights(job)
    return _fitting(job, _read(job.result, results.runs.kept(job.file(weights or "")), weights))


def _put_json(results: Results, job: Job[Any], result: Any, of: str | None) -> None:
    weights = confirmed(of, results.weights(job))
    content = json.dumps({**to_json(result), "weights": weights}, separators=(",", ":"))
    results.runs.keep(job.file(weights), f"{content}\n".encode())


def _part(results: Results, job: Measuring) -> Part | None:
    weights = results.weights(job)
    arrays = results.runs.kept_arrays(job.file(weights or ""))
    names = tuple(name for name, shape in results.runs.shapes(job.run_id).items() if is_kernel(name, shape))
    return None if arrays is None else Part(names, arrays)


def _put_part(results: Results, job: Measuring, part: Part, of: str | None) -> None:
    results.runs.keep_arrays(job.file(confirmed(of, results.weights(job))), part.arrays)


def _profile(results: Results, job: Profiling | Evaluating) -> Profile | None:
    if isinstance(job, Evaluating):
        return results.runs.point(job.run_id, job.pruning, job.sparsity)
    return results.runs.profile(job.run_id, job.pruning)


def _put_profile(results: Results, job: Profiling | Evaluating, profile: Profile, of: str | None) -> None:
    if isinstance(job, Evaluating):
        results.runs.save_point(job.run_id, profile, of)
        return
    results.runs.save_profile(job.run_id, profile, of)
    run = results.runs.get(job.run_id)
    for part in measurings(run.id, job.pruning, run.parts):
        results.drop(part)  # the table has all of it, in an eighth of the bytes


def _repaired(results: Results, job: Repairing) -> Repaired | None:
    profile = results.runs.profile(job.run_id, job.pruning)
    stops = [] if profile is None else [float(s) for s, k in zip(profile.sparsity, profile.k, strict=True) if k]
    return Repaired(len(stops)) if stops and results.runs.has_repaired(job.run_id, job.pruning, stops) else None


def _network(results: Results, job: Job[Weights]) -> Weights | None:
    own = results.runs.kept_arrays(job.file(""))
    return results.runs.weights(job.subject) if own is None and results.runs.has(job.subject) else own


def _put_archive(results: Results, job: Exporting, export: Export, of: str | None) -> None:
    results.runs.keep(job.file(confirmed(of, results.weights(job))), export.zipped())
    results.runs.trim(EXPORTS, ROOM)


_KEEPINGS: dict[Any, _Keeping] = {
    Run: _Keeping(
        lambda results, job: results.runs.get(job.subject) if results.runs.has(job.subject) else None,
        lambda results, job, run, of: None,  # the worker has stored it with its arrays
    ),
    Part: _Keeping(
        _part,
        _put_part,
        lambda results, job: not results.missing([job]),
    ),
    Profile: _Keeping(_profile, _put_profile),
    Repaired: _Keeping(_repaired, lambda results, job, repaired, of: None),  # the worker has stored the weights
    Weights: _Keeping(
        _network,
        lambda results, job, weights, of: results.runs.keep_arrays(job.file(""), weights),
        lambda results, job: results.weights(job) is not None,
    ),
    Export: _Keeping(
        lambda results, job: _unzipped(results.runs.kept(job.file(results.weights(job) or ""))), _put_archive
    ),
}
_AS_JSON = _Keeping(_json, _put_json)


def _keeping(job: Job[Any]) -> _Keeping:
    return _KEEPINGS.get(job.result, _AS_JSON)


def _fitting(job: Job[R], result: Any) -> R | None:
    return result if result is not None and job.fits(result) else None


@lru_cache(maxsize=512)
def _read(kind: type[R], content: bytes | None, present: str | None) -> R | None:
    """The result in a file; None if there is none, it is damaged, or it was not computed from the weights `present`.

    If the network is not here, nothing contradicts the result. A study reads some two hundred files at every event of
    its page, hence the cache.
    """
    try:
        values = json.loads(content or b"null")
        if present not in (None, values.get("weights")):
            return None
        if "weights" not in getattr(kind, "__dataclass_fields__", ()):
            values.pop("weights", None)
        return from_json(kind, values)
    except (ValueError, TypeError, AttributeError, StoreError):
        return None


def _unzipped(content: bytes | None) -> Export | None:
    try:
        return None if content is None else Export.unzipped(content)
    except StoreError:
        return None


@lru_cache(maxsize=8)
def _shipped_archive(path: Path) -> Export | None:
    """An archive that ships, read once: the page asks at every event whether it is there."""
    return _unzipped(_bytes(path))


@lru_cache(maxsize=8)
def _joined(results: Results, jobs: tuple[Measuring, ...], states: tuple[tuple[int, ...], ...]) -> Profile | None:
    """The table of these parts, up to the first that is damaged."""
    parts = [*takewhile(lambda part: part is not None, (_part(results, job) for job in jobs))]
    return Part.joined([part for part in parts if part]).profile(jobs[0].pruning) if parts else None


@lru_cache(maxsize=256)
def _checked(runs: RunStore, name: str, state: tuple[int, ...]) -> tuple[str, ...] | None:
    export = _unzipped(runs.kept(name))
    return None if export is None else export.checked


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


@lru_cache(maxsize=4)
def _study(path: Path) -> tuple[dict[str, Curve], dict[str, Audit]]:
    """Curves by their cells' keys, and audits by their networks' ids."""
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        curves = [from_json(Curve, curve) for curve in values["curves"]]
        audits = [from_json(Audit, audit) for audit in values["audits"]]
    except (OSError, ValueError, KeyError, TypeError, StoreError):  # missing or damaged: to be computed again
        return {}, {}
    return {curve.cell.key: curve for curve in curves}, {audit.config.run_id: audit for audit in audits}
