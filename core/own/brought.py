"""What determines a run of a network that was brought."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from core.codec import from_json
from core.config import FORMAT
from core.errors import ConfigError, StoreError
from core.own.reading import Reading

GRAPH, ARRAYS, PICTURES = "network.onnx", "network.safetensors", "pictures.zip"
"""The files of a run: its graph; the arrays that were brought, if it was not a graph; uploaded pictures."""


@dataclass(frozen=True, kw_only=True)
class Brought:
    """A network from a file, its data set, and how its pictures are read.

    Attributes:
        name: of the file, as the visitor called it.
        file: SHA-256 of the file, in hexadecimal digits.
        data: the id of the data set, which names its content.
        reading: how a picture becomes the network's input.
        architecture: of torchvision, for safetensors; None for ONNX.
    """

    name: str
    file: str
    data: str
    reading: Reading
    architecture: str | None = None

    @cached_property
    def run_id(self) -> str:
        """Twelve hexadecimal digits, as `RunConfig.run_id`."""
        text = json.dumps({"format": FORMAT, "brought": asdict(self)}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Brought":
        """The inverse of `to_dict`; raises ConfigError."""
        try:
            return from_json(cls, dict(values))
        except StoreError as error:
            raise ConfigError(f"This is not the description of a network that was brought: {error}") from error
