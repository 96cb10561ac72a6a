"""The layer between the network and the app: security headers, the visitor's cookie, and limits."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import get_instance

from core.settings import Settings
from pages.ui.components import plotlyjs
from pages.ui.server.paths import served
from pages.ui.server.services import VISITOR
from pages.ui.view.site import page_at

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
"""What a page may load: nothing from another host."""

HEADERS = {b"x-content-type-options": b"nosniff", b"referrer-policy": b"same-origin"}

BURST, RATE, PATIENCE, LARGEST = 100, 10.0, 5.0, 1_000_000
"""Limits of a websocket: messages accepted at once, then per second; seconds for which a sender of more is slowed down
before it is cut off; and bytes of one message. Streamlit's own client reconnects automatically."""

UPLOADS, ROOM = 8, 400_000_000
"""Files that one session may keep in memory, and bytes that all sessions together may."""

FULL = "PruneLab is full ({} visitors). Please come back in a few minutes."
MANY_FILES = f"You have reached the limit of {UPLOADS} pictures. Remove one, or reload the page, and try again."
NO_ROOM = "PruneLab has no room for more pictures. Please try again in a few minutes."


class Guard:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, chosen: Settings) -> None:
        policy = "; ".join(f"{name} {value}" for name, value in POLICY.items())
        policy += f"; frame-ancestors {chosen.frame_ancestors}"
        self._app, self._metrics, self._most = app, chosen.metrics, chosen.visitors
        self._headers = [*HEADERS.items(), (b"content-security-policy", policy.encode())]
        self._present = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one websocket."""
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers, *_for_page(scope, message)]
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        """The response that refuses a request, or None."""
        path, method = scope["path"], scope["method"]
        if path.endswith("/_stcore/metrics") and not self._metrics:
            return PlainTextResponse("Not found", 404)
        if self._present >= self._most and b"text/html" in _header(scope, b"accept"):
            return PlainTextResponse(FULL.format(self._present), 503, {"retry-after": "60"})
        if method == "PUT" and "/_stcore/upload_file/" in path:
            files = get_instance().uploaded_file_mgr.file_storage  # type: ignore[attr-defined]
            session = path.rsplit("/", 2)[1]
            if len(files.get(session, ())) >= UPLOADS:
                return PlainTextResponse(MANY_FILES, 429)
            if sum(len(file.data) for kept in [*files.values()] for file in [*kept.values()]) > ROOM:
                return PlainTextResponse(NO_ROOM, 503)
        return None

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._present >= self._most:
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": FULL.format(self._present)})
            return
        measured = _Measured(receive, send)
        with self._visiting():
            await self._app(scope, measured.receive, measured.send)

    @contextmanager
    def _visiting(self) -> Iterator[None]:
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1


class _Measured:
    """A websocket that is read slowly if its sender sends too much, so that the sender's own buffers fill up."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._tokens, self._at = float(BURST), time.monotonic()
        self._late_since: float | None = None
        self._over = False

    async def receive(self) -> Message:
        """The next message, delayed if there are too many; a disconnect if the sender exceeds the limits."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return message
        if len(message.get("bytes") or message.get("text") or b"") > LARGEST:
            return await self._end(1009)
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + RATE * (now - self._at)) - 1
        self._at = now
        if self._tokens >= 0:
            self._late_since = None
            return message
        self._late_since = self._late_since or now
        if now - self._late_since > PATIENCE:
            return await self._end(1008)
        await asyncio.sleep(-self._tokens / RATE)
        return message

    async def send(self, message: Message) -> None:
        """Send nothing after the disconnect, which the app may not know of yet."""
        if not self._over:
            await self._send(message)

    async def _end(self, code: int) -> Message:
        """Say why, and disconnect. It is read on meanwhile: while its own buffers are full, a sender may not read."""
        closing = asyncio.ensure_future(self._send({"type": "websocket.close", "code": code}))
        self._over = True
        while (await self._receive())["type"] == "websocket.receive":
            await asyncio.sleep(1 / RATE)
        with suppress(OSError, RuntimeError):  # the sender has gone, or its connection was closed for another reason
            await closing
        return {"type": "websocket.disconnect", "code": code}


def _for_page(scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
    """A page's headers: the visitor's cookie, unless the browser has it, and a preload of plotly.js, which the browser
    then fetches along with Streamlit's own scripts."""
    if not any(name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"]):
        return []
    headers = []
    page = page_at(scope["path"])
    if page is not None and (page.panel or page.figures):
        headers.append((b"link", f"<{served(plotlyjs.PATH)}>; rel=preload; as=script; fetchpriority=low".encode()))
    if VISITOR not in cookie_parser(_header(scope, b"cookie").decode("latin-1")):
        value = f"{VISITOR}={secrets.token_urlsafe(16)}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
        headers.append((b"set-cookie", value.encode()))
    return headers


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")
