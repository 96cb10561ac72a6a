"""The host's own networks: the ONNX and safetensors files in the folder that `PRUNELAB_NETWORK_FILES` names."""

import os
from collections.abc import Mapping
from pathlib import Path

from core.errors import NetworkError

VARIABLE = "PRUNELAB_NETWORK_FILES"
"""The environment variable that names the folder."""

_ENDINGS = (".onnx", ".safetensors")


def names(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The names of the files, in order; none without a folder, or if it cannot be read."""
    folder = environ.get(VARIABLE)
    try:
        entries = [*Path(folder).expanduser().iterdir()] if folder else []
        return sorted(path.name for path in entries if path.suffix.lower() in _ENDINGS and path.is_file())
    except OSError:
        return []


def read(name: str, environ: Mapping[str, str] = os.environ) -> bytes:
    """The content of one of these files.

    Raises:
        NetworkError: there is none of that name, or it cannot be read.
    """
    if name not in names(environ):
        raise NetworkError(f"There is no network {name} on this server; choose another, or reload the page.")
    try:
        return (Path(environ[VARIABLE]).expanduser() / name).read_bytes()
    except OSError as error:
        raise NetworkError(f"{name} cannot be read ({error.strerror}); choose another network.") from error
