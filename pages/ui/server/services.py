"""What all visitors share: one run store and one job engine per server process."""

import hashlib
import os
import threading

import streamlit as st

from core import data
from core.data import Collection, Split
from core.errors import DataError
from core.jobs import Engine
from core.settings import Settings
from core.store.results import Results
from core.store.runs import RunStore

VISITOR = "prunelab_visitor"
"""The cookie that tells whose runs are whose. It holds a random number and nothing else."""


@st.cache_resource(max_entries=1, show_spinner=False)
def settings() -> Settings:
    """What the host decides; raises ConfigError if it cannot be read."""
    return Settings.read(os.environ)


@st.cache_resource(max_entries=1, show_spinner=False)
def store() -> RunStore:
    """The run store: the folder or URL that `PRUNELAB_RUNS` names, and the runs that come with the product."""
    return RunStore()


@st.cache_resource(max_entries=1, show_spinner=False)
def results() -> Results:
    """What jobs have found: those that visitors asked for, and those that come with the product."""
    return Results(store())


@st.cache_resource(max_entries=1, show_spinner=False)
def engine() -> Engine:
    """The job engine: embedded workers, or the scheduler at `DASK_SCHEDULER_ADDRESS`."""
    chosen = settings()
    return Engine(
        store().where,
        address=chosen.scheduler,
        queue_limit=chosen.queue,
        training=chosen.training,
        trainings_per_hour=chosen.trainings_per_hour,
        longest_training=60 * chosen.longest_training,
    )


@st.cache_resource(ttl=10, max_entries=1, show_spinner="Looking at the data sets", refresh_mode="background")
def collections() -> tuple[list[Collection], list[str]]:
    """The data sets on this server, and what is wrong with folders that should be some, as of a while ago.

    The first visitor waits; whoever comes later sees what was found last, while it is looked for again.
    """
    return data.available()


@st.cache_resource(max_entries=4, show_spinner=False)
def class_names(name: str) -> tuple[str, ...]:
    """The classes of a data set, in the order of their labels; none without it."""
    try:
        return data.classes(name)
    except DataError:
        return ()


@st.cache_resource(max_entries=4, show_spinner="Reading the test images")
def test_split(name: str) -> Split | None:
    """The test images of a data set with their labels; None without it."""
    try:
        return data.load_test(name)
    except DataError:
        return None


@st.cache_resource(max_entries=1, show_spinner=False)
def stories() -> "Stories":
    """The panels of single images, in memory only."""
    return Stories()


class Stories:
    """The latest panels of single images, compressed JSON by a key that only who has the image can know."""

    def __init__(self, most: int = 64) -> None:
        self._kept, self._most, self._lock = dict[str, bytes](), most, threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The panel, or None if it is not kept (any more)."""
        with self._lock:
            if key in self._kept:
                self._kept[key] = self._kept.pop(key)  # now the latest
            return self._kept.get(key)

    def put(self, key: str, content: bytes) -> None:
        """Keep it, for as long as there are not too many later ones."""
        with self._lock:
            self._kept[key] = content
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]


def owner() -> str | None:
    """Who asks, as the digest that is stored with their runs; None without a cookie."""
    cookie = st.context.cookies.get(VISITOR)
    return hashlib.sha256(cookie.encode()).hexdigest()[:16] if isinstance(cookie, str) else None
