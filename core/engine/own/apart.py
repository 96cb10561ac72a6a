"""A file from outside, opened for the first time in a process of its own that is thrown away afterwards.

Whatever the file does to ONNX or ONNX Runtime (a crash, a hang, all memory taken) happens there, within limits.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from core.codec import from_json
from core.engine.own import look
from core.errors import NetworkError, StoreError
from core.own.file import AGAIN, ONNX, kind_of
from core.own.outline import Outline

MOST_BYTES = 500_000_000
"""Of a file."""
_PATIENCE = 55  # seconds: on a busy machine, one of the processor takes longer; a page waits for a minute
_ROOT = Path(__file__).parents[3]


def outlined(path: Path, size: tuple[int, int] | None = None) -> Outline:
    """The outline of an ONNX file.

    Args:
        path: the file.
        size: height and width of the images where the graph leaves them open.

    Raises:
        NetworkError: it cannot be read, or cannot be used; the message says why and what to do.
    """
    if kind(path) != ONNX:
        raise NetworkError("This is a safetensors file; choose the architecture that its arrays belong to.")
    command = [sys.executable, "-m", look.__name__, str(path.absolute()), *map(str, size or ())]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, timeout=_PATIENCE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _too_long() from error
    return _read(done)


def kind(path: Path) -> str:
    """`core.own.file.kind_of` a file of at most `MOST_BYTES`, which is not opened further.

    Raises:
        NetworkError: it cannot be read, is too large, or is of a kind that is not accepted.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise NetworkError(f"{path} is not a file; name an ONNX file.")
        if size > MOST_BYTES:
            most = f"at most {MOST_BYTES / 1e6:,.0f} MB are read. Bring a smaller network."
            raise NetworkError(f"This file has {size / 1e6:,.0f} MB; {most}")
        with path.open("rb") as file:
            return kind_of(file.read(16), size)
    except OSError as error:
        raise NetworkError(f"{path} cannot be read ({error.strerror}); name an ONNX file.") from error


def _read(done: "subprocess.CompletedProcess[bytes]") -> Outline:
    if -done.returncode in {getattr(signal, name, None) for name in ("SIGXCPU", "SIGKILL")}:
        raise _too_long()
    with suppress(ValueError, StoreError):
        found = json.loads(done.stdout)
        if "problem" in found:
            raise NetworkError(found["problem"])
        return from_json(Outline, found["outline"])
    why = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit status {done.returncode}"
    raise NetworkError(f"ONNX Runtime crashed on this file ({why}), and nothing was kept; {AGAIN}.")


def _too_long() -> NetworkError:
    return NetworkError(f"This file takes too long to open; bring a smaller network, or {AGAIN}.")
