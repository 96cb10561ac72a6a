"""Connections end where a client no longer reads what it is sent, and when the server stops.

uvicorn closes a connection once everything is written. If a client has stopped reading, that never comes: it would keep
its place among the visitors, and a server that stops would wait for it.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

UNREAD, FAREWELL = 60, 10
"""Seconds for which a client may read nothing of what it is sent, and that a connection has when the server stops."""


def keep() -> None:
    """Put it into effect. uvicorn has chosen its classes before it loads the app, so their methods are extended."""
    for protocol in (WebSocketsSansIOProtocol, AutoHTTPProtocol):
        _extend(protocol, "connection_made", _report_all)
        _extend(protocol, "pause_writing", _watch)
        _extend(protocol, "resume_writing", _rest)
        _extend(protocol, "connection_lost", _rest)
        _extend(protocol, "shutdown", _leave)


def _extend(protocol: type, name: str, then: Callable[[Any], None]) -> None:
    original = getattr(protocol, name)

    def method(connection: Any, *arguments: Any) -> None:
        original(connection, *arguments)
        then(connection)

    setattr(protocol, name, method)


def _report_all(connection: Any) -> None:
    """Have writing paused while anything at all is unread, not only while there is much."""
    connection.transport.set_write_buffer_limits(0)


def _watch(connection: Any) -> None:
    unread = connection.transport.get_write_buffer_size()
    connection.check = connection.loop.call_later(UNREAD, _abort_if_unread, connection, unread)


def _abort_if_unread(connection: Any, before: int) -> None:
    if connection.transport.get_write_buffer_size() >= before:
        connection.transport.abort()
    else:
        _watch(connection)


def _rest(connection: Any) -> None:
    if hasattr(connection, "check"):
        connection.check.cancel()


def _leave(connection: Any) -> None:
    connection.loop.call_later(FAREWELL, connection.transport.abort)
