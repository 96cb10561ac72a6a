"""What is stored: one folder per run, written whole or not at all, never changed.

    <id>/run.json                                       configuration, history, versions, what the other files hold
    <id>/weights.safetensors, labels.safetensors
    <id>/profiles/<pruning>.safetensors                 one table over the stops
    <id>/profiles/<pruning>@<percent>.safetensors       one evaluation between the stops
    <id>/profiles/gradients.safetensors                 of the loss on the validation images, once a criterion needs it

Where a folder does not appear at once, all but `run.json` lie in `<id>/<digits>/`. Every array file carries a digest of
what it holds. Nothing is pickled.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as encode

from core.config import FORMAT, Design, Problem, PruningConfig, RunConfig
from core.data import Split, problem
from core.data.names import shown
from core.errors import ConfigError, PruningError, StoreError
from core.evaluation import Proportion, accuracy
from core.evaluation.profile import Profile
from core.progress import Epoch
from core.pruning import Weights, kernels
from core.store.places import MANIFEST as RUN
from core.store.places import Folder, Place, default, opened

LEDGERS, EXPORTS = "ledgers", "exports"
"""Folders of what is kept about single runs, which goes with them; the files' names hold the run's id."""

STUDIES, SEARCHES = ".study", "search-"
"""The folder of what is kept of studies, and how the names of those files there begin that are about single runs."""

SHIPPED = Path(__file__).parents[1] / "reference"
"""The runs that come with the product; they are read, never written or deleted."""

WEIGHTS, LABELS, PROFILES = "weights.safetensors", "labels.safetensors", "profiles"
GRADIENTS = "gradients"

_KEPT = 16
"""Profiles, and labels, that are read once and kept in memory: one of 10,000 images takes 1.3 MB."""

_T = TypeVar("_T")
_ID = re.compile(r"[0-9a-f]{12}")
_PART = re.compile(r"(/[0-9a-f]{8})?")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trained network, without its arrays.

    Attributes:
        config: everything that decided it.
        created: when it was finished, ISO 8601, UTC.
        seconds: how long the training took.
        versions: of Python and the libraries.
        machine: processor, threads, device, whether bfloat16 was used.
        data_md5: MD5 of each file of the data set.
        history: one entry per epoch.
        classes: the names of the data set's classes, in the order of the labels.
        shape: of one of its images, (side, side) or (side, side, 3).
        owner: who asked for it and may delete it; None if nobody in particular.
        right, images: test images that the dense network classifies correctly, of how many. Set by `RunStore.save`.
        weights: N, the number of weights that can be pruned. Set by `RunStore.save`.
        bytes: size of the stored weights. Set by `RunStore.save`.
        reference: whether it came with the product.
    """

    config: RunConfig
    created: str
    seconds: float
    versions: Mapping[str, str]
    machine: Mapping[str, str | int | bool]
    data_md5: Mapping[str, str]
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    history: tuple[Epoch, ...] = ()
    owner: str | None = None
    right: int = 0
    images: int = 0
    weights: int = 0
    bytes: int = 0
    reference: bool = False

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits, the hash of the configuration."""
        return self.config.run_id

    @property
    def problem(self) -> Problem:
        """What the network answers."""
        return problem(self.shape, self.classes)

    @property
    def design(self) -> Design:
        """The network's layers and how it answers."""
        return self.config.design(self.problem)

    @property
    def accuracy(self) -> Proportion:
        """Of the dense network on the test images."""
        return Proportion(self.right, self.images)


@dataclass(frozen=True, eq=False)
class _Entry:
    """A run, where its files are, and what they have to be: digest by file name, shape by weight name."""

    run: Run
    place: Place
    base: str
    digests: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]


class _DamageError(StoreError):
    """The content of a file is wrong, as opposed to a file that cannot be opened just now."""


class _OtherWeightsError(_DamageError):
    """A file holds what was computed from other weights than the run has."""


def now() -> str:
    """The present second, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def point_key(pruning: PruningConfig, sparsity: float) -> str:
    """A file-name-safe name of one evaluation, such as `magnitude-global@12.5`.

    Raises:
        PruningError: the sparsity is not a fraction from 0 to 1.
    """
    if not 0 <= sparsity <= 1:
        raise PruningError(f"The sparsity is {sparsity}; choose a fraction from 0 to 1 (0 to 100 %).")
    return f"{pruning.key}@{100 * sparsity:.10g}"


class RunStore:
    """The runs in a place and those that are shipped. Any number of processes may use one place at once."""

    def __init__(self, where: Path | str | None = None, shipped: Path = SHIPPED) -> None:
        """Open a folder or an fsspec URL; without one, what `core.store.places.default` says.

        Raises:
            StoreError: fsspec does not know such a URL, or lacks the package for it.
        """
        self._place: Place = opened(where or default())
        self._shipped: Place = Folder(shipped)
        self._entries: dict[Path, tuple[tuple[int, ...], _Entry]] = {}
        self._unmoved: dict[tuple[Place, str], str] = {}

    @property
    def where(self) -> Path | str:
        """What names the place to another process."""
        return self._place.where

    @property
    def root(self) -> Path:
        """The folder on this machine: the place itself, or where copies of what is elsewhere lie."""
        return self._place.root

    def runs(self) -> list[Run]:
        """All runs, newest first, from their `run.json` alone. A damaged run is set aside and left out."""
        found: dict[str, Run] = {}
        for place in (self._shipped, self._place):
            for run_id in filter(_ID.fullmatch, place.published()):
                try:
                    entry = self._open(place, run_id)
                except StoreError as error:
                    if run_id in place.published():  # not deleted meanwhile
                        self._leave_out(place, run_id, error)
                else:
                    self._unmoved.pop((place, run_id), None)
                    if entry is not None:
                        found.setdefault(run_id, entry.run)
        return sorted(found.values(), key=lambda run: (run.created, run.id), reverse=True)

    def damaged(self) -> list[tuple[str, str]]:
        """Id and reason of each run (or profile) that was set aside."""
        return self._place.aside() + [(_run_of(name), reason) for (_, name), reason in self._unmoved.items()]

    def problem(self) -> str | None:
        """Why no run can be stored, and what to do, as one sentence; None if all is well."""
        try:
            self._place.check()
        except StoreError as error:
            return str(error)
        return None

    def refresh(self) -> None:
        """Another process is known to have stored something: what is asked for next must show it."""
        self._place.refresh()

    def get(self, run_id: str) -> Run:
        """The run of that id.

        Raises:
            StoreError: this is no id, there is no such run, or it is damaged.
        """
        return self._entry(run_id).run

    def has(self, run_id: str) -> bool:
        """Whether `get` would find the run."""
        try:
            self.get(run_id)
        except StoreError:
            return False
        return True

    def weights(self, run_id: str) -> dict[str, NDArray[np.float32]]:
        """The dense network's weights in `state_dict` order.

        Raises:
            StoreError: there is no such run, or it is damaged (and is then set aside).
        """
        entry = self._entry(run_id)
        with self._guarding(entry.place, run_id):
            arrays = _load(entry, WEIGHTS)
            _check(arrays, {name: (np.float32, shape) for name, shape in entry.shapes.items()}, WEIGHTS)
        return {name: arrays[name] for name in entry.shapes}

    def digest(self, run_id: str) -> str:
        """That of the run's weights: what is kept elsewhere about them names it. Raises as `weights` does."""
        return self._entry(run_id).digests[WEIGHTS]

    def shapes(self, run_id: str) -> Mapping[str, tuple[int, ...]]:
        """The shape of each of `weights`, without reading them; raises as `get` does."""
        return self._entry(run_id).shapes

    def labels(self, run_id: str) -> NDArray[np.uint8]:
        """(n,) uint8, the true classes of the test images that the run was evaluated on; raises as `weights` does."""
        entry = self._entry(run_id)
        with self._guarding(entry.place, run_id):
            return _labels(_state(_path(entry, LABELS)), entry)

    def unlike(self, run_id: str, test: Split, classes: Sequence[str]) -> str | None:
        """What these test images and class names differ in from those of the run, in words; None if in nothing.

        Raises as `weights` does.
        """
        run, labels = self.get(run_id), self.labels(run_id)
        if (now := [*map(shown, classes)]) != (then := [*map(shown, run.classes)]):
            return f"its classes are {', '.join(now)} and were {', '.join(then)}"
        if (shape := test.images.shape[1:]) != run.shape:
            return f"its images are {' x '.join(map(str, shape))} and were {' x '.join(map(str, run.shape))}"
        return None if np.array_equal(test.labels, labels) else "its test images have other labels"

    def profile(self, run_id: str, pruning: PruningConfig) -> Profile | None:
        """The table over the stops; None if it has not been computed.

        Raises:
            StoreError: there is no such run, or the profile is damaged (and is then set aside: ask for it again).
        """
        return self._profile(run_id, pruning, pruning.key)

    def point(self, run_id: str, pruning: PruningConfig, sparsity: float) -> Profile | None:
        """One row at exactly this sparsity; None if it has not been computed. Raises as `profile` does."""
        return self._profile(run_id, pruning, point_key(pruning, sparsity))

    def gradients(self, run_id: str) -> dict[str, NDArray[np.float32]] | None:
        """The gradient of the loss in each kernel; None if it has not been computed. Raises as `profile` does."""
        entry = self._entry(run_id)
        return self._read_beside(entry, GRADIENTS, lambda path: _gradients_of(_unpack_own(path, entry)[0], entry))

    def save(self, run: Run, weights: Weights, labels: NDArray[np.uint8], profile: Profile) -> Run:
        """Store a finished run with its profile, and return it as stored.

        If a run of the same id was stored meanwhile, that one stays and is returned.

        Raises:
            StoreError: the folder cannot be written, or the disk is full; nothing is left behind.
        """
        if self.has(run.id):
            return self.get(run.id)
        files = {WEIGHTS: _pack(weights), LABELS: _pack({"labels": labels})}
        run = replace(
            run,
            right=accuracy(labels, profile.predicted[0]).right,
            images=len(labels),
            weights=sum(kernel.size for kernel in kernels(weights).values()),
            bytes=len(files[WEIGHTS]),
            reference=False,
        )
        digests = {WEIGHTS: digest(weights), LABELS: digest({"labels": labels})}
        files[f"{PROFILES}/{profile.pruning.key}.safetensors"] = _pack_profile(profile, digests[WEIGHTS])
        part = self._place.part()
        made = {f"{part}/{name}".lstrip("/"): content for name, content in files.items()}
        made[RUN] = _to_json(run, part, digests, {name: value.shape for name, value in weights.items()})
        with suppress(FileExistsError):
            self._place.publish(run.id, made)
            return self.get(run.id)
        if not self.has(run.id):  # what is there is damaged, and now set aside
            with suppress(FileExistsError):
                self._place.publish(run.id, made)
        return self.get(run.id)

    def save_profile(self, run_id: str, profile: Profile, of: str | None = None) -> None:
        """Store a table over the stops, computed from the weights of digest `of`; the present ones if not said.

        Raises:
            StoreError: there is no such run, it has other weights by now, or as `save` does.
        """
        self._save_beside(run_id, profile.pruning.key, partial(_pack_profile, profile), of)

    def save_point(self, run_id: str, point: Profile, of: str | None = None) -> None:
        """Store a profile of one row, as `save_profile` does."""
        key = point_key(point.pruning, float(point.sparsity[0]))
        self._save_beside(run_id, key, partial(_pack_profile, point), of)

    def save_gradients(self, run_id: str, gradients: Weights, of: str | None = None) -> None:
        """Store the gradient of the loss in each kernel, as `save_profile` does."""
        self._save_beside(run_id, GRADIENTS, lambda weights: _pack(gradients, weights=weights), of)

    def delete(self, run_id: str, owner: str | None) -> None:
        """Remove a run with its profiles, and all that was asked about it.

        Raises:
            StoreError: there is no such run, it is a reference run or another's, or the folder cannot be written.
        """
        entry = self._entry(run_id)
        if entry.run.reference:
            raise StoreError("This run came with PruneLab and cannot be deleted; choose one that you trained.")
        if entry.run.owner != owner:
            raise StoreError(f"Run {run_id} is another visitor's; only who trained it can delete it.")
        self._place.remove_all(run_id)
        for folder, kind in ((LEDGERS, ""), (EXPORTS, ""), (STUDIES, SEARCHES)):
            for file in self._place.held(folder):
                name = file.name.removeprefix(f"{folder}/")
                if name.startswith(kind) and run_id in name.split("-"):
                    self._place.remove(file.name)

    def expire(self, before: datetime) -> list[str]:
        """Delete visitors' runs that were stored before then, and return their ids; raises as `delete` does."""
        old = [run for run in self.runs() if not run.reference and datetime.fromisoformat(run.created) < before]
        for run in old:
            self.delete(run.id, run.owner)
        return [run.id for run in old]

    def keep(self, name: str, content: bytes) -> None:
        """Write one file of the store, whole or not at all, in place of one that is there.

        Raises:
            StoreError: the place cannot be written, or the disk is full; nothing is left behind.
        """
        self._place.write(name, content)

    def kept(self, name: str) -> bytes | None:
        """What `keep` wrote; None if there is nothing, or it cannot be read just now."""
        try:
            path = self._place.find(name)
            return path.read_bytes() if path else None
        except (StoreError, OSError):
            return None

    def state(self, name: str) -> tuple[int, ...] | None:
        """What changes when another file takes its place; None if there is none, or nobody knows just now."""
        try:
            path = self._place.find(name)
            return _state(path) if path else None
        except StoreError:
            return None

    def drop(self, name: str) -> None:
        """Remove what `keep` wrote, if it is there; raises as `keep` does."""
        self._place.remove(name)

    def trim(self, folder: str, room: int) -> None:
        """Remove the oldest files that `keep` wrote into a folder until the others fit; raises as `keep` does."""
        left = room
        for file in sorted(self._place.held(folder), key=lambda file: -file.time):
            left -= file.size
            if left < 0:
                self._place.remove(file.name)

    def keep_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write arrays with their digest and their order, as `keep` does."""
        self.keep(name, _pack(arrays, order=json.dumps([*arrays])))

    def kept_arrays(self, name: str) -> dict[str, NDArray[Any]] | None:
        """What `keep_arrays` wrote; None if there is nothing, or it is damaged: to be made again."""
        try:
            path = self._place.find(name)
            arrays, metadata = _unpack(path) if path else ({}, {})
            return {key: arrays[key] for key in json.loads(metadata["order"])}
        except (StoreError, KeyError, ValueError):
            return None

    def kept_digest(self, name: str) -> str | None:
        """The digest of what `keep_arrays` wrote, without reading it; None if there is nothing, or it is damaged."""
        try:
            path = self._place.find(name)
            return _named_digest(path, _state(path)) if path else None
        except (StoreError, SafetensorError, OSError):
            return None

    def _entry(self, run_id: str) -> _Entry:
        if not isinstance(run_id, str) or not _ID.fullmatch(run_id):
            raise StoreError(f"{run_id!r} is not a run id, which has 12 digits from 0 to 9 and a to f; choose a run.")
        problem = None
        for place in (self._shipped, self._place):
            try:
                with self._guarding(place, run_id):
                    if entry := self._open(place, run_id):
                        return entry
            except StoreError as error:
                problem = error
        if problem is None and (reason := dict(self.damaged()).get(run_id)):
            problem = StoreError(f"Run {run_id} was set aside: {reason} Choose another, or train it again.")
        raise problem or StoreError(f"There is no run {run_id} in this store; choose another, or train it again.")

    def _open(self, place: Place, run_id: str) -> _Entry | None:
        """The run in a place, parsed once per state of its `run.json`; None if there is none."""
        path = place.find(f"{run_id}/{RUN}")
        if path is None:
            return None
        state, known = _state(path), self._entries.get(path)
        if known is None or known[0] != state:
            entry = _from_json(path, run_id, place, reference=place is self._shipped)
            known = self._entries[path] = state, entry
        _check_sizes(known[1])
        return known[1]

    def _profile(self, run_id: str, pruning: PruningConfig, key: str) -> Profile | None:
        entry = self._entry(run_id)
        return self._read_beside(entry, key, lambda path: _unpack_profile(path, _state(path), pruning, entry))

    def _profile_files(self, entry: _Entry, key: str) -> list[tuple[Place, str]]:
        """Where a profile may be; the first is where it is written. Those of a shipped run are kept beside the runs."""
        inside = entry.place, f"{entry.base}/{PROFILES}/{key}.safetensors"
        beside = self._place, f".{PROFILES}/{entry.run.id}/{key}.safetensors"
        return [beside, inside] if entry.run.reference else [inside]

    def _read_beside(self, entry: _Entry, key: str, read: Callable[[Path], _T]) -> _T | None:
        """What one file of a run's profiles holds, set aside if it turns out to be damaged; None if there is none."""
        for place, name in self._profile_files(entry, key):
            if path := place.find(name):
                with self._guarding(place, name):
                    try:
                        return read(path)
                    except _OtherWeightsError:
                        if place is entry.place:  # beside a shipped run it may be of one that shipped earlier
                            raise
        return None

    def _save_beside(self, run_id: str, key: str, packed: Callable[[str], bytes], of: str | None) -> None:
        """Write one file of a run's profiles at once, in place of one that is there, with the digest of its weights."""
        entry = self._entry(run_id)
        content = packed(confirmed(of, entry.digests[WEIGHTS]))
        place, name = self._profile_files(entry, key)[0]
        place.write(name, content)

    @contextmanager
    def _guarding(self, place: Place, name: str) -> Iterator[None]:
        """Sets aside what turns out to be damaged, a run or one of its profiles, and says so."""
        try:
            yield
        except _DamageError as error:
            self._leave_out(place, name, error)
            what, again = (
                ("profile", "ask for it again") if "/" in name else ("run", "train it again or choose another")
            )
            said = f"A {what} of {_run_of(name)} is damaged and left out: {error} Please {again}."
            raise StoreError(said) from error

    def _leave_out(self, place: Place, name: str, error: StoreError) -> None:
        """Move what is damaged out of the way with a reason; what cannot be moved is only remembered."""
        try:
            if isinstance(error, _DamageError) and place is not self._shipped:
                place.set_aside(name, _run_of(name), str(error))
                return
        except StoreError:
            pass
        self._unmoved[place, name] = str(error)


def _run_of(name: str) -> str:
    """The run that a file or folder belongs to."""
    return next(part for part in reversed(name.split("/")) if _ID.fullmatch(part))


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read ({error.strerror}).") from error
    return found.st_mtime_ns, found.st_size, found.st_ino


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names, types, shapes and content, in order of name. That of a network's weights says which it is."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        found.update(f"{name}:{value.dtype.str}:{value.shape};".encode())
        found.update(value.tobytes())
    return found.hexdigest()


def confirmed(of: str | None, present: str | None) -> str:
    """The digest that an answer is kept with: of the weights it was computed from, or of the present ones if not said.

    Raises:
        StoreError: the network has other weights by now, so that nobody would look for this answer.
    """
    if of and present and of != present:
        raise StoreError(
            "The network was trained again while this was computed from its old weights; ask for it again."
        )
    return of or present or ""


def _pack(arrays: Mapping[str, NDArray[Any]], **metadata: str) -> bytes:
    contiguous = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    return encode(contiguous, {"digest": digest(contiguous), **metadata})


def _unpack(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Arrays and metadata of a file that holds what its digest says."""
    try:
        with safe_open(path, framework="np") as file:
            arrays, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _DamageError(f"{path.name} is not a whole safetensors file ({error}).") from error
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read ({error.strerror or error}); try again.") from error
    if metadata.get("digest") != digest(arrays):
        raise _DamageError(f"{path.name} does not hold what was stored in it.")
    return arrays, metadata


def _unpack_own(path: Path, entry: _Entry) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The same of a file that was computed from the weights that the run has."""
    arrays, metadata = _unpack(path)
    if metadata.get("weights") != entry.digests[WEIGHTS]:
        raise _OtherWeightsError(f"{path.name} is of other weights.")
    return arrays, metadata


@lru_cache(maxsize=512)
def _named_digest(path: Path, state: tuple[int, ...]) -> str | None:
    """The digest that a file names, without reading its arrays; None if it names none."""
    with safe_open(path, framework="np") as file:  # what cannot be read just now is asked for again
        found: str | None = (file.metadata() or {}).get("digest")
        return found


def _path(entry: _Entry, name: str) -> Path:
    path = entry.place.find(f"{entry.base}/{name}")
    if path is None:
        raise _DamageError(f"{name} is missing.")
    return path


def _load(entry: _Entry, name: str) -> dict[str, NDArray[Any]]:
    arrays, metadata = _unpack(_path(entry, name))
    if metadata["digest"] != entry.digests[name]:
        raise _DamageError(f"{name} belongs to another run.")
    return arrays


@lru_cache(maxsize=_KEPT)
def _labels(state: tuple[int, ...], entry: _Entry) -> NDArray[np.uint8]:
    arrays = _load(entry, LABELS)
    _check(arrays, {"labels": (np.uint8, (entry.run.images,))}, LABELS)
    _freeze(arrays)
    return arrays["labels"]


def _freeze(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Whoever asks again for a file that has not changed gets the same arrays, so nobody may write to them."""
    for value in arrays.values():
        value.flags.writeable = False


def _check(arrays: Mapping[str, NDArray[Any]], expected: Mapping[str, tuple[type, tuple[int, ...]]], name: str) -> None:
    found = {key: (value.dtype.type, value.shape) for key, value in arrays.items()}
    if found != dict(expected):
        wrong = sorted(key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
        raise _DamageError(f"{name} holds other arrays than {RUN} says: {', '.join(wrong)}.")


def _check_sizes(entry: _Entry) -> None:
    """Notices a missing or truncated weight file without reading it."""
    sizes = {name: entry.place.size(f"{entry.base}/{name}") for name in (WEIGHTS, LABELS)}
    for name, size in sizes.items():
        if size is None:
            raise _DamageError(f"{name} is missing.")
    if sizes[WEIGHTS] != entry.run.bytes:
        raise _DamageError(f"{WEIGHTS} has {sizes[WEIGHTS]:,} bytes, not {entry.run.bytes:,}.")


def _pack_profile(profile: Profile, weights: str) -> bytes:
    pruning = json.dumps(asdict(profile.pruning), sort_keys=True)
    return _pack(profile.to_arrays(), weights=weights, pruning=pruning, names=json.dumps(profile.names))


@lru_cache(maxsize=_KEPT)
def _unpack_profile(path: Path, state: tuple[int, ...], pruning: PruningConfig, entry: _Entry) -> Profile:
    arrays, said = _unpack_own(path, entry)
    try:
        stored = PruningConfig(**json.loads(said["pruning"]))
        if stored.key != pruning.key:
            raise _DamageError(f"It is a profile of {stored.key}.")
        names: Sequence[str] = json.loads(said["names"])
        profile = Profile.from_arrays(arrays, pruning, names)
        sizes = [int(np.prod(entry.shapes[name])) for name in names]
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise _DamageError(f"It lacks what a profile has ({error}).") from error
    except StoreError as error:
        raise _DamageError(str(error)) from error
    other = profile.predicted.shape[1] != entry.run.images or profile.predicted.max() >= len(entry.run.classes)
    if profile.sizes.tolist() != sizes or other:
        raise _DamageError("It is of another network or of other images.")
    _freeze(arrays)
    return profile


def _gradients_of(arrays: dict[str, NDArray[Any]], entry: _Entry) -> dict[str, NDArray[np.float32]]:
    _check(arrays, {n: (np.float32, s) for n, s in entry.shapes.items() if n in arrays}, GRADIENTS)
    return {name: arrays[name] for name in entry.shapes if name in arrays}


def _to_json(run: Run, part: str, digests: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    files = {"part": part, "digests": digests, "shapes": list(shapes.items())}
    values = {"format": FORMAT, "id": run.id, **asdict(run), **files}
    del values["reference"]
    return (json.dumps(values, indent=1) + "\n").encode()


def _from_json(path: Path, run_id: str, place: Place, *, reference: bool) -> _Entry:
    """Parse and check `run.json`.

    Raises:
        _DamageError: it is not JSON, of another format, or describes another run than its folder's name says.
        StoreError: it cannot be opened.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        if values["format"] != FORMAT:
            raise _DamageError(f"It is of format {values['format']}; this version of PruneLab reads format {FORMAT}.")
        values["config"] = RunConfig.from_dict(values["config"])
        values["classes"], values["shape"] = (tuple(values[name]) for name in ("classes", "shape"))
        values["history"] = tuple(Epoch(**epoch) for epoch in values["history"])
        digests = {name: str(values["digests"][name]) for name in (WEIGHTS, LABELS)}
        shapes = {str(name): tuple(map(int, shape)) for name, shape in values["shapes"]}
        run = Run(**{k: v for k, v in values.items() if k not in _NOT_OF_RUN}, reference=reference)
        part = values.get("part", "")
        if not _PART.fullmatch(part):
            raise ValueError("its part is not digits")
        _check_types(run)
    except OSError as error:
        raise StoreError(f"{RUN} cannot be read ({error.strerror}); try again.") from error
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError, ConfigError) as error:
        raise _DamageError(f"{RUN} is not the description of a run ({error}).") from error
    if run.id != run_id or values["id"] != run.id:
        raise _DamageError(f"Its configuration is that of run {run.id}.")
    return _Entry(run, place, f"{run_id}{part}", digests, shapes)


_NOT_OF_RUN = {"format", "id", "part", "digests", "shapes"}


def _check_types(run: Run) -> None:
    numbers: list[object] = [run.seconds, *(value for epoch in run.history for value in vars(epoch).values())]
    if not all(isinstance(value, int | float) for value in numbers):
        raise TypeError("a time or a figure of the history is not a number")
    if not all(isinstance(value, int) and value > 0 for value in (run.images, run.weights, run.bytes)):
        raise TypeError("a count is not a positive number")
    if not all(isinstance(name, str) for name in run.classes) or len(run.classes) < 2:
        raise TypeError("its classes are not names")
    if not all(isinstance(side, int) for side in run.shape) or len(run.shape) not in (2, 3):
        raise TypeError("its images have no shape")
    if not 0 <= run.right <= run.images:
        raise ValueError(f"{run.right} of {run.images} images cannot be right")
    if not all(isinstance(table, dict) for table in (run.versions, run.machine, run.data_md5)):
        raise TypeError("versions, machine and data_md5 are tables")
    datetime.fromisoformat(run.created)
