"""What all visitors share: one run store and one job engine per server process."""

import hashlib
import os

import streamlit as st

from core.errors import ConfigError
from core.jobs import Engine
from core.runs import RunStore

VISITOR = "prunelab_visitor"
"""The cookie that tells whose runs are whose. It holds a random number and nothing else."""


@st.cache_resource(max_entries=1, show_spinner=False)
def store() -> RunStore:
    """The run store: the folder that `PRUNELAB_RUNS` names, and the runs that come with the product."""
    return RunStore()


@st.cache_resource(max_entries=1, show_spinner=False)
def engine() -> Engine:
    """The job engine: embedded workers, or the scheduler at `DASK_SCHEDULER_ADDRESS`."""
    return Engine(
        store().root,
        address=os.environ.get("DASK_SCHEDULER_ADDRESS"),
        queue_limit=_queue_limit(os.environ.get("PRUNELAB_QUEUE", "8")),
    )


def _queue_limit(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 1000:
        raise ConfigError(f"PRUNELAB_QUEUE is {value!r}; it must be a whole number of jobs from 1 to 1000.")
    return int(value)


def owner() -> str | None:
    """Who asks, as the digest that is stored with their runs; None without a cookie."""
    cookie = st.context.cookies.get(VISITOR)
    return hashlib.sha256(cookie.encode()).hexdigest()[:16] if isinstance(cookie, str) else None
