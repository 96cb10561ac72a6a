"""What the server does around the pages."""

import asyncio
import re
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Message

import streamlit_app
from core.picture import MOST_BYTES

BOUNDARY = "prunelab"


async def received(content: bytes) -> UploadFile:
    """A file as the server's own form parser hands it over."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}".encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    form = await Request({"type": "http", "headers": [(b"content-type", kind)]}, receive).form()
    file = form["file"]
    assert isinstance(file, UploadFile)
    return file


def test_the_largest_upload_stays_in_memory() -> None:
    assert streamlit_app.app is not None  # its import sets the parser up
    upload = asyncio.run(received(bytes(MOST_BYTES)))
    with upload.file as file:
        assert upload.size == MOST_BYTES
        assert not vars(file)["_rolled"]


def test_nothing_of_ours_unpickles() -> None:
    root = Path(streamlit_app.__file__).parent
    for path in (*root.glob("core/**/*.py"), *root.glob("pages/**/*.py"), root / "streamlit_app.py"):
        text = path.read_text("utf-8")
        assert not re.search(r"import (cloud)?pickle|from (cloud)?pickle|pickle\.loads?\(", text), path
        assert all("weights_only=True" in line for line in text.splitlines() if "torch.load(" in line), path
