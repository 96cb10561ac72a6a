"""Calls that may never return, each in a thread of its own, with a time limit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def beside(call: Callable[[], T]) -> Future[T]:
    """Call in a daemon thread, which does not keep the process alive."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="prunelab-bucket", daemon=True).start()
    return answer


def answer_within(asked: Future[T], seconds: float) -> T:
    """The result; raises TimeoutError if there is none in this many seconds."""
    try:
        return asked.result(seconds)
    except TimeoutError:
        if asked.done():
            raise
        raise TimeoutError(f"no answer within {seconds:g} s") from None
