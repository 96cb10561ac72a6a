"""The guess on the pages: what a browser may send, a room without a cookie or without its run, and the hourly chore."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import streamlit_app
from core.evaluation.guess import Guess
from core.pruning import PruningConfig
from core.run import Run
from core.store.rooms import DAY, Rooms
from core.store.runs import RunStore
from pages.ui.components.guess import _sent
from tests import shelf
from tests.reading import text

TEACHER, PUPIL = "f" * 16, "0" * 16


@pytest.fixture
def shelved(tmp_path: Path) -> tuple[Path, Run]:
    root = tmp_path / "runs"
    return root, shelf.fill(root)[1]


@pytest.fixture
def app(shelved: tuple[Path, Run], app_on: Callable[[Path], AppTest]) -> AppTest:
    return app_on(shelved[0])


def visiting(monkeypatch: pytest.MonkeyPatch, who: str | None) -> None:
    for module in ("predict", "room"):
        monkeypatch.setattr(f"pages.ui.view.{module}.owner", lambda: who)


def on_teach(app: AppTest, room: str | None = None) -> AppTest:
    app.run()
    app.switch_page("teach.py")
    if room is not None:
        app.query_params["room"] = room
    app.run()
    assert not app.exception
    return app


def chart(app: AppTest) -> dict[str, object]:
    """What the browser gets of the last chart."""
    found: list[dict[str, object]] = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    return [each for each in found if "asked" in each][-1]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        7,
        "12345",
        {},
        [1, 2, 3, 4],
        [1, 2, 3, 4, 101],
        [1, 2, 3, 4, 5.0],
        [1, 2, 3, 4, True],
        [[1]] * 5,
        [0] * 9999,
    ],
)
def test_what_no_chart_of_ours_sends_is_ignored(sent: object) -> None:
    _sent(sent, lambda guess: pytest.fail(f"{guess} was passed on."))


def test_a_guess_is_passed_on() -> None:
    passed: list[Guess] = []
    _sent([90, 80, 70, 60, 0], passed.append)
    assert passed == [Guess((90, 80, 70, 60, 0))]


def test_the_truth_is_not_sent_before_the_guess(app: AppTest) -> None:
    assert chart(on_teach(app))["truth"] is None


def test_a_room_has_no_answers_of_exercises_and_names_the_run(
    app: AppTest, shelved: tuple[Path, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, run = shelved
    visiting(monkeypatch, PUPIL)
    rooms = Rooms(root)
    name = rooms.make(run.id, PruningConfig(), TEACHER)
    on_teach(app, name)
    assert "One weight in ten thousand" not in text(app) and f"Room {name}" in text(app)
    assert chart(app)["truth"] is None and chart(app)["send"] == "Send my guess"
    rooms.guess(name, PUPIL, Guess((90, 80, 70, 60, 0)))
    rooms.show(name, TEACHER)
    app.run()
    assert chart(app)["truth"] and chart(app)["guess"] == [90, 80, 70, 60, 0]
    assert "Your guess was off by" in str(chart(app)["says"]) and "There was one guess." in str(chart(app)["says"])


def test_a_room_whose_run_is_deleted_says_so(app: AppTest, shelved: tuple[Path, Run]) -> None:
    root, run = shelved
    name = Rooms(root).make(run.id, PruningConfig(), TEACHER)
    RunStore(root).delete(run.id, run.owner)
    assert f"There is no run {run.id}" in text(on_teach(app, name))


def test_a_room_whose_run_is_not_evaluated_says_so(app: AppTest, shelved: tuple[Path, Run]) -> None:
    root, run = shelved
    name = Rooms(root).make(run.id, PruningConfig(scope="layerwise"), TEACHER)
    assert f"The run of room {name} has not been evaluated" in text(on_teach(app, name))


def test_without_a_cookie_no_room_is_made_and_it_says_why(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    visiting(monkeypatch, None)
    on_teach(app)
    [button] = [each for each in app.button if each.label == "Make a room for a class"]
    button.click().run()
    assert "Your browser sends no cookie" in text(app) and "room" not in app.query_params


def test_rooms_that_are_over_are_removed_every_hour_even_where_runs_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Rooms(tmp_path).make("0123456789ab", PruningConfig(), TEACHER)
    later = Rooms(tmp_path, lambda: 2 * DAY + (tmp_path / ".rooms").stat().st_mtime)
    monkeypatch.setattr(streamlit_app, "rooms", lambda: later)

    async def chore() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(streamlit_app._expire(None), 1)

    asyncio.run(chore())
    assert not [*(tmp_path / ".rooms").iterdir()]
