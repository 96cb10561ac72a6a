"""How long a test waits before it calls something hung. It is no limit on speed: a machine may be slow or busy."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 600.0
"""Seconds for one thing to happen. `timeout` in pyproject.toml, for a whole test, has room for three."""


def until(happened: Callable[[], T], what: str | Callable[[], object] = "", *, every: float = 0.05) -> T:
    """Ask again and again until the answer is true, and return it.

    Raises:
        AssertionError: it is not, for too long; with `what` was waited for, or what that function tells of it.
    """
    deadline = time.monotonic() + PATIENCE
    while not (answer := happened()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(every)
    return answer
