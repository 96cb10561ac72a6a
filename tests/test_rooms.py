"""Rooms in a folder and in a bucket: what one server writes another reads; names, numbers, sizes, time are bounded."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import StoreError
from core.evaluation.guess import Guess
from core.pruning import PruningConfig
from core.store import rooms
from core.store.places import Bucket, Folder
from core.store.rooms import DAY, EACH, GUESSES, ROOMS, WORDS, Rooms
from core.store.runs import RunStore
from tests import shelf

RUN, RULE, TEACHER = "0123456789ab", PruningConfig(scope="layerwise", repair="refit"), "f" * 16
GUESS, OTHER = Guess((90, 80, 70, 60, 50)), Guess((50, 40, 30, 20, 10))


class Clock:
    """Stands still until it is set forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def visitor(number: int) -> str:
    return f"{number:016x}"


@pytest.fixture
def server(where: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Rooms]:
    """Makes the rooms as a process of its own would see them."""

    def make(clock: Clock | None = None) -> Rooms:
        place = Bucket(where, tmp_path / uuid.uuid4().hex) if isinstance(where, str) else Folder(where)
        monkeypatch.setattr(rooms, "opened", lambda where: place)
        return Rooms(where, clock or Clock())

    return make


@pytest.fixture
def one(tmp_path: Path) -> Rooms:
    return Rooms(tmp_path)


def test_two_servers_share_a_room_from_the_first_guess_to_the_end(server: Callable[..., Rooms]) -> None:
    clock = Clock()
    one, two = server(clock), server(clock)
    name = one.make(RUN, RULE, TEACHER)
    two._place.refresh()
    assert rooms.is_name(name) and two.get(name) == one.get(name)
    assert (one.get(name).run_id, one.get(name).pruning, one.get(name).owner) == (RUN, RULE, TEACHER)
    two.guess(name, visitor(1), GUESS)
    one.guess(name, visitor(2), OTHER)
    one._place.refresh()
    two._place.refresh()
    assert one.guesses(name) == two.guesses(name) == {visitor(1): GUESS, visitor(2): OTHER}
    two.guess(name, visitor(1), OTHER)
    one._place.refresh()
    assert one.guess_of(name, visitor(1)) == OTHER and len(one.guesses(name)) == 2
    assert not two.is_shown(name) and two.guess_of(name, visitor(3)) is None

    with pytest.raises(StoreError, match="another visitor"):
        two.show(name, visitor(1))
    one.show(name, TEACHER)
    two._place.refresh()
    assert two.is_shown(name) and len(two.guesses(name)) == 2
    with pytest.raises(StoreError, match="takes no more guesses"):
        two.guess(name, visitor(3), GUESS)

    clock.ahead = DAY + 60
    with pytest.raises(StoreError, match="Rooms end after a day"):
        two.get(name)
    one.expire()
    two._place.refresh()
    assert not two.guesses(name) and not two.is_shown(name)
    clock.ahead = 0
    with pytest.raises(StoreError, match="There is no room"):
        two.get(name)


def test_a_room_that_is_over_leaves_nothing_and_a_younger_one_stays(tmp_path: Path) -> None:
    clock = Clock()
    one = Rooms(tmp_path, clock)
    old = one.make(RUN, RULE, TEACHER)
    one.guess(old, visitor(1), GUESS)
    clock.ahead = DAY + 60
    assert one.make(RUN, RULE, visitor(9)) != old
    assert [path.name for path in (tmp_path / ROOMS).iterdir() if path.stem == old] == []
    assert len([*(tmp_path / ROOMS).iterdir()]) == 1 and {path.name for path in tmp_path.iterdir()} == {ROOMS}


def test_the_61st_guess_is_refused_and_a_60th_may_still_change(one: Rooms) -> None:
    name = one.make(RUN, RULE, TEACHER)
    for number in range(GUESSES):
        one.guess(name, visitor(number), GUESS)
    with pytest.raises(StoreError, match="is full: it holds 60 guesses"):
        one.guess(name, visitor(GUESSES), GUESS)
    one.guess(name, visitor(0), OTHER)
    assert len(one.guesses(name)) == GUESSES and one.guess_of(name, visitor(0)) == OTHER


def test_more_guesses_than_fit_by_a_race_are_not_read(one: Rooms, tmp_path: Path) -> None:
    name = one.make(RUN, RULE, TEACHER)
    (tmp_path / ROOMS / name).mkdir()
    for number in range(GUESSES + 5):
        (tmp_path / ROOMS / name / f"{visitor(number)}.json").write_text(json.dumps({"percents": GUESS.percents}))
    assert len(one.guesses(name)) == GUESSES


def test_a_visitor_makes_some_rooms_and_a_store_has_room_for_so_many(
    one: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = [one.make(RUN, RULE, TEACHER) for _ in range(EACH)]
    assert len({*mine}) == EACH
    with pytest.raises(StoreError, match="You have made 5 rooms"):
        one.make(RUN, RULE, TEACHER)
    monkeypatch.setattr(rooms, "MOST", EACH + 1)
    one.make(RUN, RULE, visitor(1))
    with pytest.raises(StoreError, match=r"6 rooms already"):
        one.make(RUN, RULE, visitor(2))


HOSTILE = (
    "../x", "../../etc/passwd", "/etc/passwd", "amber-apple", "amber-apple-1", "amber-apple-012", "amber-apple-12/..",
    "AMBER-APPLE-12", "amber-apple-12\n", "amber-apple-12.json", "wrong-words-12", "amber-apple-\u0661\u0662", "",
    "a" * 5000, "\x00", "<script>alert(1)</script>",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_not_one_is_refused_before_any_file_is_looked_for(
    one: Rooms, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folder, "size", lambda *_: pytest.fail("A file was looked for."))
    for use in (one.get, lambda name: one.guess(name, TEACHER, GUESS), lambda name: one.show(name, TEACHER)):
        with pytest.raises(StoreError, match="is not the name of a room, such as"):
            use(name)


@pytest.mark.parametrize("who", [None, "", "../x", "f" * 15, "F" * 16, "shown"])
def test_a_visitor_who_is_not_known_neither_makes_nor_guesses(one: Rooms, who: str | None) -> None:
    name = one.make(RUN, RULE, TEACHER)
    with pytest.raises(StoreError, match="cookie"):
        one.make(RUN, RULE, who)
    with pytest.raises(StoreError, match="cookie"):
        one.guess(name, who, GUESS)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"percents": [1, 2]}', '{"percents": [1, 2, 3, 4, 101]}', "\udcff",
     '{"percents": [1, 2, 3, 4, 5], "more": 1}', '{"percents": [1, 2, 3, 4, 5]}' + " " * 2_000_000, "[" * 900],
)  # fmt: skip
def test_a_damaged_or_oversized_guess_counts_as_missing(one: Rooms, tmp_path: Path, content: str) -> None:
    name = one.make(RUN, RULE, TEACHER)
    one.guess(name, visitor(1), GUESS)
    (tmp_path / ROOMS / name / f"{visitor(2)}.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert one.guesses(name) == {visitor(1): GUESS}


def test_a_damaged_room_is_answered_with_a_sentence(one: Rooms, tmp_path: Path) -> None:
    name = one.make(RUN, RULE, TEACHER)
    (tmp_path / ROOMS / f"{name}.json").write_text('{"run_id": 7}')
    with pytest.raises(StoreError, match=f"There is no room {name}"):
        one.get(name)
    assert one.make(RUN, RULE, TEACHER) != name


def test_a_guess_into_a_room_that_is_removed_meanwhile_leaves_nothing(
    one: Rooms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = one.make(RUN, RULE, TEACHER)
    ask = Rooms.is_shown

    def removed(self: Rooms, name: str) -> bool:
        (tmp_path / ROOMS / f"{name}.json").unlink()
        return ask(self, name)

    monkeypatch.setattr(Rooms, "is_shown", removed)
    one.guess(name, visitor(1), GUESS)
    assert [*(tmp_path / ROOMS).iterdir()] == []


def test_rooms_are_no_runs_and_their_names_are_easy(one: Rooms, tmp_path: Path) -> None:
    run, _ = shelf.fill(tmp_path)
    name = one.make(run.id, RULE, TEACHER)
    store = RunStore(tmp_path, shipped=tmp_path / "none")
    assert name not in {found.id for found in store.runs()} and not store.damaged()
    store.delete(run.id, run.owner)
    assert one.get(name).run_id == run.id  # the page says that its run is gone
    assert len({*WORDS}) == len(WORDS) > 60 and all(3 <= len(word) <= 8 and word.isalpha() for word in WORDS)
