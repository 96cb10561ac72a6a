"""Rooms, in which a class guesses before it sees: a few small files each, in the run store, gone after a day.

    .rooms/<name>.json               what the room is about, who made it and when
    .rooms/<name>/<visitor>.json     one guess for each visitor; a later one replaces it
    .rooms/<name>/shown.json         written when the truth is shown to everyone

Any number of servers may use one store: each file has one writer, and is written whole. Rooms are listed nowhere. How
many there are, and how much they hold, is bounded.
"""

import json
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core import codec
from core.errors import StoreError
from core.evaluation.guess import Guess
from core.pruning import PruningConfig
from core.store.kept import Kept
from core.store.places import opened

ROOMS, _SHOWN = ".rooms", "shown"

DAY = 24 * 60 * 60
"""Seconds after which a room is gone."""

MOST, EACH, GUESSES = 300, 5, 60
"""Rooms in one store, rooms of one visitor, and guesses in one room."""

_LARGEST = 1_000
"""Bytes of a file; ours are smaller."""

_LIST = """
amber apple birch brook cedar cherry clover cloud coral daisy delta ember falcon fern field finch forest garden
ginger harbor hazel heron honey island ivory jade juniper kettle lake lantern lemon lilac lotus lunar maple meadow
melon mint moss ocean olive orange orchid otter pearl pebble pepper pine planet plum poppy quartz quill rabbit raven
river robin saffron salmon shell silver sparrow spring star stone sunny thistle tiger tulip velvet violet walnut
willow winter zebra
"""
WORDS = tuple(_LIST.split())
"""What names are made of: short words that are easy to say and to type."""

_NAME = re.compile(r"([a-z]+)-([a-z]+)-([1-9][0-9])")
_VISITOR = re.compile(r"[0-9a-f]{16}")

T = TypeVar("T")


@dataclass(frozen=True)
class Room:
    """What a room is about: a run pruned in one way; who made it, and when, in seconds since 1970."""

    run_id: str
    pruning: PruningConfig
    owner: str
    made: float


class Rooms:
    """The rooms in a place that holds a run store."""

    def __init__(self, where: Path | str, clock: Callable[[], float] = time.time) -> None:
        self._place, self._clock = opened(where), clock
        self._kept = Kept(self._place)

    def make(self, run_id: str, pruning: PruningConfig, owner: str | None) -> str:
        """Make a room and return its name.

        Raises:
            StoreError: there are too many rooms, the visitor is unknown, or the store cannot be written.
        """
        made_by = _known(owner)
        self.expire()
        names = [_named(file.name) for file in self._place.held(ROOMS)]
        if len(names) >= MOST:
            raise StoreError(f"There are {MOST} rooms already, which is the limit. Rooms end after a day: try later.")
        mine = [name for name in names if (room := self._read(name)) and room.owner == made_by]
        if len(mine) >= EACH:
            raise StoreError(f"You have made {EACH} rooms within a day, which is the limit: {', '.join(mine)}.")
        name = next(name for name in iter(_drawn, None) if name not in names)
        room = Room(run_id, pruning, made_by, self._clock())
        self._kept.keep(f"{ROOMS}/{name}.json", _packed(room))
        return name

    def get(self, name: str) -> Room:
        """The room of that name.

        Raises:
            StoreError: this is not a name, there is no such room, it is over, or it is damaged.
        """
        if not is_name(name):
            raise StoreError(f"“{str(name)[:40]}” is not the name of a room, such as {WORDS[0]}-{WORDS[-1]}-12.")
        room = self._read(name)
        if room is None or self._clock() - room.made > DAY:
            raise StoreError(f"There is no room {name} at the moment. Rooms end after a day: ask for a new link.")
        return room

    def guess(self, name: str, visitor: str | None, guess: Guess) -> None:
        """Put a visitor's guess into a room, in place of their earlier one.

        Raises:
            StoreError: as `get` does, or the truth is already shown, the room is full, or it cannot be written.
        """
        file = f"{_known(visitor)}.json"
        self.get(name)
        if self.is_shown(name):
            raise StoreError("The truth has been shown in this room, so it takes no more guesses.")
        held = self._guesses_held(name)
        if len(held) >= GUESSES and file not in held:
            raise StoreError(f"Room {name} is full: it holds {GUESSES} guesses. Ask for another room.")
        self._kept.keep(f"{ROOMS}/{name}/{file}", _packed(guess))
        if self._place.size(f"{ROOMS}/{name}.json") is None:  # it was removed meanwhile
            self._remove(name)

    def guesses(self, name: str) -> dict[str, Guess]:
        """The guesses in a room by visitor, the first that were given; a damaged one is left out."""
        found = {file: self._value(f"{ROOMS}/{name}/{file}", Guess) for file in self._guesses_held(name)[:GUESSES]}
        return {file.removesuffix(".json"): guess for file, guess in found.items() if guess}

    def guess_of(self, name: str, visitor: str | None) -> Guess | None:
        """The guess of one visitor, or None."""
        return self._value(f"{ROOMS}/{name}/{visitor}.json", Guess) if visitor else None

    def show(self, name: str, visitor: str | None) -> None:
        """Show the truth to everyone in the room.

        Raises:
            StoreError: as `get` does, the room is another visitor's, or it cannot be written.
        """
        if self.get(name).owner != visitor:
            raise StoreError(f"Room {name} belongs to another visitor; only the visitor who made it shows the truth.")
        self._kept.keep(f"{ROOMS}/{name}/{_SHOWN}.json", b"{}")

    def is_shown(self, name: str) -> bool:
        """Whether the truth is shown to everyone."""
        return self._kept.state(f"{ROOMS}/{name}/{_SHOWN}.json") is not None

    def expire(self) -> None:
        """Remove the rooms that are over.

        Raises:
            StoreError: the store cannot be written.
        """
        for file in self._place.held(ROOMS):
            if self._clock() - file.time > DAY:
                self._remove(_named(file.name))

    def _remove(self, name: str) -> None:
        self._place.remove(f"{ROOMS}/{name}.json")
        self._place.remove_all(f"{ROOMS}/{name}")

    def _read(self, name: str) -> Room | None:
        return self._value(f"{ROOMS}/{name}.json", Room)

    def _guesses_held(self, name: str) -> list[str]:
        """The file names of the guesses in a room, in the order of their time."""
        held = sorted(self._place.held(f"{ROOMS}/{name}"), key=lambda file: (file.time, file.name))
        return [file for file in (held.name.rpartition("/")[2] for held in held) if file != f"{_SHOWN}.json"]

    def _value(self, name: str, kind: type[T]) -> T | None:
        """The value in a file; None if there is none, or it is damaged or too large."""
        with suppress(StoreError, ValueError):
            size = self._place.size(name)
            content = self._kept.kept(name) if size is not None and size <= _LARGEST else None
            return codec.from_json(kind, json.loads(content)) if content else None
        return None


def is_name(name: object) -> bool:
    """Whether a room may have this name."""
    match = _NAME.fullmatch(name) if isinstance(name, str) and len(name) <= 40 else None
    return match is not None and match[1] in WORDS and match[2] in WORDS


def _drawn() -> str:
    return f"{secrets.choice(WORDS)}-{secrets.choice(WORDS)}-{10 + secrets.randbelow(90)}"


def _named(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".json")


def _known(visitor: str | None) -> str:
    if visitor is None or not _VISITOR.fullmatch(visitor):
        raise StoreError("Your browser sends no cookie, so a room cannot count you. Allow cookies and reload.")
    return visitor


def _packed(value: Room | Guess) -> bytes:
    return json.dumps(codec.to_json(value)).encode()
