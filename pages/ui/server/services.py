"""What all visitors of a server process share, such as one run store and one job engine."""

import hashlib
import os
import threading

import streamlit as st

from core import data
from core.data import Collection, Split
from core.data.pool import Pictures, of_array
from core.errors import DataError, PruneLabError
from core.jobs import Engine
from core.own.brought import PICTURES
from core.own.pictures import in_order, opened, shuffled
from core.settings import Settings
from core.store.results import Results
from core.store.rooms import Rooms
from core.store.runs import RunStore

VISITOR = "prunelab_visitor"
"""The cookie that identifies the owner of runs. It holds only a random number."""


@st.cache_resource(max_entries=1, show_spinner=False)
def settings() -> Settings:
    """The host's settings.

    Raises:
        ConfigError: a setting is invalid.
    """
    return Settings.read(os.environ)


@st.cache_resource(max_entries=1, show_spinner=False)
def store() -> RunStore:
    """The run store: the folder or URL in `PRUNELAB_RUNS`, and the runs that ship."""
    return RunStore()


@st.cache_resource(max_entries=1, show_spinner=False)
def results() -> Results:
    """The results of jobs: those that visitors asked for, and those that ship."""
    return Results(store())


@st.cache_resource(max_entries=1, show_spinner=False)
def rooms() -> Rooms:
    """The rooms of classes, in the run store."""
    return Rooms(store().where)


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


@st.cache_resource(ttl=10, max_entries=1, show_spinner="Reading the data sets", refresh_mode="background")
def collections() -> tuple[list[Collection], list[str]]:
    """The data sets on this server, and why other folders cannot be used, as of some seconds ago.

    The first visitor waits. Later ones see the last list while it is refreshed in the background.
    """
    return data.available()


@st.cache_resource(max_entries=4, show_spinner=False)
def class_names(name: str) -> tuple[str, ...]:
    """The classes of a data set, in the order of their labels; empty if the data set is missing."""
    try:
        return data.classes(name)
    except DataError:
        return ()


@st.cache_resource(max_entries=4, show_spinner="Finding the test images")
def brought_pictures(run_id: str, data_set: str) -> Pictures | None:
    """The test images of a network that was brought, in its order; None if its data set is missing or has changed."""
    try:
        if data_set == data.FASHION.id:  # without its training images, for which the server has no memory
            test = data.load_test(data_set)
            return shuffled(of_array(test.images, test.labels))
        return in_order(opened(data_set, store().file(run_id, PICTURES)))
    except PruneLabError:
        return None


@st.cache_resource(max_entries=4, show_spinner="Reading the test images")
def test_split(name: str) -> Split | None:
    """The test images of a data set with their labels; None if the data set is missing."""
    try:
        return data.load_test(name)
    except DataError:
        return None


@st.cache_resource(max_entries=1, show_spinner=False)
def stories() -> "Stories":
    """The panels of single images, in memory only."""
    return Stories()


class Stories:
    """The latest panels of single images, compressed JSON by a key that is known only with the image."""

    def __init__(self, most: int = 64) -> None:
        self._kept, self._most, self._lock = dict[str, bytes](), most, threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The panel, or None if it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept[key] = self._kept.pop(key)  # becomes the latest
            return self._kept.get(key)

    def put(self, key: str, content: bytes) -> None:
        """Keep a panel until there are too many later ones."""
        with self._lock:
            self._kept[key] = content
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]


def owner() -> str | None:
    """The visitor, as the digest that is stored with their runs; None without a cookie."""
    cookie = st.context.cookies.get(VISITOR)
    return hashlib.sha256(cookie.encode()).hexdigest()[:16] if isinstance(cookie, str) else None
