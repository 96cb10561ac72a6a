"""A damaged run or profile is set aside with the reason, and reported."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import StoreError
from core.store.arrays import DamageError
from core.store.kept import Kept
from core.store.places import Place

ID = re.compile(r"[0-9a-f]{12}")
"""The id of a run."""


class Guarded(Kept):
    """Files in a place, and those that ship with PruneLab, which are never moved."""

    def __init__(self, place: Place, shipped: Place) -> None:
        super().__init__(place)
        self._shipped = shipped
        self._unmoved: dict[tuple[Place, str], str] = {}

    def damaged(self) -> list[tuple[str, str]]:
        """Id and reason of each run (or profile) that was set aside."""
        return self._place.aside() + [(_run_of(name), reason) for (_, name), reason in self._unmoved.items()]

    @contextmanager
    def guarding(self, place: Place, name: str) -> Iterator[None]:
        """Set aside a run or profile that turns out to be damaged, and raise StoreError."""
        try:
            yield
        except DamageError as error:
            self.leave_out(place, name, error)
            what, again = (
                ("profile", "ask for it again") if "/" in name else ("run", "train it again or choose another")
            )
            message = f"A {what} of {_run_of(name)} is damaged and was left out: {error} Please {again}."
            raise StoreError(message) from error

    def leave_out(self, place: Place, name: str, error: StoreError) -> None:
        """Move something damaged out of the way with a reason; if it cannot be moved, only remember the reason."""
        try:
            if isinstance(error, DamageError) and place is not self._shipped:
                place.set_aside(name, _run_of(name), str(error))
                return
        except StoreError:
            pass
        self._unmoved[place, name] = str(error)


def _run_of(name: str) -> str:
    """The run that a file or folder belongs to."""
    return next(part for part in reversed(name.split("/")) if ID.fullmatch(part))
