"""What is changed in the framework: scripts take turns in the order in which they came, and nothing said is lost."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pages.ui.server import framework
from pages.ui.server.framework import Turns
from tests.patience import PATIENCE, until


def test_whoever_came_first_has_the_next_turn() -> None:
    turns, order, threads = Turns(1), list[int](), list[threading.Thread]()
    assert turns.take(PATIENCE)

    def work(number: int) -> None:
        assert turns.take(PATIENCE)
        order.append(number)
        turns.give_back()

    for number in range(8):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        until(lambda n=number: len(turns._waiting) == n + 1)  # type: ignore[misc]
    assert not order
    turns.give_back()
    for thread in threads:
        thread.join()
    assert order == [*range(8)] and turns.take(0)


def test_who_waits_for_too_long_goes_on_without_a_turn_and_takes_nobody_elses() -> None:
    turns = Turns(1)
    assert turns.take(0) and not turns.take(0.01) and not turns._waiting
    turns.give_back()
    assert turns.take(0) and not turns.take(0.01)


def test_two_run_at_once_and_a_third_when_one_of_them_waits_for_something() -> None:
    inside, most, gate = list[int](), list[int](), threading.Event()

    def script(number: int, waits: bool) -> Callable[[], None]:
        def run() -> None:
            framework._mine.turn = framework._turns.take(PATIENCE)
            try:
                inside.append(number)
                most.append(len(inside))
                if waits:
                    inside.remove(number)
                    with framework.waiting():
                        gate.wait(PATIENCE)
                    inside.append(number)
                inside.remove(number)
            finally:
                framework._give_back()

        return run

    threads = [threading.Thread(target=script(number, number < 2)) for number in range(6)]
    for thread in threads[:2]:
        thread.start()
    for thread in threads[2:]:  # would wait for ever, did the first two not give way
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    gate.set()
    for thread in threads[:2]:
        thread.join(PATIENCE)
    assert max(most) <= framework.AT_ONCE and not inside
    assert framework._turns._free == framework.AT_ONCE and not framework._turns._waiting


class Session:
    """A session whose loop is woken by hand."""

    def __init__(self) -> None:
        self.woken = list[Callable[[], None]]()


def test_messages_arrive_in_the_order_said_and_the_loop_is_woken_once_for_many() -> None:
    session, heard = Session(), list[int]()
    original: Any = framework._call_soon
    framework._call_soon = lambda s, drain: s.woken.append(drain)  # type: ignore[assignment, attr-defined]
    try:
        for number in range(100):
            framework._soon(session, lambda n=number: heard.append(n))  # type: ignore[arg-type, misc]
        assert len(session.woken) == 1 and not heard
        session.woken.pop()()
        assert heard == [*range(100)]

        def fails() -> None:
            framework._soon(session, lambda: heard.append(101))  # type: ignore[arg-type]
            raise ValueError

        framework._soon(session, fails)  # type: ignore[arg-type]
        try:
            session.woken.pop(0)()
        except ValueError:
            session.woken.pop(0)()  # what was said after the one that failed
        assert heard[-1] == 101 and not session.woken
        for callback in (fails, lambda: heard.append(102)):
            framework._soon(session, callback)  # type: ignore[arg-type]
        while session.woken:
            with suppress(ValueError):
                session.woken.pop(0)()
        assert heard[-2:] == [102, 101]  # what waited behind the one that failed, too
    finally:
        framework._call_soon = original
