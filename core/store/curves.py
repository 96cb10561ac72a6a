"""What studies have found, on disk: a curve a cell, and the dense networks that they started from.

<root>/.study/<cell id>.json                        a curve
<root>/.study/<run id>.safetensors                  the weights of a dense network that is no run of its own
<root>/.study/audit-<run id>.json                   what the readings of the report's claim give on a network
<root>/.study/search-<search>.json                  the answer of a search, which goes with its run
core/reference/study.json                           the curves and audits that come with the product

Each names the digest of its weights (`core.store.results`). What comes with the product stands as it is: of networks
that do not come with it, which were trained for a study, and a figure of it ships whole, all of the same networks.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import RunConfig
from core.errors import StoreError
from core.pruning import Weights
from core.store import results
from core.store.runs import SEARCHES, SHIPPED, STUDIES, RunStore
from core.study.audit import Audit
from core.study.bisection import Found, Search
from core.study.cells import Cell, Curve

SHIPPED_STUDY = SHIPPED / "study.json"


class CurveStore:
    """The curves and networks of studies in a run store. Any number of processes may use one at once."""

    def __init__(self, runs: RunStore, shipped: Path = SHIPPED_STUDY) -> None:
        self._runs, self._shipped = runs, shipped

    @property
    def runs(self) -> RunStore:
        """The store that they are in."""
        return self._runs

    def curve(self, cell: Cell) -> Curve | None:
        """What a cell came to; None if it has not been computed, or what was stored of it is damaged."""
        found = _read_shipped(self._shipped)[0].get(cell.id)
        return found or self._own(cell)

    def _own(self, cell: Cell) -> Curve | None:
        content = self._runs.kept(f"{STUDIES}/{cell.id}.json")
        curve = _remembered(Curve.from_dict, content, self.network(cell.config))
        return curve if curve and curve.cell == cell else None

    def save(self, curve: Curve) -> None:
        """Store a curve, whole or not at all; raises as `core.store.results.keep` does."""
        self._keep(f"{STUDIES}/{curve.cell.id}.json", curve.to_dict(), curve.cell.config, curve.weights)

    def audit(self, config: RunConfig) -> Audit | None:
        """The audit on a network, one computed here before the shipped; None if there is none."""
        return self.own_audit(config) or _read_shipped(self._shipped)[1].get(config.run_id)

    def own_audit(self, config: RunConfig) -> Audit | None:
        """The audit on a network if it was computed here; None also if it is damaged."""
        found = _remembered(Audit.from_dict, self._runs.kept(_audit_name(config)), self.network(config))
        return found if found is not None and found.config == config else None

    def save_audit(self, audit: Audit) -> None:
        """Store an audit; raises as `save` does."""
        self._keep(_audit_name(audit.config), audit.to_dict(), audit.config, audit.weights)

    def forget_audit(self, config: RunConfig) -> None:
        """Remove an audit that was computed here, and its network if that is no run; raises as `save` does."""
        self._runs.drop(_audit_name(config))
        self._runs.drop(_weights_name(config))

    def answer(self, search: Search) -> Found | None:
        """The answer of a search; None if it has not been found, is damaged, or is of other weights.

        Raises:
            StoreError: there is no such run.
        """
        return results.opened(Found.from_dict, self._runs.kept(_search_name(search)), self._runs.digest(search.run_id))

    def save_answer(self, search: Search, found: Found, *, of: str | None = None) -> None:
        """Store the answer of a search in the weights of digest `of`; raises as `answer` and `save` do."""
        results.keep(self._runs, _search_name(search), found.to_dict(), self._runs.digest(search.run_id), of)

    def weights(self, config: RunConfig) -> dict[str, NDArray[np.float32]] | None:
        """The dense network of a configuration: one that a study has trained or, without it, the run's.

        None if it is still to be trained. A run that is trained later leaves a study with the network that it has.
        """
        own = self._runs.kept_arrays(_weights_name(config))
        if own is None and self._runs.has(config.run_id):
            return self._runs.weights(config.run_id)
        return own

    def network(self, config: RunConfig) -> str | None:
        """The digest of what `weights` gives, without reading it; None without one."""
        own = self._runs.kept_digest(_weights_name(config))
        return own or (self._runs.digest(config.run_id) if self._runs.has(config.run_id) else None)

    def save_weights(self, config: RunConfig, weights: Weights) -> None:
        """Store a dense network; raises as `save` does."""
        self._runs.keep_arrays(_weights_name(config), weights)

    def _keep(self, name: str, values: dict[str, Any], config: RunConfig, of: str) -> None:
        results.keep(self._runs, name, values, self.network(config), of)


_remembered = lru_cache(maxsize=512)(results.opened)
"""A study looks at some two hundred files at every event of its page."""


def _audit_name(config: RunConfig) -> str:
    return f"{STUDIES}/audit-{config.run_id}.json"


def _weights_name(config: RunConfig) -> str:
    return f"{STUDIES}/{config.run_id}.safetensors"


def _search_name(search: Search) -> str:
    return f"{STUDIES}/{SEARCHES}{search.key}.json"


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
