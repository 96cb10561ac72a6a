"""What studies have found, on disk: a curve a cell, and the dense networks that they started from.

<root>/.study/<cell id>.json                        a curve
<root>/.study/<run id>.safetensors                  the weights of a dense network that is no run of its own
<root>/.study/audit-<run id>.json                   what the readings of the report's claim give on a network
<root>/.study/search-<search>.json                  the answer of a search
core/reference/study.json                           the curves and audits that come with the product
"""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.audit import Audit
from core.cells import Cell, Curve
from core.config import RunConfig
from core.errors import StoreError
from core.pruning import Weights
from core.runs import SHIPPED, RunStore
from core.search import Found, Search

_T = TypeVar("_T")

FOLDER = ".study"
SHIPPED_STUDY = SHIPPED / "study.json"


class CurveStore:
    """The curves and networks of studies in a run store. Any number of processes may use one at once."""

    def __init__(self, runs: RunStore, shipped: Path = SHIPPED_STUDY) -> None:
        self._runs, self._shipped = runs, shipped

    def curve(self, cell: Cell) -> Curve | None:
        """What a cell came to; None if it has not been computed, or what was stored of it is damaged."""
        found = _read_shipped(self._shipped)[0].get(cell.id)
        return found or self._own(cell)

    def _own(self, cell: Cell) -> Curve | None:
        curve = self._read(f"{FOLDER}/{cell.id}.json", Curve.from_dict)
        return curve if curve is not None and curve.cell == cell else None

    def _read(self, name: str, parse: Callable[[Any], _T]) -> _T | None:
        """What a file holds; None if it is missing or damaged."""
        content = self._runs.kept(name)
        try:
            return None if content is None else parse(json.loads(content))
        except (ValueError, StoreError):
            return None

    def save(self, curve: Curve) -> None:
        """Store a curve, whole or not at all.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
        """
        self._runs.keep(f"{FOLDER}/{curve.cell.id}.json", json.dumps(curve.to_dict(), indent=1).encode())

    def audit(self, config: RunConfig) -> Audit | None:
        """The audit on a network, one computed here before the shipped; None if there is none."""
        return self.own_audit(config) or _read_shipped(self._shipped)[1].get(config.run_id)

    def own_audit(self, config: RunConfig) -> Audit | None:
        """The audit on a network if it was computed here; None also if it is damaged."""
        found = self._read(_audit_name(config), Audit.from_dict)
        return found if found is not None and found.config == config else None

    def save_audit(self, audit: Audit) -> None:
        """Store an audit; raises as `save` does."""
        self._runs.keep(_audit_name(audit.config), json.dumps(audit.to_dict(), indent=1).encode())

    def forget_audit(self, config: RunConfig) -> None:
        """Remove an audit that was computed here, and its network if that is no run; raises as `save` does."""
        self._runs.drop(_audit_name(config))
        self._runs.drop(_weights_name(config))

    def answer(self, search: Search) -> Found | None:
        """The answer of a search; None if it has not been found, or is damaged."""
        return self._read(_search_name(search), Found.from_dict)

    def save_answer(self, search: Search, found: Found) -> None:
        """Store the answer of a search; raises as `save` does."""
        self._runs.keep(_search_name(search), json.dumps(found.to_dict(), indent=1).encode())

    def weights(self, config: RunConfig) -> dict[str, NDArray[np.float32]] | None:
        """The dense network of a configuration: the run's, where there is one; None if it is still to be trained."""
        if self._runs.has(config.run_id):
            return self._runs.weights(config.run_id)
        return self._runs.kept_arrays(_weights_name(config))

    def save_weights(self, config: RunConfig, weights: Weights) -> None:
        """Store a dense network; raises as `save` does."""
        self._runs.keep_arrays(_weights_name(config), weights)


def _audit_name(config: RunConfig) -> str:
    return f"{FOLDER}/audit-{config.run_id}.json"


def _weights_name(config: RunConfig) -> str:
    return f"{FOLDER}/{config.run_id}.safetensors"


def _search_name(search: Search) -> str:
    return f"{FOLDER}/search-{search.key}.json"


@lru_cache(maxsize=4)
def _read_shipped(path: Path) -> tuple[dict[str, Curve], dict[str, Audit]]:
    """What comes with the product: curves by their cells' ids, and audits by their networks'."""
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        curves = [Curve.from_dict(curve) for curve in values["curves"]]
        audits = [Audit.from_dict(audit) for audit in values["audits"]]
    except (OSError, ValueError, KeyError, TypeError, StoreError):  # missing or damaged: to be computed anew
        return {}, {}
    return {curve.cell.id: curve for curve in curves}, {audit.config.run_id: audit for audit in audits}
