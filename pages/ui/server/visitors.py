"""What visitors bring is kept no longer than they are here, unless the host's setting says so.

A visitor is here as long as a session with their cookie is; after the last has ended, they have some time to come back.
"""

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import streamlit as st

from core.errors import StoreError
from core.store import uploads
from pages.ui.server.services import owner, settings, store

GRACE = 120.0
"""Seconds after which what a visitor brought is deleted: a lost connection is back by then."""


@dataclass(eq=False)
class _Visitor:
    """Who is here: the digest of their cookie, how many sessions they have, and what they brought in those."""

    owner: str | None
    sessions: int = 0
    uploads: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)


_lock = threading.Lock()
_here: list[_Visitor] = []


@st.cache_resource(scope="session", max_entries=1, show_spinner=False, on_release=lambda visitor: left(visitor))
def _session() -> _Visitor:
    return arrived(owner())


def arrived(owner: str | None) -> _Visitor:
    """A session begins; without a cookie it is a visitor of its own."""
    with _lock:
        known = next((visitor for visitor in _here if owner and visitor.owner == owner), None)
        if known is None:
            known = _Visitor(owner)
            _here.append(known)
        known.sessions += 1
        return known


def left(visitor: _Visitor) -> None:
    """A session has ended; what its visitor brought is forgotten unless they are back in time."""
    with _lock:
        visitor.sessions -= 1
    timer = threading.Timer(GRACE, forget, (visitor,))
    timer.daemon = True
    timer.start()


def forget(visitor: _Visitor) -> None:
    """Delete what a visitor brought, unless they are here."""
    with _lock:
        if visitor.sessions or visitor not in _here:
            return
        _here.remove(visitor)
        others = {upload for other in _here for upload in other.uploads}
    for upload in visitor.uploads - others:
        with suppress(StoreError):
            uploads.drop(store(), upload)
    if not settings().keep_networks:
        theirs = {run.id for run in store().runs() if run.brought and visitor.owner and run.owner == visitor.owner}
        _delete(visitor.runs | theirs, visitor.owner)


def expire() -> None:
    """Delete what was brought more than a day ago by visitors who are not here: a server that was killed leaves that.

    Raises:
        StoreError: the store cannot be read or written.
    """
    before = datetime.now(UTC) - timedelta(days=1)
    uploads.expire(store(), before.timestamp())
    if not settings().keep_networks:
        present = {visitor.owner for visitor in _here}
        old = [run for run in store().runs() if run.brought and datetime.fromisoformat(run.created) < before]
        for run in old:
            if run.owner not in present:
                _delete([run.id], run.owner)


def _delete(run_ids: Iterable[str], owner: str | None) -> None:
    for run_id in run_ids:
        with suppress(StoreError):
            store().delete(run_id, owner)


def here() -> None:
    """Note that a visitor is here; each run of a page calls it."""
    if settings().networks:
        _session()


def holds(upload: str) -> None:
    """Note that this visitor has uploaded a file."""
    _session().uploads.add(upload)


def holds_run(run_id: str) -> None:
    """Note that this visitor has had a run made of a network that they brought."""
    _session().runs.add(run_id)
