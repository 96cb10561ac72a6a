"""The ASGI app: the pages, the routes beside them, security headers and start-up. `streamlit run streamlit_app.py`."""

import asyncio
import ctypes
import gc
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import ConfigError, StoreError
from core.logs import LOG, configure
from core.picture import MOST_BYTES
from pages.ui.routes import ROUTES
from pages.ui.services import VISITOR, engine, settings, store

MultiPartParser.spool_max_size = 2 * MOST_BYTES  # above 1 MB it would put an upload on disk for a while

_HOUR, _HALF_MINUTE = 3600, 30  # seconds

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' blob:",  # Streamlit mounts a component's script as a blob
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
"""What a page may load and ask: nothing of another host."""

HEADERS = {b"x-content-type-options": b"nosniff", b"referrer-policy": b"same-origin"}


class Guard:
    """Adds security headers to every response and to a page a cookie that tells whose runs are whose; keeps the
    framework's metrics closed unless the host opens them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, chosen = app, settings()
        policy = "; ".join(f"{name} {value}" for name, value in POLICY.items())
        policy += f"; frame-ancestors {chosen.frame_ancestors}"
        self._headers = [*HEADERS.items(), (b"content-security-policy", policy.encode())]
        self._metrics = chosen.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers, *_cookie(scope, message)]
            await send(message)

        closed = scope["path"].endswith("/_stcore/metrics") and not self._metrics
        serve = PlainTextResponse("Not found", 404) if closed else self.app
        await serve(scope, receive, with_headers)


def _cookie(scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
    is_page = any(name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"), "")
    if not is_page or VISITOR in cookie_parser(given):
        return []
    value = f"{VISITOR}={secrets.token_urlsafe(16)}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
    return [(b"set-cookie", value.encode())]


async def _expire(days: int) -> None:
    """Every hour, delete the visitors' runs that are older."""
    while True:
        try:
            for run_id in await run_in_threadpool(store().expire, datetime.now(UTC) - timedelta(days=days)):
                LOG.info("run expired", extra={"run": run_id})
        except StoreError as error:
            LOG.warning("runs could not be expired: %s", error)
        await asyncio.sleep(_HOUR)


async def _tidy() -> None:
    """Every half minute, collect what visitors have left behind and give it back to the system."""
    while True:
        await asyncio.sleep(_HALF_MINUTE)
        await run_in_threadpool(_give_back)


def _give_back() -> None:
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc keeps what is freed unless it is asked; another library may not
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Start the job engine in the background, and stop it with the server."""
    gc.freeze()  # what was imported is no garbage, and need not be looked through
    running, days = engine(), settings().expire
    chores = [asyncio.create_task(_tidy()), *([asyncio.create_task(_expire(days))] if days else [])]
    yield
    for chore in chores:
        chore.cancel()
    running.close()


configure()
try:
    settings()
except ConfigError as error:
    sys.exit(f"PruneLab does not start. {error}")

app = st.App("pages/router.py", routes=ROUTES, middleware=[Middleware(Guard)], lifespan=lifespan)
