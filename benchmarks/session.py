"""A visitor without a browser: a real websocket session with a running app, as the framework's own client keeps it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

from tests.patience import PATIENCE, until

ROOT = Path(__file__).parent.parent

EXACT = "typed sparsity 0"
"""The key of the exact field, where no slider was moved."""


@contextmanager
def serving(script: str, environment: Mapping[str, str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run `streamlit run script` on a free port; yields the port and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        script,
        "--server.address",
        "127.0.0.1",
        "--server.port",
        str(port),
    ]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/_stcore/health"
        until(lambda: answers(url), f"{url} does not answer.")
        yield port, process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def answers(url: str) -> bool:
    """Whether somebody serves there."""
    try:
        urllib.request.urlopen(url, timeout=PATIENCE).close()
    except OSError:
        return False
    return True


class Session:
    """One visitor.

    Attributes:
        widgets: each widget's id by its key, or its kind if it has none; a button's by its label too.
        received: the bytes of the last answer.
        errors, alerts: the exceptions and the sentences in boxes that it showed.
        session_id: what the server calls the session.
        fragment: the part of the page that looks again by itself, if it has one.
    """

    def __init__(self, port: int, query: str = "", cookie: str = "") -> None:
        self._connection = ExitStack()
        url = f"ws://127.0.0.1:{port}/_stcore/stream"
        how = {"subprotocols": ["streamlit"], "max_size": None, "open_timeout": PATIENCE, "ping_timeout": PATIENCE}
        headers = {"Cookie": cookie} if cookie else None
        connected = connect(url, additional_headers=headers, **how)  # type: ignore[arg-type]
        self._socket = self._connection.enter_context(connected)
        self._query, self._page = query, ""
        self._states: dict[str, WidgetState] = {}
        self.received, self.session_id, self.fragment = 0, "", ""
        self.widgets: dict[str, str] = {}
        self.errors: list[str] = []
        self.alerts: list[str] = []

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, page: str = "") -> float:
        """Open a page by name and wait until its script has run."""
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_name = page
        return self._exchange(message)

    def set(self, key: str, **value: Any) -> float:
        """Change one widget, by its key, and wait until the script has run."""
        self._states[key] = WidgetState(id=self.widgets[key], **value)
        return self._exchange(self._again())

    def send(self, key: str, event: str, value: object) -> float:
        """Send what a component sends once, by its key, and wait until the script has run."""
        message = self._again()
        sent = json.dumps([{"event": event, "value": value}])
        identity = _make_trigger_id(self.widgets[key], "events")
        message.rerun_script.widget_states.widgets.add(id=identity, json_trigger_value=sent)
        return self._exchange(message)

    def press(self, label: str) -> float:
        """Press a button, by its label, and wait until the script has run."""
        message = self._again()
        message.rerun_script.widget_states.widgets.add(id=self.widgets[label], trigger_value=True)
        return self._exchange(message)

    def look_again(self) -> float:
        """Run the part of the page that looks again by itself, as the browser does from time to time."""
        message = self._again()
        message.rerun_script.fragment_id = self.fragment
        message.rerun_script.is_auto_rerun = True
        return self._exchange(message)

    def _again(self) -> BackMsg:
        """The message that runs the page again, with the state of its widgets."""
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.widget_states.widgets.extend(self._states.values())
        return message

    def _exchange(self, message: BackMsg) -> float:
        start = time.perf_counter()
        self._socket.send(message.SerializeToString())
        self.received, self.errors, self.alerts = 0, [], []
        while True:
            raw = self._socket.recv(timeout=PATIENCE)
            self.received += len(raw)
            answer = ForwardMsg()
            answer.ParseFromString(raw)
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                self.session_id = answer.new_session.initialize.session_id
            elif kind == "navigation":
                self._page = answer.navigation.page_script_hash
            elif kind == "page_info_changed":
                self._query = answer.page_info_changed.query_string
            elif kind == "auto_rerun":
                self.fragment = answer.auto_rerun.fragment_id
            elif kind == "delta":
                self._note(answer)
            elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return time.perf_counter() - start

    def _note(self, answer: ForwardMsg) -> None:
        element = answer.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert":
            self.alerts.append(element.alert.body)
        identity = getattr(getattr(element, kind), "id", "") if kind else ""
        if kind == "button":
            self.widgets[element.button.label] = identity
        if kind and identity:
            key = identity.rsplit("-", 1)[-1]
            self.widgets[kind if key == "None" else key] = identity
