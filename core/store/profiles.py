"""The array files of a run: weights, labels, profiles and statistics, each checked against the run's description."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, StoreError
from core.evaluation.profile import Profile
from core.pruning import PruningConfig
from core.store.arrays import DamageError, OtherWeightsError, check, freeze, pack, unpack
from core.store.manifest import LABELS, WEIGHTS, Entry

_KEPT = 16
"""How many profiles, and labels, are kept in memory after reading: one for 10,000 images takes 1.3 MB."""


def path_of(entry: Entry, name: str) -> Path:
    """One of the run's own files; raises DamageError if it is missing."""
    path = entry.place.find(f"{entry.base}/{name}")
    if path is None:
        raise DamageError(f"{name} is missing.")
    return path


def weights_of(entry: Entry) -> dict[str, NDArray[np.float32]]:
    """The dense network's weights, in order; raises DamageError if they are not the run's."""
    arrays = _load(entry, WEIGHTS)
    check(arrays, {name: (np.float32, shape) for name, shape in entry.shapes.items()}, WEIGHTS)
    return {name: arrays[name] for name in entry.shapes}


@lru_cache(maxsize=_KEPT)
def labels_of(state: tuple[int, ...], entry: Entry) -> NDArray[np.unsignedinteger[Any]]:
    """(n,) true classes, read once for each state of their file, read-only; raises as `weights_of` does."""
    arrays = _load(entry, LABELS)
    kind = np.uint8 if len(entry.run.classes) <= 256 else np.uint16
    check(arrays, {"labels": (kind, (entry.run.images,))}, LABELS)
    freeze(arrays)
    return arrays["labels"]


def statistic_of(path: Path, name: str, entry: Entry) -> dict[str, NDArray[np.float32]]:
    """The statistic that a criterion needs, by kernel; raises DamageError if its weights or shapes are others."""
    arrays = _unpack_own(path, entry)[0]
    check(arrays, {n: (np.float32, s) for n, s in entry.shapes.items() if n in arrays}, name)
    return {kernel: arrays[kernel] for kernel in entry.shapes if kernel in arrays}


def pack_profile(profile: Profile, weights: str) -> bytes:
    """The content of a profile's file; `weights` is the digest of the weights it was computed from."""
    pruning = json.dumps(profile.pruning.to_dict(), sort_keys=True)
    return pack(profile.to_arrays(), weights=weights, pruning=pruning, names=json.dumps(profile.names))


@lru_cache(maxsize=_KEPT)
def unpack_profile(path: Path, state: tuple[int, ...], pruning: PruningConfig, entry: Entry) -> Profile:
    """The profile in a file in this `state`, read once, read-only.

    Raises:
        DamageError: it is damaged, or belongs to another ranking, run or weights.
    """
    arrays, metadata = _unpack_own(path, entry)
    try:
        stored = PruningConfig(**json.loads(metadata["pruning"]))
        if stored.key != pruning.key:
            raise DamageError(f"It is the profile of {stored.key}.")
        names: Sequence[str] = json.loads(metadata["names"])
        profile = Profile.from_arrays(arrays, pruning, names)
        sizes = [int(np.prod(entry.shapes[name])) for name in names]
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise DamageError(f"It is not a complete profile ({error}).") from error
    except StoreError as error:
        raise DamageError(str(error)) from error
    other = profile.predicted.shape[1] != entry.run.images or profile.predicted.max() >= len(entry.run.classes)
    if profile.sizes.tolist() != sizes or other:
        raise DamageError("It belongs to another network or to other images.")
    freeze(arrays)
    return profile


def _load(entry: Entry, name: str) -> dict[str, NDArray[Any]]:
    arrays, metadata = unpack(path_of(entry, name))
    if metadata["digest"] != entry.digests[name]:
        raise DamageError(f"{name} belongs to another run.")
    return arrays


def _unpack_own(path: Path, entry: Entry) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The content of a file, which must have been computed from the run's weights."""
    arrays, metadata = unpack(path)
    if metadata.get("weights") != entry.digests[WEIGHTS]:
        raise OtherWeightsError(f"{path.name} was computed from other weights.")
    return arrays, metadata
