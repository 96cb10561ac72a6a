"""Results that are computed from a run's weights and stored with it: profiles and statistics of the weights."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.evaluation.profile import Profile
from core.job import at
from core.pruning import PruningConfig, Ranking, Weights, rank
from core.store.arrays import OtherWeightsError, confirmed, pack
from core.store.arrays import state as state_of
from core.store.guarded import Guarded
from core.store.manifest import WEIGHTS, Entry
from core.store.places import Place
from core.store.profiles import pack_profile, statistic_of, unpack_profile

PROFILES, REPAIRED = "profiles", "repaired"

POINTS = 200
"""Evaluations between the stops that are kept of a run: visitors may ask for any number of them."""

_T = TypeVar("_T")


class Derived(Guarded, ABC):
    """The profiles and statistics of the runs in a place."""

    @abstractmethod
    def _entry(self, run_id: str) -> Entry:
        """The run of that id; raises StoreError if it does not exist or is damaged."""

    def profile(self, run_id: str, pruning: PruningConfig) -> Profile | None:
        """The table over the stops; None if it has not been computed.

        Raises:
            StoreError: there is no such run, or the profile is damaged (and is then set aside: ask for it again).
        """
        return self._profile(run_id, pruning, pruning.key)

    def point(self, run_id: str, pruning: PruningConfig, sparsity: float) -> Profile | None:
        """One row at exactly this sparsity; None if it has not been computed. Raises as `profile` does."""
        return self._profile(run_id, pruning, at(pruning, sparsity))

    def statistic(self, run_id: str, name: str) -> dict[str, NDArray[np.float32]] | None:
        """One of `core.pruning.STATISTICS`, by kernel; None if it has not been computed. Raises as `profile` does."""
        entry = self._entry(run_id)
        return self._read_beside(entry, name, lambda path: statistic_of(path, name, entry))

    def ranking(self, run_id: str, weights: Weights, pruning: PruningConfig) -> Ranking:
        """Rank a run's weights, using the stored statistic if the criterion needs one.

        Raises:
            PruningError: the statistic is not stored, or the weights cannot be ranked.
            StoreError: as `profile` does.
        """
        needs = pruning.ranks_by.needs
        return rank(weights, pruning, self.statistic(run_id, needs) if needs else None)

    def repaired(self, run_id: str, pruning: PruningConfig, sparsity: float) -> str:
        """The file name of a run's repaired weights at a sparsity, for `keep_arrays`; they may be removed any time."""
        weights = self._entry(run_id).digests[WEIGHTS][:12]
        return f"{REPAIRED}/{run_id}-{at(pruning, sparsity)}-{weights}.safetensors"

    def has_repaired(self, run_id: str, pruning: PruningConfig, sparsities: Sequence[float]) -> bool:
        """Whether the repaired weights at all of these sparsities are kept."""
        held = {file.name for file in self._place.held(REPAIRED)}
        return held >= {self.repaired(run_id, pruning, sparsity) for sparsity in sparsities}

    def save_profile(self, run_id: str, profile: Profile, of: str | None = None) -> None:
        """Store a table over the stops, computed from the weights with digest `of`, by default the present ones.

        Raises:
            StoreError: there is no such run, it has other weights by now, or as `save` does.
        """
        self._save_beside(run_id, profile.pruning.key, partial(pack_profile, profile), of)

    def save_point(self, run_id: str, point: Profile, of: str | None = None) -> None:
        """Store a profile of one row, as `save_profile` does, and remove the oldest if there are more than `POINTS`."""
        key = at(point.pruning, float(point.sparsity[0]))
        place, name = self._save_beside(run_id, key, partial(pack_profile, point), of)
        points = [file for file in place.held(name.rpartition("/")[0]) if "@" in file.name]
        for file in sorted(points, key=lambda file: -file.time)[POINTS:]:
            place.remove(file.name)

    def save_statistic(self, run_id: str, name: str, statistic: Weights, of: str | None = None) -> None:
        """Store one of `core.pruning.STATISTICS`, as `save_profile` does."""
        self._save_beside(run_id, name, lambda weights: pack(statistic, weights=weights), of)

    def _profile(self, run_id: str, pruning: PruningConfig, key: str) -> Profile | None:
        entry = self._entry(run_id)
        return self._read_beside(entry, key, lambda path: unpack_profile(path, state_of(path), pruning, entry))

    def _profile_files(self, entry: Entry, key: str) -> list[tuple[Place, str]]:
        """Where a profile may be; the first is where it is written. Those of a shipped run are next to the runs."""
        inside = entry.place, f"{entry.base}/{PROFILES}/{key}.safetensors"
        beside = self._place, f".{PROFILES}/{entry.run.id}/{key}.safetensors"
        return [beside, inside] if entry.run.reference else [inside]

    def _read_beside(self, entry: Entry, key: str, read: Callable[[Path], _T]) -> _T | None:
        """The content of one file of a run's profiles, set aside if it is damaged; None if there is none."""
        for place, name in self._profile_files(entry, key):
            if path := place.find(name):
                with self.guarding(place, name):
                    try:
                        return read(path)
                    except OtherWeightsError:
                        if place is entry.place:  # it may belong to a run that shipped earlier
                            raise
        return None

    def _save_beside(self, run_id: str, key: str, packed: Callable[[str], bytes], of: str | None) -> tuple[Place, str]:
        """Write one file of a run's profiles atomically, replacing an existing one, with the digest of its weights.

        Returns where it is.
        """
        entry = self._entry(run_id)
        content = packed(confirmed(of, entry.digests[WEIGHTS]))
        place, name = self._profile_files(entry, key)[0]
        place.write(name, content)
        return place, name
