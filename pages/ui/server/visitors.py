"""What visitors bring is kept no longer than they are here, unless the host's setting says so.

A visitor is here as long as a session with their cookie is; after the last has ended, they have some time to come back.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import streamlit as st

from core.errors import StoreError
from core.run import Run
from core.store import uploads
from core.store.runs import RunStore
from pages.ui.server.services import owner, settings, store

GRACE = 120.0
"""Seconds after which what a visitor brought is deleted: a lost connection is back by then."""


@dataclass(eq=False)
class _Visitor:
    """Who is here: the digest of their cookie, how many sessions they have, and what they brought in those.

    `store` is where it is, so that it is forgotten there and nowhere else, whenever that is, and `kept` whether the
    host keeps it. `inherited` are runs of what they brought too, left by the visitor who owned them.
    """

    owner: str | None
    store: RunStore = field(default_factory=store)
    kept: bool = field(default_factory=lambda: settings().keep_networks)
    sessions: int = 0
    uploads: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    inherited: set[str] = field(default_factory=set)


_lock = threading.Lock()
_here: list[_Visitor] = []


@st.cache_resource(scope="session", max_entries=1, show_spinner=False, on_release=lambda visitor: left(visitor))
def _session() -> _Visitor:
    return arrived(owner())


def arrived(owner: str | None) -> _Visitor:
    """A session begins; without a cookie it is a visitor of its own."""
    new = _Visitor(owner)  # before the lock, for which the event loop may wait: this may open the store
    with _lock:
        known = next((visitor for visitor in _here if owner and visitor.owner == owner), new)
        if known is new:
            _here.append(new)
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
    """Delete what a visitor brought, unless they are here; what another has brought too goes with the last of them."""
    with _lock:
        if visitor.sessions or visitor not in _here:
            return
        _here.remove(visitor)
        others = {upload for other in _here for upload in other.uploads}
    for upload in visitor.uploads - others:
        with suppress(StoreError):
            uploads.drop(visitor.store, upload)
    if not visitor.kept:
        for run in visitor.store.runs():
            if run.brought and (_owns(visitor, run) or run.id in visitor.inherited) and not _inherited(run):
                _delete(visitor.store, run)


def _owns(visitor: _Visitor, run: Run) -> bool:
    """Whether a run is a visitor's; of those without a cookie, the one who brought it."""
    return run.owner == visitor.owner and (visitor.owner is not None or run.id in visitor.runs)


def _inherited(run: Run) -> bool:
    """Whether a visitor who is here owns the run or has brought the same; it then goes with them."""
    with _lock:
        heir = next((other for other in _here if _owns(other, run) or run.id in other.runs), None)
        if heir is not None:
            heir.inherited.add(run.id)
    return heir is not None


def expire() -> None:
    """Delete what was brought more than a day ago by visitors who are not here: a server that was killed leaves that.

    Raises:
        StoreError: the store cannot be read or written.
    """
    before = datetime.now(UTC) - timedelta(days=1)
    uploads.expire(store(), before.timestamp())
    if not settings().keep_networks:
        present = {visitor.owner for visitor in _here}
        inherited = {run_id for visitor in _here for run_id in visitor.inherited}
        old = [run for run in store().runs() if run.brought and datetime.fromisoformat(run.created) < before]
        for run in old:
            if run.owner not in present and run.id not in inherited:
                _delete(store(), run)


def _delete(place: RunStore, run: Run) -> None:
    with suppress(StoreError):
        place.delete(run.id, run.owner)


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
