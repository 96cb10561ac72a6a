"""The runs: one folder per run, written whole or not at all, never changed.

    <id>/run.json                                       configuration, history, versions, digests of the other files
    <id>/weights.safetensors, labels.safetensors
    <id>/network.onnx (or .safetensors), pictures.zip   of a network that was brought: its file, uploaded pictures
    <id>/profiles/<pruning>.safetensors                 one table over the stops
    <id>/profiles/<pruning>@<percent>.safetensors       one evaluation between the stops
    <id>/profiles/gradients.safetensors                 and other statistics for criteria, from the validation images

In a place where folders do not appear at once, all files but `run.json` are in `<id>/<digits>/`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import Split
from core.data.names import shown
from core.errors import StoreError
from core.evaluation import accuracy
from core.evaluation.profile import Profile
from core.pruning import Weights, kernels
from core.run import Run
from core.store.arrays import digest, pack
from core.store.arrays import state as state_of
from core.store.derived import PROFILES, REPAIRED, Derived
from core.store.guarded import ID
from core.store.manifest import LABELS, WEIGHTS, Entry, check_sizes, from_json, to_json
from core.store.places import MANIFEST as RUN
from core.store.places import Folder, Place, default, opened
from core.store.profiles import labels_of, pack_profile, path_of, weights_of

LEDGERS, EXPORTS, PARTS = "ledgers", "exports", "parts"
BESIDE = (LEDGERS, EXPORTS, PARTS, REPAIRED)
"""The folders of what was made of single runs, deleted with them; the file names contain the run's id."""

STUDIES, SEARCHES = ".study", "search-"
"""The folder of study results, and the prefix of the file names there that are about single runs."""

SHIPPED = Path(__file__).parents[1] / "reference"
"""The runs that ship with PruneLab; they are read, never written or deleted."""

WALL = SHIPPED / "fashion-mnist.png"
"""The pictures of the wall of Fashion-MNIST, so that a first visit shows them without the data set."""


class RunStore(Derived):
    """The runs in a place and those that are shipped. Any number of processes may use one place at once."""

    def __init__(self, where: Path | str | None = None, shipped: Path | None = None) -> None:
        """Open a folder or an fsspec URL, by default that of `core.store.places.default`.

        The shipped runs are in `shipped`, by default in `SHIPPED`.

        Raises:
            StoreError: fsspec does not know such a URL, or lacks the package for it.
        """
        super().__init__(opened(where or default()), Folder(shipped or SHIPPED))
        self._entries: dict[Path, tuple[tuple[int, ...], Entry]] = {}

    @property
    def where(self) -> Path | str:
        """The name of the place, for another process."""
        return self._place.where

    @property
    def shipped(self) -> Path:
        """The folder of what ships with PruneLab."""
        return self._shipped.root

    @property
    def root(self) -> Path:
        """The folder on this machine: the place itself, or that of the copies of a remote place."""
        return self._place.root

    def runs(self) -> list[Run]:
        """All runs, newest first, from their `run.json` alone. A damaged run is set aside and left out."""
        runs: dict[str, Run] = {}
        for place in (self._shipped, self._place):
            for run_id in filter(ID.fullmatch, place.published()):
                try:
                    entry = self._open(place, run_id)
                except StoreError as error:
                    if run_id in place.published():  # not deleted meanwhile
                        self.leave_out(place, run_id, error)
                else:
                    self._unmoved.pop((place, run_id), None)
                    if entry is not None:
                        runs.setdefault(run_id, entry.run)
        return sorted(runs.values(), key=lambda run: (run.created, run.id), reverse=True)

    def problem(self) -> str | None:
        """Why no run can be stored, and what to do, as one sentence; None if all is well."""
        try:
            self._place.check()
        except StoreError as error:
            return str(error)
        return None

    def refresh(self) -> None:
        """Call when another process has stored something: the next query must show it."""
        self._place.refresh()

    def get(self, run_id: str) -> Run:
        """The run of that id.

        Raises:
            StoreError: this is not an id, there is no such run, or it is damaged.
        """
        return self._entry(run_id).run

    def has(self, run_id: str) -> bool:
        """Whether `get` would return the run."""
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
        with self.guarding(entry.place, run_id):
            return weights_of(entry)

    def digest(self, run_id: str) -> str:
        """The digest of the run's weights, which results computed from them name. Raises as `weights` does."""
        return self._entry(run_id).digests[WEIGHTS]

    def shapes(self, run_id: str) -> Mapping[str, tuple[int, ...]]:
        """The shape of each of `weights`, without reading them; raises as `get` does."""
        return self._entry(run_id).shapes

    def labels(self, run_id: str) -> NDArray[np.unsignedinteger[Any]]:
        """(n,) uint8, or uint16 of more than 256 classes: the true classes of the run's test images.

        Raises as `weights` does.
        """
        entry = self._entry(run_id)
        with self.guarding(entry.place, run_id):
            return labels_of(state_of(path_of(entry, LABELS)), entry)

    def file(self, run_id: str, name: str) -> Path | None:
        """The path of one more file of a run, that `save` was given; None if it has none. Raises as `get` does."""
        entry = self._entry(run_id)
        return entry.place.find(f"{entry.base}/{name}")

    def unlike(self, run_id: str, test: Split, classes: Sequence[str]) -> str | None:
        """How these test images and class names differ from the run's, in words; None if they do not.

        Raises as `weights` does.
        """
        run, labels = self.get(run_id), self.labels(run_id)
        if (present := [*map(shown, classes)]) != (former := [*map(shown, run.classes)]):
            return f"its classes are {', '.join(present)} and were {', '.join(former)}"
        if (shape := test.images.shape[1:]) != run.shape:
            return f"its images are {' x '.join(map(str, shape))} and were {' x '.join(map(str, run.shape))}"
        return None if np.array_equal(test.labels, labels) else "its test images have other labels"

    def save(
        self,
        run: Run,
        weights: Weights,
        labels: NDArray[np.unsignedinteger[Any]],
        profile: Profile,
        more: Mapping[str, bytes] | None = None,
    ) -> Run:
        """Store a finished run with its profile, and return it as stored.

        If a run of the same id was stored meanwhile, that one stays and is returned. A profile of the first images
        alone gives the run its accuracy, and is not stored. `more` are other files by name.

        Raises:
            StoreError: the folder cannot be written, or the disk is full; nothing is left behind.
        """
        if self.has(run.id):
            return self.get(run.id)
        files = {WEIGHTS: pack(weights), LABELS: pack({"labels": labels})}
        run = replace(
            run,
            right=accuracy(labels[: profile.images], profile.predicted[0]).right,
            images=len(labels),
            answered=0 if profile.images == len(labels) else profile.images,
            weights=sum(kernel.size for kernel in kernels(weights).values()),
            bytes=len(files[WEIGHTS]),
            reference=False,
        )
        digests = {WEIGHTS: digest(weights), LABELS: digest({"labels": labels})}
        if profile.images == len(labels):
            files[f"{PROFILES}/{profile.pruning.key}.safetensors"] = pack_profile(profile, digests[WEIGHTS])
        files |= more or {}
        part = self._place.part()
        made = {f"{part}/{name}".lstrip("/"): content for name, content in files.items()}
        made[RUN] = to_json(run, part, digests, {name: value.shape for name, value in weights.items()})
        with suppress(FileExistsError):
            self._place.publish(run.id, made)
            return self.get(run.id)
        if not self.has(run.id):  # what is there is damaged, and now set aside
            with suppress(FileExistsError):
                self._place.publish(run.id, made)
        return self.get(run.id)

    def delete(self, run_id: str, owner: str | None) -> None:
        """Remove a run with its profiles and all other results about it.

        Raises:
            StoreError: there is no such run, it is a reference run or another's, or the folder cannot be written.
        """
        entry = self._entry(run_id)
        if entry.run.reference:
            raise StoreError("This run came with PruneLab and cannot be deleted; choose one that you trained.")
        if entry.run.owner != owner:
            raise StoreError(f"Run {run_id} belongs to another visitor; only the visitor who trained it can delete it.")
        self._place.remove_all(run_id)
        for folder, kind in (*((folder, "") for folder in BESIDE), (STUDIES, SEARCHES)):
            for file in self._place.held(folder):
                name = file.name.removeprefix(f"{folder}/")
                if name.startswith(kind) and run_id in name.split("-"):
                    self._place.remove(file.name)

    def expire(self, before: datetime) -> list[str]:
        """Delete visitors' runs that were stored before a time, and return their ids; raises as `delete` does."""
        old = [run for run in self.runs() if not run.reference and datetime.fromisoformat(run.created) < before]
        for run in old:
            self.delete(run.id, run.owner)
        return [run.id for run in old]

    def _entry(self, run_id: str) -> Entry:
        if not isinstance(run_id, str) or not ID.fullmatch(run_id):
            raise StoreError(f"{run_id!r} is not a run id, which has 12 digits from 0 to 9 and a to f; choose a run.")
        problem = None
        for place in (self._shipped, self._place):
            try:
                with self.guarding(place, run_id):
                    if entry := self._open(place, run_id):
                        return entry
            except StoreError as error:
                problem = error
        if problem is None and (reason := dict(self.damaged()).get(run_id)):
            problem = StoreError(f"Run {run_id} was set aside: {reason} Choose another, or train it again.")
        raise problem or StoreError(f"There is no run {run_id} in this store; choose another, or train it again.")

    def _open(self, place: Place, run_id: str) -> Entry | None:
        """The run in a place, parsed once per state of its `run.json`; None if there is none."""
        path = place.find(f"{run_id}/{RUN}")
        if path is None:
            return None
        state, known = state_of(path), self._entries.get(path)
        if known is None or known[0] != state:
            entry = from_json(path, run_id, place, reference=place is self._shipped)
            known = self._entries[path] = state, entry
        check_sizes(known[1])
        return known[1]
