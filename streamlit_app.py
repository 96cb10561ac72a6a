"""The ASGI app: pages, routes, guard and start-up. Run it with `streamlit run streamlit_app.py`."""

import asyncio
import ctypes
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware

from core.errors import ConfigError, StoreError
from core.logs import LOG, configure
from core.picture import MOST_BYTES
from pages.ui.server import connections, framework, visitors
from pages.ui.server.guard import Guard
from pages.ui.server.routes import ROUTES
from pages.ui.server.services import engine, rooms, settings, store
from pages.ui.server.unknown import Unknown

MultiPartParser.spool_max_size = 2 * MOST_BYTES  # otherwise an upload above 1 MB would be written to disk

_HOUR, _HALF_MINUTE = 3600, 30  # seconds


async def _expire(days: int | None) -> None:
    """Every hour, delete rooms that are over, what absent visitors brought, and visitors' runs older than `days`."""
    while True:
        try:
            await run_in_threadpool(rooms().expire)
            await run_in_threadpool(visitors.expire)
            for run_id in await run_in_threadpool(_expire_runs, days) if days else ():
                LOG.info("run expired", extra={"run": run_id})
        except StoreError as error:
            LOG.warning("runs or rooms could not be expired: %s", error)
        await asyncio.sleep(_HOUR)


def _expire_runs(days: int) -> list[str]:
    return store().expire(datetime.now(UTC) - timedelta(days=days))


async def _tidy() -> None:
    """Every half minute, collect garbage and return the memory to the system."""
    while True:
        await asyncio.sleep(_HALF_MINUTE)
        await run_in_threadpool(_give_back)


def _give_back() -> None:
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc keeps freed memory unless it is trimmed
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Start the job engine in the background, and stop it with the server."""
    gc.freeze()  # imported modules are never garbage and need not be searched
    running = engine()
    chores = [asyncio.create_task(_tidy()), asyncio.create_task(_expire(settings().expire))]
    yield
    for chore in chores:
        chore.cancel()
    running.close()


configure()
framework.keep()
connections.keep()
try:
    chosen = settings()
    store()
except (ConfigError, StoreError) as error:
    sys.exit(f"PruneLab does not start. {error}")

layers = [Middleware(Guard, chosen=chosen), Middleware(Unknown)]
app = st.App("pages/router.py", routes=ROUTES, middleware=layers, lifespan=lifespan)
