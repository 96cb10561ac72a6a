"""What visitors bring is kept no longer than they are here, unless the host's setting says so.

A visitor is here as long as a session with their cookie is; after the last has ended, they have some time to come back.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import streamlit as st

from core.errors import StoreError
from core.store import uploads
from pages.ui.server.services import owner, settings, store

GRACE = 120.0
"""Seconds after which what a visitor brought is deleted: a lost connection is back by then."""

_lock = threading.Lock()
_sessions = defaultdict[str | None, int](int)


class _Held:
    """What one session brought, and whose it is."""

    def __init__(self, visitor: str | None) -> None:
        self.visitor = visitor
        self.uploads, self.runs = set[str](), set[str]()
        with _lock:
            _sessions[visitor] += 1

    def release(self) -> None:
        """The session has ended; forget what it brought unless its visitor is back in time."""
        with _lock:
            _sessions[self.visitor] -= 1
        timer = threading.Timer(GRACE, self.forget)
        timer.daemon = True
        timer.start()

    def forget(self) -> None:
        """Delete what the session brought; that of a visitor who is here again stays until their last session ends."""
        if self.visitor is not None:
            with _lock:
                if _sessions[self.visitor] > 0:
                    return
                _sessions.pop(self.visitor, None)
        for upload in self.uploads:
            with suppress(StoreError):
                uploads.drop(store(), upload)
        if not settings().keep_networks:
            theirs = {run.id for run in store().runs() if run.brought and self.visitor and run.owner == self.visitor}
            _delete(self.runs | theirs, self.visitor)


def _delete(run_ids: Iterable[str], owner: str | None) -> None:
    for run_id in run_ids:
        with suppress(StoreError):
            store().delete(run_id, owner)


def expire() -> None:
    """Delete what was brought more than a day ago by visitors who are not here: a server that was killed leaves that.

    Raises:
        StoreError: the store cannot be read or written.
    """
    before = datetime.now(UTC) - timedelta(days=1)
    uploads.expire(store(), before.timestamp())
    if not settings().keep_networks:
        for run in store().runs():
            if run.brought and datetime.fromisoformat(run.created) < before and not _sessions.get(run.owner):
                _delete([run.id], run.owner)


@st.cache_resource(scope="session", max_entries=1, show_spinner=False, on_release=_Held.release)
def _held() -> _Held:
    return _Held(owner())


def here() -> None:
    """Note that a visitor is here; each run of a page calls it."""
    if settings().networks:
        _held()


def holds(upload: str) -> None:
    """Note that this session has uploaded a file."""
    _held().uploads.add(upload)


def holds_run(run_id: str) -> None:
    """Note that this session has had a run made of a network that it brought."""
    _held().runs.add(run_id)
