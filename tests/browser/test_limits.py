"""What one visitor may take from the others: floods, uploads and a full house, through the real server."""

import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from benchmarks.session import Session
from core.picture import MOST_BYTES
from pages.ui import guard
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


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
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")


def test_a_full_house_says_so_and_lets_the_next_in_when_one_leaves(small: Server) -> None:
    with ExitStack() as leaving:
        here = [leaving.enter_context(Session(small.port)) for _ in range(3)]
        assert all(visitor.open("prune") and not visitor.errors for visitor in here)
        status, said = ask(small)
        assert status == 503 and said.startswith("PruneLab is full: 3 visitors are here")
        with pytest.raises(InvalidStatus, match="403"):
            Session(small.port)
        assert ask(small, "_stcore/health", accept="*/*")[0] == 200  # whoever is here is served
        assert here[0].open("") and not here[0].errors
        here[1].close()
        time.sleep(1)
        assert ask(small)[0] == 200
        with Session(small.port) as late:
            assert late.open("prune") and not late.errors


def events(visitor: Session, n: int = 20) -> list[float]:
    """Seconds that it takes to move the exact field."""
    found = []
    for number in range(n):
        found.append(visitor.set("typed sparsity", string_value=("10", "50", "90")[number % 3]))
        assert not visitor.errors
        time.sleep(0.1)
    return found


def flood(port: int, stop: threading.Event, sent: list[int]) -> None:
    """Send what a page sends, as fast as the server takes it, and never read."""
    message = BackMsg()
    message.rerun_script.page_name = "prune"
    content = message.SerializeToString()
    with connect(f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        try:
            while not stop.is_set():
                socket.send(content)
                sent.append(1)
        except ConnectionClosed:
            pass


def test_a_flood_of_messages_costs_the_others_little(server: Server) -> None:
    """Five sockets send without a pause: each is read at its rate, and a visitor still gets answers."""
    assert server.process is not None
    process, stop, sent = psutil.Process(server.process.pid), threading.Event(), list[int]()
    with Session(server.port) as visitor:
        visitor.open("prune")
        events(visitor)
        calm, before = events(visitor), process.memory_info().rss
        threads = [threading.Thread(target=flood, args=(server.port, stop, sent), daemon=True) for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(6)  # the bursts are over
        busy = events(visitor)
        grown = process.memory_info().rss - before
        stop.set()
    ratio = float(np.median(busy) / np.median(calm))
    print(f"{len(sent)} messages; median {1000 * np.median(busy):.0f} ms, {ratio:.1f} times; {grown / 1e6:.0f} MB more")
    assert np.median(busy) < 1 and grown < 150e6
    for thread in threads:
        thread.join(30)
    assert ask(server, "_stcore/health")[0] == 200


def test_a_message_larger_than_any_of_ours_ends_its_websocket(server: Server) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        socket.send(b"\0" * (guard.LARGEST + 1))
        with pytest.raises(ConnectionClosed) as told:
            while True:
                socket.recv(timeout=20)
    assert told.value.rcvd is not None and told.value.rcvd.code == 1009
    with Session(server.port) as visitor:
        assert visitor.open("prune") and not visitor.errors


def upload(server: Server, session: str, content: bytes, token: str) -> int:
    """Put a file where the page's uploader would."""
    edge = uuid.uuid4().hex
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="../../x<b>.png"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
    request = urllib.request.Request(
        f"{server.url}/_stcore/upload_file/{session}/{uuid.uuid4()}",
        data=body,
        method="PUT",
        headers={
            "content-type": f"multipart/form-data; boundary={edge}",
            "x-xsrftoken": token,
            "cookie": f"_streamlit_xsrf={token}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def token_of(server: Server) -> str:
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=10) as answer:
        cookies = answer.headers.get_all("set-cookie") or []
    [cookie] = [cookie for cookie in cookies if cookie.startswith("_streamlit_xsrf=")]
    return str(cookie.partition("=")[2].partition(";")[0])


def test_uploads_are_bounded_and_cost_the_others_little(server: Server, shelved: tuple[Path, object, object]) -> None:
    """Eight visitors put twenty files each at once: some whole, some broken, some too large."""
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
        visitor, *sending = [leaving.enter_context(Session(server.port)) for _ in range(9)]
        visitor.open("prune")
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
        assert upload(server, sending[0].session_id, files[0], "2|forged|token|1") == 403
        assert upload(server, "no-session", files[0], token) == 400
    print(f"statuses {dict(statuses)}; median {1000 * np.median(busy):.0f} ms; {held / 1e6:.0f} MB held")
    assert {*statuses} == {204, 413, 429} and statuses[204] == 8 * guard.UPLOADS
    assert np.median(busy) < 1 and held < guard.ROOM
    assert {path: path.stat().st_size for path in shelved[0].rglob("*") if path.is_file()} == before
