"""The ASGI app: the pages, the routes beside them, security headers and start-up. `streamlit run streamlit_app.py`."""

import gc
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.picture import MOST_BYTES
from pages.ui.routes import ROUTES
from pages.ui.services import VISITOR, engine

MultiPartParser.spool_max_size = 2 * MOST_BYTES  # above 1 MB it would put an upload on disk for a while

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"x-frame-options": b"SAMEORIGIN",
}


class Headers:
    """Adds security headers to every response, and to a page a cookie that tells whose runs are whose."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS.items(), *_cookie(scope, message)]
            await send(message)

        await self.app(scope, receive, with_headers)


def _cookie(scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
    is_page = any(name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"), "")
    if not is_page or VISITOR in cookie_parser(given):
        return []
    value = f"{VISITOR}={secrets.token_urlsafe(16)}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
    return [(b"set-cookie", value.encode())]


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Start the job engine in the background, and stop it with the server."""
    gc.freeze()  # Streamlit collects garbage after every run; what was imported is none
    running = engine()
    yield
    running.close()


app = st.App("pages/router.py", routes=ROUTES, middleware=[Middleware(Headers)], lifespan=lifespan)
