"""Changes to what Streamlit does at every event of every visitor, on which a server with many visitors spends most of
its time: it is done once, or several at a time. None of them changes what is sent to the browser.
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
"""Scripts that run at the same time, and seconds after which a waiting one starts anyway. Python runs one thread at a
time; if fifty want to run, the thread that sends the answers waits for each of them."""

_look_up = app_session._populate_theme_msg
_call_soon = AppSession._call_soon_on_event_loop
_run_script = ScriptRunner._run_script
_mine = threading.local()


class Turns:
    """Lets a number of threads run at once, the others in order of arrival, which a semaphore does not guarantee."""

    def __init__(self, at_once: int) -> None:
        self._free, self._lock, self._waiting = at_once, threading.Lock(), deque[threading.Lock]()

    def take(self, seconds: float) -> bool:
        """Wait for a turn, for `seconds` at most. Return whether it came."""
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
        """Pass the turn to the next thread."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


_turns = Turns(AT_ONCE)


def keep() -> None:
    """Put the changes into effect."""
    app_session._populate_theme_msg = _add_theme  # type: ignore[assignment]
    AppSession._call_soon_on_event_loop = _soon  # type: ignore[assignment, method-assign]
    ScriptRunner._run_script = _in_turn  # type: ignore[assignment, method-assign]


@lru_cache(maxsize=8)
def _theme(section: str) -> CustomThemeConfig:
    """The theme, looked up once: it does not change while a server runs."""
    theme = CustomThemeConfig()
    _look_up(theme, section)
    return theme


def _add_theme(message: CustomThemeConfig, section: str = "theme") -> None:
    theme = _theme(section)
    if theme.ByteSize():  # an empty theme must not appear in the message
        message.MergeFrom(theme)


def _soon(session: AppSession, callback: Callable[[], None]) -> None:
    """Pass on a script's messages, about a hundred, in their order; the event loop is woken once for many of them."""
    kept = session.__dict__.setdefault("_messages", _Messages())
    kept.waiting.append(callback)
    _wake(session, kept)


def _wake(session: AppSession, kept: "_Messages") -> None:
    def drain() -> None:
        kept.woken = False  # before the first is taken: what is added from now on wakes the loop again
        try:
            while kept.waiting:
                kept.waiting.popleft()()
        finally:
            if kept.waiting:  # one of them failed, and must not keep the others
                _wake(session, kept)

    if not kept.woken:
        kept.woken = True
        _call_soon(session, drain)


class _Messages:
    """What a session is still to say, and whether the event loop was woken for it. Any thread may add to it."""

    def __init__(self) -> None:
        self.waiting, self.woken = deque[Callable[[], None]](), False


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
    """Around something a script waits for: other scripts take its turn meanwhile."""
    had = getattr(_mine, "turn", False)
    _give_back()
    try:
        yield
    finally:
        if had:
            _mine.turn = _turns.take(LONGEST)
