"""`run.json`: the description of a run, and of what its other files must contain."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from core.codec import from_json as read
from core.codec import to_json as written
from core.config import FORMAT, RunConfig
from core.errors import ConfigError, StoreError
from core.own.brought import Brought
from core.own.outline import Outline
from core.progress import Epoch
from core.run import Run
from core.store.arrays import DamageError
from core.store.places import MANIFEST, Place

WEIGHTS, LABELS = "weights.safetensors", "labels.safetensors"

_PART = re.compile(r"(/[0-9a-f]{8})?")
_NOT_OF_RUN = {"format", "id", "part", "digests", "shapes"}
_OF_BROUGHT = ("outline", "chunk", "answered")


@dataclass(frozen=True, eq=False)
class Entry:
    """A run, the location of its files, and what they must contain: digest by file name, shape by weight name."""

    run: Run
    place: Place
    base: str
    digests: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]


def to_json(run: Run, part: str, digests: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """The content of `run.json`."""
    files = {"part": part, "digests": digests, "shapes": list(shapes.items())}
    values = {"format": FORMAT, "id": run.id, **asdict(run), **files}
    for name in ("reference", *(_OF_BROUGHT if run.outline is None else ())):
        del values[name]
    if run.outline is not None:
        values["outline"] = written(run.outline)
    return (json.dumps(values, indent=1) + "\n").encode()


def from_json(path: Path, run_id: str, place: Place, *, reference: bool) -> Entry:
    """Parse and check `run.json`.

    Raises:
        DamageError: it is not JSON, has another format, or describes another run than its folder's name.
        StoreError: it cannot be opened.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        if values["format"] != FORMAT:
            raise DamageError(f"It is of format {values['format']}; this version of PruneLab reads format {FORMAT}.")
        config = values["config"]
        values["config"] = (Brought if "reading" in config else RunConfig).from_dict(config)
        if "outline" in values:
            values["outline"] = read(Outline, values["outline"])
        values["classes"], values["shape"] = (tuple(values[name]) for name in ("classes", "shape"))
        values["history"] = tuple(Epoch(**epoch) for epoch in values["history"])
        digests = {name: str(values["digests"][name]) for name in (WEIGHTS, LABELS)}
        shapes = {str(name): tuple(map(int, shape)) for name, shape in values["shapes"]}
        run = Run(**{k: v for k, v in values.items() if k not in _NOT_OF_RUN}, reference=reference)
        part = values.get("part", "")
        if not _PART.fullmatch(part):
            raise ValueError("its part is not digits")
        _check_types(run)
    except OSError as error:
        raise StoreError(f"{MANIFEST} cannot be read ({error.strerror}); try again.") from error
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError, ConfigError) as error:
        raise DamageError(f"{MANIFEST} is not the description of a run ({error}).") from error
    if run.id != run_id or values["id"] != run.id:
        raise DamageError(f"Its configuration is that of run {run.id}.")
    return Entry(run, place, f"{run_id}{part}", digests, shapes)


def check_sizes(entry: Entry) -> None:
    """Raises DamageError if a weight file is missing or truncated, without reading it."""
    sizes = {name: entry.place.size(f"{entry.base}/{name}") for name in (WEIGHTS, LABELS)}
    for name, size in sizes.items():
        if size is None:
            raise DamageError(f"{name} is missing.")
    if sizes[WEIGHTS] != entry.run.bytes:
        raise DamageError(f"{WEIGHTS} has {sizes[WEIGHTS]:,} bytes, not {entry.run.bytes:,}.")


def _check_types(run: Run) -> None:
    numbers: list[object] = [run.seconds, *(value for epoch in run.history for value in vars(epoch).values())]
    if not all(isinstance(value, int | float) for value in numbers):
        raise TypeError("a time or a figure of the history is not a number")
    if not all(isinstance(value, int) and value > 0 for value in (run.images, run.weights, run.bytes)):
        raise TypeError("a count is not a positive number")
    if not all(isinstance(name, str) for name in run.classes) or len(run.classes) < 2:
        raise TypeError("its classes are not names")
    if not all(isinstance(side, int) for side in run.shape) or len(run.shape) not in (2, 3):
        raise TypeError("its images have no shape")
    if not (isinstance(run.answered, int) and 0 <= run.right <= (run.answered or run.images) <= run.images):
        raise ValueError(f"{run.right} of {run.answered or run.images} images cannot be right")
    if (run.brought is None) != (run.outline is None) or not (isinstance(run.chunk, int) and run.chunk >= 0):
        raise ValueError("what is known of its graph is missing")
    if not all(isinstance(table, dict) for table in (run.versions, run.machine, run.data_md5)):
        raise TypeError("versions, machine and data_md5 are tables")
    datetime.fromisoformat(run.created)
