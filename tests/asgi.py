"""Our routes without a server: a request in, a response out."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.types import Message

from pages.ui.server.routes import ROUTES


@dataclass
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def ask(url: str, scheme: str = "http", **headers: str) -> Answer:
    """What our routes answer to a path with a query."""
    path, query = urlsplit(url).path, urlsplit(url).query
    given = {"host": "lab.example", **headers}
    scope = {
        "type": "http", "method": "GET", "scheme": scheme, "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": query.encode("latin-1"), "server": ("127.0.0.1", 8501), "client": ("127.0.0.1", 1),
        "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items()],
    }  # fmt: skip
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Starlette(routes=ROUTES)(scope, receive, send))
    found = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))
