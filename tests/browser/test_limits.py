"""What one visitor may take from the others: floods, uploads and a full house, through the real server."""

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, FileURLs, UploadedFileInfo
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from benchmarks.session import EXACT, Session
from core.picture import MOST_BYTES
from pages.ui.server import connections, guard
from tests.browser.conftest import ROOT, Server
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.browser


@pytest.fixture
def small(shelved: tuple[Path, object, object]) -> Iterator[Server]:
    """A server with room for three."""
    server = Server(shelved[0], settings={"PRUNELAB_VISITORS": "3"})
    server.start()
    yield server
    server.stop()


def ask(server: Server, path: str = "", **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"{server.url}/{path}", headers={"accept": "text/html", **headers})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")


def test_a_full_house_says_so_and_lets_the_next_in_when_one_leaves(small: Server) -> None:
    with ExitStack() as leaving:
        here = [leaving.enter_context(Session(small.port)) for _ in range(3)]
        assert all(visitor.open("prune") and not visitor.errors for visitor in here)
        status, said = ask(small)
        assert status == 503 and said.startswith("PruneLab is full (3 visitors)")
        with pytest.raises(InvalidStatus, match="403"):
            Session(small.port)
        assert ask(small, "_stcore/health", accept="*/*")[0] == 200  # whoever is here is served
        assert here[0].open("") and not here[0].errors
        here[1].close()
        until(lambda: ask(small)[0] == 200)
        with Session(small.port) as late:
            assert late.open("prune") and not late.errors


def events(visitor: Session, n: int = 20) -> list[float]:
    """Seconds that it takes to move the exact field."""
    found = []
    for number in range(n):
        found.append(visitor.set(EXACT, string_value=("10", "50", "90")[number % 3]))
        assert not visitor.errors
        time.sleep(0.1)
    return found


FLOOD = """
import sys, time
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

message, sent, cut = BackMsg(), 0, 0
message.rerun_script.page_name = "prune"
message.rerun_script.query_string = "x=" + 20_000 * "y"
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until or not cut:
    how = {"subprotocols": ["streamlit"], "compression": None, "max_size": None, "max_queue": None}
    how["open_timeout"] = None
    with connect(f"ws://127.0.0.1:{sys.argv[1]}/_stcore/stream", **how) as socket:
        try:
            while time.monotonic() < until or not cut:
                socket.send(message.SerializeToString())
                sent += 1
        except ConnectionClosed as error:
            cut += 1
            assert error.rcvd is not None and error.rcvd.code == 1008
        except TimeoutError:
            pass
print(sent, cut)
"""
"""Send what a page sends, as fast as the server takes it, and come back when cut off; at least until it was once."""


def test_a_flood_of_messages_costs_the_others_little(server: Server) -> None:
    """Four processes send without a pause: each is read at its rate and then cut off; a visitor still gets answers."""
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    with Session(server.port) as visitor:
        visitor.open("prune")
        events(visitor)
        calm, before = events(visitor), process.memory_info().rss
        command = [sys.executable, "-c", FLOOD, str(server.port), "15"]
        floods = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(4)]
        time.sleep(3)  # the bursts are over
        busy = events(visitor, 60)
        grown = process.memory_info().rss - before
        told = [flood.communicate(timeout=PATIENCE)[0].split() for flood in floods]
    assert all(flood.returncode == 0 for flood in floods)
    sent, cut = (sum(int(each[at]) for each in told) for at in (0, 1))
    median, ratio = float(np.median(busy)), float(np.median(busy) / np.median(calm))
    print(f"{sent} messages, cut off {cut} times; median {1000 * median:.0f} ms, {ratio:.1f} times as long")
    print(f"largest {1000 * max(busy):.0f} ms; {grown / 1e6:.0f} MB more")
    assert cut and median < max(0.5, 10 * np.median(calm)) and grown < 150e6
    assert ask(server, "_stcore/health")[0] == 200


def deaf(server: Server) -> socket.socket:
    """A client that asks for page after page, past all limits, and reads no answer."""
    client = socket.create_connection(("127.0.0.1", server.port))
    key = (
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: streamlit"
    )
    head = f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket"
    client.sendall(f"{head}\r\n{key}\r\n\r\n".encode())
    assert b" 101 " in client.recv(65536)
    message = BackMsg()
    message.rerun_script.page_name = "prune"
    message.rerun_script.query_string = "x=" + 20_000 * "y"
    frame = Frame(Opcode.BINARY, message.SerializeToString()).serialize(mask=True)
    client.settimeout(1)
    over = time.monotonic() + 3 * guard.PATIENCE
    with suppress(OSError):  # full
        while time.monotonic() < over:
            client.sendall(frame)
    return client


def test_who_reads_nothing_is_cut_off(server: Server) -> None:
    """It would keep its connection and a place among the visitors for ever, its sender's own wish to close included."""
    client = deaf(server)
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    port = client.getsockname()[1]

    def held() -> bool:
        return any(each.raddr and each.raddr.port == port for each in process.net_connections())

    try:
        assert held()
        until(lambda: not held())
    finally:
        client.close()


def test_a_server_stops_although_somebody_reads_nothing(small: Server) -> None:
    client = deaf(small)
    began = time.monotonic()
    try:
        small.stop()
    finally:
        client.close()
    assert time.monotonic() - began < connections.UNREAD


@pytest.mark.parametrize("size", [guard.LARGEST + 1, 11 * 1024**2])
def test_a_message_larger_than_any_of_ours_ends_its_websocket(server: Server, size: int) -> None:
    url = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    how = {"subprotocols": ["streamlit"], "max_size": None, "open_timeout": PATIENCE}
    with connect(url, **how) as socket, pytest.raises(ConnectionClosed) as told:  # type: ignore[arg-type]
        socket.send(bytes(size))
        while True:
            socket.recv(timeout=PATIENCE)
    got = told.value.rcvd  # nothing where the connection ended while the rest was still on its way
    assert got.code == 1009 if got is not None else size > guard.LARGEST + 1
    with Session(server.port) as visitor:
        assert visitor.open("prune") and not visitor.errors


def upload(server: Server, session: str, content: bytes, token: str, file: str = "") -> int:
    """Put a file where the page's uploader would."""
    edge = uuid.uuid4().hex
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="../../x<b>.png"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
    request = urllib.request.Request(
        f"{server.url}/_stcore/upload_file/{session}/{file or uuid.uuid4()}",
        data=body,
        method="PUT",
        headers={
            "content-type": f"multipart/form-data; boundary={edge}",
            "x-xsrftoken": token,
            "cookie": f"_streamlit_xsrf={token}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:  # refused before it was read to its end
        return CUT_OFF


CUT_OFF = 0


def token_of(server: Server) -> str:
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=PATIENCE) as answer:
        cookies = answer.headers.get_all("set-cookie") or []
    [cookie] = [cookie for cookie in cookies if cookie.startswith("_streamlit_xsrf=")]
    return str(cookie.partition("=")[2].partition(";")[0])


def test_uploads_are_bounded_and_cost_the_others_little(server: Server, shelved: tuple[Path, object, object]) -> None:
    """Five visitors put twenty files each at once: some whole, some broken, some too large."""
    assert server.process is not None
    process, token = psutil.Process(server.process.pid), token_of(server)
    good = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)).save(good, "png")
    files = (good.getvalue(), good.getvalue()[:1000], b"\0" * (MOST_BYTES - 1000), b"\0" * (MOST_BYTES + 2_000_000))
    before = {path: path.stat().st_size for path in shelved[0].rglob("*") if path.is_file()}
    statuses = Counter[int]()

    def send(session: str) -> None:
        for number in range(20):
            statuses[upload(server, session, files[number % len(files)], token)] += 1

    with ExitStack() as leaving:
        visitor, *sending = [leaving.enter_context(Session(server.port)) for _ in range(6)]
        visitor.open("prune")
        calm = events(visitor)
        for each in sending:
            each.open("images")
        start = process.memory_info().rss
        threads = [threading.Thread(target=send, args=(each.session_id,), daemon=True) for each in sending]
        for thread in threads:
            thread.start()
        busy = events(visitor)
        for thread in threads:
            thread.join()
        held = process.memory_info().rss - start
        assert upload(server, visitor.session_id, files[1], "2|forged|token|1") == 403
        assert upload(server, "no-session", files[1], token) == 400
    print(f"statuses {dict(statuses)}; median {1000 * np.median(busy):.0f} ms; {held / 1e6:.0f} MB held")
    assert (
        {*statuses} <= {204, 413, 429, CUT_OFF} and statuses[204] == 5 * guard.UPLOADS and sum(statuses.values()) == 100
    )
    assert np.median(busy) < max(1, 10 * np.median(calm)) and held < guard.ROOM
    assert {path: path.stat().st_size for path in shelved[0].rglob("*") if path.is_file()} == before


def test_hostile_pictures_at_once_get_a_sentence_each_and_cost_the_others_little(server: Server) -> None:
    """Four visitors, five files each, read by the page itself."""
    whole = BytesIO()
    Image.fromarray(np.zeros((300, 300), np.uint8)).save(whole, "png")
    png = whole.getvalue()
    bomb = png[:16] + (60_000).to_bytes(4, "big") * 2 + png[24:]
    files = (b"", b"<html><script>alert(1)</script></html>", png[: len(png) // 2], bomb, b"\0" * (MOST_BYTES - 1000))
    token, told = token_of(server), list[str]()

    def send() -> None:
        with Session(server.port, "section=Your+own+image") as visitor:
            visitor.open("images")
            for content in files:
                file = str(uuid.uuid4())
                assert upload(server, visitor.session_id, content, token, file) == 204
                info = UploadedFileInfo(
                    file_id=file, name="../x.png", size=len(content), file_urls=FileURLs(file_id=file)
                )
                state = FileUploaderState(uploaded_file_info=[info])
                visitor.set("file_uploader", file_uploader_state_value=state)
                told.extend(visitor.errors or visitor.alerts[-1:])

    with Session(server.port) as visitor:
        visitor.open("prune")
        calm = events(visitor)
        threads = [threading.Thread(target=send, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        busy = events(visitor)
        for thread in threads:
            thread.join()
    print(f"{sorted({*told})}; median {1000 * np.median(busy):.0f} ms")
    assert len(told) == 4 * len(files) and all(sentence.endswith(".") for sentence in told)
    assert not any("Traceback" in sentence or "Error" in sentence for sentence in told)
    assert np.median(busy) < max(1, 10 * np.median(calm))
