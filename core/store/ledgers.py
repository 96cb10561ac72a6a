"""What pruned networks take, on disk.

<root>/ledgers/<run id>-<pruning>.json: byte ledgers; with @<percent> for a sparsity between the stops.
<root>/ledgers/tradeoff-<run id>-<pruning>.json: weights pruned so, and whole filters.
<root>/ledgers/rounding-<run id>-<pruning>@<percent>.json: what float16 and int8 do to the answers.
<root>/ledgers/times-<run id>-<pruning>@<percent>.json: how long the network takes on this machine.
<root>/exports/<run id>-<pruning>@<percent>-<weights>.zip: networks to take away, the latest that together are small.

Each names the digest of its weights (`core.store.results`; a network to take away by its file's name). Ledgers and
comparisons of the runs that come with the product come with it too.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from core.config import PruningConfig
from core.cost.files import Export
from core.cost.ledger import ROUNDED, Ledger
from core.cost.times import Times
from core.cost.tradeoff import Tradeoff
from core.errors import StoreError
from core.evaluation import Comparison
from core.store import results
from core.store.runs import EXPORTS, LEDGERS, SHIPPED, RunStore, confirmed, point_key

_T = TypeVar("_T")

ROOM = 200_000_000
"""Bytes that networks to take away may use on disk."""


class LedgerStore:
    """The ledgers of a run store. Any number of processes may use one at once."""

    def __init__(self, runs: RunStore, shipped: Path = SHIPPED / LEDGERS) -> None:
        self._runs, self._shipped = runs, shipped

    def ledger(self, run_id: str, pruning: PruningConfig, sparsity: float | None = None) -> Ledger | None:
        """The ledger over the stops, or its one row at a sparsity; None if there is none, or it is damaged.

        Raises:
            StoreError: there is no such run.
        """
        return self._here_or_shipped(Ledger.from_dict, f"{ledger_key(run_id, pruning, sparsity)}.json", run_id)

    def save(
        self,
        run_id: str,
        pruning: PruningConfig,
        ledger: Ledger,
        sparsity: float | None = None,
        *,
        of: str | None = None,
    ) -> None:
        """Store a ledger, computed from the weights of digest `of`, whole or not at all.

        Raises:
            StoreError: there is no such run, or as `core.store.results.keep` does.
        """
        self._keep(f"{LEDGERS}/{ledger_key(run_id, pruning, sparsity)}.json", ledger.to_dict(), run_id, of)

    def rounding(self, run_id: str, pruning: PruningConfig, sparsity: float) -> dict[str, Comparison] | None:
        """What each type that changes the weights does to the pruned network's answers; None if it is not measured.

        Raises:
            StoreError: there is no such run.
        """
        return self._kept(_comparisons, _rounding_name(run_id, pruning, sparsity), run_id)

    def save_rounding(
        self,
        run_id: str,
        pruning: PruningConfig,
        sparsity: float,
        found: Mapping[str, Comparison],
        *,
        of: str | None = None,
    ) -> None:
        """Store what types do to the answers, as `save` does."""
        made = {name: asdict(found[name]) for name in ROUNDED}
        self._keep(_rounding_name(run_id, pruning, sparsity), made, run_id, of)

    def times(self, run_id: str, pruning: PruningConfig, sparsity: float) -> Times | None:
        """How long the pruned network takes; None if it is not measured. Raises as `rounding` does."""
        return self._kept(Times.from_dict, _times_name(run_id, pruning, sparsity), run_id)

    def save_times(
        self, run_id: str, pruning: PruningConfig, sparsity: float, times: Times, *, of: str | None = None
    ) -> None:
        """Store how long it takes, as `save` does."""
        self._keep(_times_name(run_id, pruning, sparsity), times.to_dict(), run_id, of)

    def tradeoff(self, run_id: str, pruning: PruningConfig) -> Tradeoff | None:
        """Weights pruned in this way and whole filters; None if they are not compared. Raises as `rounding` does."""
        return self._here_or_shipped(Tradeoff.from_dict, f"tradeoff-{ledger_key(run_id, pruning)}.json", run_id)

    def save_tradeoff(self, run_id: str, pruning: PruningConfig, found: Tradeoff, *, of: str | None = None) -> None:
        """Store a comparison of weights and filters, as `save` does."""
        self._keep(f"{LEDGERS}/tradeoff-{ledger_key(run_id, pruning)}.json", found.to_dict(), run_id, of)

    def export(self, run_id: str, pruning: PruningConfig, sparsity: float) -> Export | None:
        """The files of a pruned network; None if they are not made, or no longer kept. Raises as `rounding` does."""
        content = self._runs.kept(_export_name(run_id, pruning, sparsity, self._runs.digest(run_id)))
        try:
            return None if content is None else Export.unzipped(content)
        except StoreError:
            return None

    def exported(self, run_id: str, pruning: PruningConfig, sparsity: float) -> tuple[str, ...] | None:
        """What was checked of the files that `export` gives, which are looked through once; None if it gives none."""
        name = _export_name(run_id, pruning, sparsity, self._runs.digest(run_id))
        state = self._runs.state(name)
        try:
            return None if state is None else _checked(self._runs, name, state)
        except StoreError:
            return None

    def save_export(
        self, run_id: str, pruning: PruningConfig, sparsity: float, made: Export, *, of: str | None = None
    ) -> None:
        """Store the files of a pruned network, as `save` does, and remove the oldest if there are too many."""
        weights = confirmed(of, self._runs.digest(run_id))
        self._runs.keep(_export_name(run_id, pruning, sparsity, weights), made.zipped())
        self._runs.trim(EXPORTS, ROOM)

    def _here_or_shipped(self, parse: Callable[[Mapping[str, Any]], _T], name: str, run_id: str) -> _T | None:
        """What a file here holds or, if there is none that is whole, the one that came with the product."""
        weights = self._runs.digest(run_id)
        contents = (self._runs.kept(f"{LEDGERS}/{name}"), _read(self._shipped / name))
        return next((found for content in contents if (found := _remembered(parse, content, weights))), None)

    def _kept(self, parse: Callable[[Mapping[str, Any]], _T], name: str, run_id: str) -> _T | None:
        return results.opened(parse, self._runs.kept(name), self._runs.digest(run_id))

    def _keep(self, name: str, values: Mapping[str, Any], run_id: str, of: str | None) -> None:
        results.keep(self._runs, name, values, self._runs.digest(run_id), of)


def _export_name(run_id: str, pruning: PruningConfig, sparsity: float, weights: str) -> str:
    return f"{EXPORTS}/{ledger_key(run_id, pruning, sparsity)}-{weights[:12]}.zip"


def _times_name(run_id: str, pruning: PruningConfig, sparsity: float) -> str:
    return f"{LEDGERS}/times-{ledger_key(run_id, pruning, sparsity)}.json"


def _rounding_name(run_id: str, pruning: PruningConfig, sparsity: float) -> str:
    return f"{LEDGERS}/rounding-{ledger_key(run_id, pruning, sparsity)}.json"


def ledger_key(run_id: str, pruning: PruningConfig, sparsity: float | None = None) -> str:
    """A file-name-safe name of a ledger; raises as `core.store.runs.point_key` does."""
    return f"{run_id}-{pruning.key if sparsity is None else point_key(pruning, sparsity)}"


def _comparisons(values: Mapping[str, Any]) -> dict[str, Comparison]:
    return {name: Comparison(**values[name]) for name in ROUNDED}


_remembered = lru_cache(maxsize=32)(results.opened)


@lru_cache(maxsize=256)
def _checked(runs: RunStore, name: str, state: tuple[int, ...]) -> tuple[str, ...]:
    return Export.unzipped(runs.kept(name) or b"").checked


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
