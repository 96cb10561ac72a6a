"""How the pictures of a data set are read by a visitor's network, as a job; it comes before anything is evaluated."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from core.job import Job
from core.own.found import Found


@dataclass(frozen=True)
class Shown:
    """A picture as it is and as the network sees it, as URLs of PNG files, and the name of its class."""

    whole: str
    seen: str
    label: str


@dataclass(frozen=True)
class Prepared:
    """A data set, and how a network reads it.

    Attributes:
        found: the readings that were tried.
        data: the id of the data set.
        classes: their names.
        test: pictures that are reported on.
        before: pictures that are looked at before.
        aside: how many of those were set aside of the test pictures.
        shown: for each `Reading.fit` that was tried, some pictures.
    """

    found: Found
    data: str
    classes: tuple[str, ...]
    test: int
    before: int
    aside: int
    shown: dict[str, tuple[Shown, ...]]


@dataclass(frozen=True, kw_only=True)
class Finding(Job[Prepared]):
    """Find how a network reads the pictures of a data set.

    Attributes:
        upload: SHA-256 of the network, which was uploaded.
        architecture: of torchvision, for safetensors.
        place: a data set of this server, as `core.data.pools.offered` names it; of a zip, its name without the ending.
        pictures: SHA-256 of a zip that was uploaded; None for a data set of this server.
        size: height and width where the graph leaves them open.
    """

    kind = "find"
    noun = "look at the pictures"
    unit = "reading"
    kept = "uploads/{job.upload}.{key}.json"

    upload: str
    architecture: str | None = None
    place: str = "fashion-mnist"
    pictures: str | None = None
    size: tuple[int, int] | None = None

    @cached_property
    def key(self) -> str:
        """Twelve hexadecimal digits of all of that."""
        asked = repr((self.upload, self.architecture, self.place, self.pictures, self.size))
        return hashlib.sha256(asked.encode()).hexdigest()[:12]

    @property
    def subject(self) -> str:
        """No run."""
        return ""
