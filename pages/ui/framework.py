"""What Streamlit does at every event of every visitor, done once or in one go: with many of them it is what the server
spends most of its time on. Each change here leaves what the browser is told as it is.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

AT_ONCE, LONGEST = 2, 2.0
"""Scripts that run at once, and seconds after which one begins all the same: Python runs one thread at a time, and with
fifty that want to, the one that sends the answers waits for each of them."""

_look_up = app_session._populate_theme_msg
_call_soon = AppSession._call_soon_on_event_loop
_run_script = ScriptRunner._run_script
_mine = threading.local()


class Turns:
    """So many threads at once, the others in the order in which they came: a semaphore lets any of them in first."""

    def __init__(self, at_once: int) -> None:
        self._free, self._lock, self._waiting = at_once, threading.Lock(), deque[threading.Lock]()

    def take(self, seconds: float) -> bool:
        """Wait for a turn, for so long at most; whether it came."""
        mine = threading.Lock()
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=seconds):
            return True
        with self._lock:
            if mine not in self._waiting:  # it came at the last moment
                return True
            self._waiting.remove(mine)
            return False

    def give_back(self) -> None:
        """Let the next one have it."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


_turns = Turns(AT_ONCE)


def keep() -> None:
    """From now on, do it so."""
    app_session._populate_theme_msg = _tell  # type: ignore[assignment]
    AppSession._call_soon_on_event_loop = _soon  # type: ignore[assignment, method-assign]
    ScriptRunner._run_script = _in_turn  # type: ignore[assignment, method-assign]


@lru_cache(maxsize=8)
def _theme(section: str) -> CustomThemeConfig:
    """The theme does not change while a server runs, and is looked up once among all options."""
    found = CustomThemeConfig()
    _look_up(found, section)
    return found


def _tell(message: CustomThemeConfig, section: str = "theme") -> None:
    found = _theme(section)
    if found.ByteSize():  # one that says nothing must not stand in the message either
        message.MergeFrom(found)


def _soon(session: AppSession, callback: Callable[[], None]) -> None:
    """Pass on what a script says, some hundred messages, in the order said; the event loop is woken once for many."""
    waiting: deque[Callable[[], None]] = session.__dict__.setdefault("_waiting", deque())
    waiting.append(callback)

    def drain() -> None:
        while waiting:
            waiting.popleft()()

    if len(waiting) == 1:
        _call_soon(session, drain)


def _in_turn(runner: ScriptRunner, rerun_data: RerunData) -> None:
    _mine.turn = _turns.take(LONGEST)
    try:
        _run_script(runner, rerun_data)
    finally:
        _give_back()


def _give_back() -> None:
    if getattr(_mine, "turn", False):
        _mine.turn = False
        _turns.give_back()


@contextmanager
def waiting() -> Iterator[None]:
    """Around what a script waits for: others have their turn meanwhile."""
    had = getattr(_mine, "turn", False)
    _give_back()
    try:
        yield
    finally:
        if had:
            _mine.turn = _turns.take(LONGEST)
