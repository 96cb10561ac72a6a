"""What jobs have found, each under its job's own name, with the digest of the weights that it was computed from.

A run may be deleted and trained again, on another processor to other bits. What was computed from other weights than
the network has now is as good as missing, and computed again. So is what is damaged.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from core.codec import from_json, to_json
from core.cost.files import Export, Exporting
from core.errors import StoreError
from core.evaluation.profile import Evaluating, Profile
from core.job import Job, OfRun
from core.pruning import Weights
from core.run import Run
from core.store.arrays import confirmed
from core.store.runs import EXPORTS, LEDGERS, RunStore
from core.study.audit import Audit, Auditing
from core.study.cells import Cell, Curve, Network

R = TypeVar("R")

ROOM = 200_000_000
"""Bytes that networks to download may use on disk."""


class Results:
    """The results in a run store, and those that come with the product. Any number of processes may use one at once."""

    def __init__(self, runs: RunStore) -> None:
        self.runs = runs

    def get(self, job: Job[R]) -> R | None:
        """The result; None if there is none.

        What was computed here goes before what came with the product, but for cells: a figure of a study that ships is
        whole, all of the same networks.

        Raises:
            StoreError: it is about a run that there is not, or it is a profile that is damaged (and is set aside).
        """
        first, second = (self._of_product, self.own) if isinstance(job, Cell) else (self.own, self._of_product)
        return first(job) or second(job)

    def own(self, job: Job[R]) -> R | None:
        """The same, but for what came with the product."""
        if job.result is Run:
            return self.runs.get(job.subject) if self.runs.has(job.subject) else None  # type: ignore[return-value]
        if isinstance(job, OfRun) and job.result is Profile:
            return self._profile(job)  # type: ignore[no-any-return]
        weights = self.weights(job)
        if job.result == Weights:
            return self._network(job)  # type: ignore[return-value]
        content = self.runs.kept(job.file(weights or ""))
        if job.result is Export:
            return _unzipped(content)  # type: ignore[return-value]
        return _fitting(job, _read(job.result, content, weights))

    def has(self, job: Job[Any]) -> bool:
        """Whether `get` would find something. A damaged profile is set aside here, and so made again."""
        try:
            if job.result == Weights:
                return self.weights(job) is not None
            return (self.own(job) if job.repeats else self.get(job)) is not None
        except StoreError:
            return False

    def put(self, job: Job[R], result: R, of: str | None = None) -> None:
        """Store a result, whole or not at all.

        Args:
            job: what was asked.
            result: what was found.
            of: the digest of the weights that it was computed from; of the present ones if not said.

        Raises:
            StoreError: the network has other weights by now, there is no such run, or it cannot be written.
        """
        if job.result is Run:
            return  # the worker has stored it with its arrays
        if isinstance(job, OfRun) and isinstance(result, Profile):
            save = self.runs.save_point if isinstance(job, Evaluating) else self.runs.save_profile
            save(job.run_id, result, of)
        elif job.result == Weights:
            self.runs.keep_arrays(job.file(""), result)  # type: ignore[arg-type]
        else:
            weights = confirmed(of, self.weights(job))
            if isinstance(result, Export):
                self.runs.keep(job.file(weights), result.zipped())
                self.runs.trim(EXPORTS, ROOM)
            else:
                content = json.dumps({**to_json(result), "weights": weights}, separators=(",", ":"))
                self.runs.keep(job.file(weights), f"{content}\n".encode())

    def checked(self, job: Exporting) -> tuple[str, ...] | None:
        """What was checked of the files that `get` gives, which are looked through once; None if it gives none."""
        name = job.file(self.runs.digest(job.run_id))
        state = self.runs.state(name)
        return None if state is None else _checked(self.runs, name, state)

    def drop(self, job: Job[Any]) -> None:
        """Remove a result that was computed here, if there is one; raises StoreError if it cannot be."""
        self.runs.drop(job.file(self.weights(job) or ""))

    def weights(self, job: Job[Any]) -> str | None:
        """The digest of the weights that the job's network has now; None without them.

        A network of a study is the one trained for it or, without that, the run of the same configuration: a run that
        is trained later leaves a study with the network that it has.

        Raises:
            StoreError: it is about a run that there is not.
        """
        if isinstance(job, OfRun):
            return self.runs.digest(job.run_id)
        own = self.runs.kept_digest(_OF_STUDY.format(key=job.subject))
        return own or (self.runs.digest(job.subject) if self.runs.has(job.subject) else None)

    def _network(self, job: Job[Any]) -> Weights | None:
        own = self.runs.kept_arrays(job.file(""))
        if own is None and self.runs.has(job.subject):
            return self.runs.weights(job.subject)
        return own

    def _profile(self, job: OfRun[Any]) -> Any:
        if isinstance(job, Evaluating):
            return self.runs.point(job.run_id, job.pruning, job.sparsity)
        return self.runs.profile(job.run_id, job.pruning)

    def _of_product(self, job: Job[R]) -> R | None:
        """What comes with the product as it is: a study is of networks that do not come with it."""
        found: Any = None
        if isinstance(job, Cell):
            found = _study(self.runs.shipped / "study.json")[0].get(job.key)
        elif isinstance(job, Auditing):
            found = _study(self.runs.shipped / "study.json")[1].get(job.subject)
        elif isinstance(job, OfRun) and str(job.kept).startswith(LEDGERS):
            weights = self.runs.digest(job.run_id)
            found = _read(job.result, _bytes(self.runs.shipped / job.file(weights)), weights)
        return _fitting(job, found)


_OF_STUDY = str(Network.kept)


def _fitting(job: Job[R], found: Any) -> R | None:
    return found if found is not None and job.fits(found) else None


@lru_cache(maxsize=512)
def _read(kind: type[R], content: bytes | None, present: str | None) -> R | None:
    """The result in a file; None if there is none, it is damaged, or it is of other weights than `present`.

    Where the network is not here, nothing contradicts the result. A study looks at some two hundred files at every
    event of its page.
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


@lru_cache(maxsize=256)
def _checked(runs: RunStore, name: str, state: tuple[int, ...]) -> tuple[str, ...] | None:
    found = _unzipped(runs.kept(name))
    return None if found is None else found.checked


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
