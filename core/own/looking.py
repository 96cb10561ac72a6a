"""A look at a visitor's file, as a job whose result is not stored."""

from dataclasses import dataclass

from core.job import Job
from core.own.outline import Outline


@dataclass(frozen=True, kw_only=True)
class Looking(Job[Outline]):
    """What a file holds: ONNX, or safetensors of an architecture of torchvision.

    `upload` is the SHA-256 of the file; `size` is height and width where the graph leaves them open.
    """

    kind = "look"
    noun = "look at this network"
    kept = None

    upload: str
    architecture: str | None = None
    size: tuple[int, int] | None = None

    @property
    def key(self) -> str:
        """Digits of the file's SHA-256, the architecture and the size."""
        parts = (self.upload[:12], self.architecture, "x".join(map(str, self.size)) if self.size else None)
        return "-".join(part for part in parts if part)

    @property
    def subject(self) -> str:
        """No run."""
        return ""
