"""A look at a visitor's file, as a job whose result is not stored."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from core.job import Job
from core.own.outline import Outline


@dataclass(frozen=True, kw_only=True)
class Looking(Job[Outline]):
    """What a file holds: ONNX, or safetensors of an architecture of torchvision.

    `content` is the file, which exists only as long as the worker looks at it.
    """

    kind = "look"
    noun = "look at this network"
    kept = None

    content: bytes = field(repr=False)
    architecture: str | None = None

    @cached_property
    def key(self) -> str:
        """Twelve hexadecimal digits of the file's SHA-256, and the architecture."""
        digest = hashlib.sha256(self.content).hexdigest()[:12]
        return f"{digest}-{self.architecture}" if self.architecture else digest

    @property
    def subject(self) -> str:
        """No run."""
        return ""
