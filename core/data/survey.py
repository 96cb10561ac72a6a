"""The survey of a host's own data set: all files are read once for each state, and the result is cached."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from core.data import files
from core.data.files import UnreadableError
from core.errors import DataError

REMEDY = "see docs/data-sets.md"

SIDES = (28, 32)


@dataclass(frozen=True)
class Limits:
    """What a data set may be.

    Attributes:
        most_side: pixels along a side; None if images must be square and of one of `SIDES`.
        most_classes: how many.
        least_images: training images.
        without_training: whether there may be only a test part.
    """

    most_side: int | None
    most_classes: int
    least_images: int
    without_training: bool


TRAINED = Limits(None, 50, 500, False)
"""For a network that is trained here; with fewer images, none could be held out for validation."""
BROUGHT = Limits(512, 1_000, 1, True)
"""For a network that is brought."""

_VERSION = 1
"""Raise it when a survey of the same files would give another result."""

_MOST = 256  # surveys that this process remembers


@dataclass(frozen=True)
class Survey:
    """The description of a data set.

    Attributes:
        shape: shape of one image, (side, side) or (side, side, 3).
        classes: their names, in the order of the labels.
        images: how many training images.
        digest: of images, labels and class names, all in their order.
        former: the digest that earlier versions gave it; empty if they read other images or labels.
        md5s: the digests that a run stores, by file.
    """

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    images: int
    digest: str
    former: str
    md5s: Mapping[str, str]


_seen = dict[str, "Survey | str"]()  # where the user's cache folder cannot be written


def surveyed(state: str, look: Callable[[], Survey]) -> Survey:
    """The result of `look`, cached for this state of the files.

    Raises:
        DataError: the data set cannot be used (cached too), or a file cannot be read (not cached).
    """
    key = f"survey {_VERSION} {state}"
    result = _seen.get(key) or _parsed(files.once({"": key}, {"": lambda: _as_json(look)})[""])
    if result is None:  # the cached result is damaged
        return look()
    if len(_seen) >= _MOST:
        _seen.clear()
    _seen[key] = result
    if isinstance(result, str):
        raise DataError(result)
    return result


def _as_json(look: Callable[[], Survey]) -> str:
    """A survey, or the problem with the data set, as JSON."""
    try:
        return json.dumps(asdict(look()))
    except UnreadableError:
        raise
    except DataError as error:
        return json.dumps({"problem": str(error)})


def _parsed(text: str) -> Survey | str | None:
    """The inverse; None if it is damaged."""
    try:
        values = json.loads(text)
        if "problem" in values:
            return str(values["problem"])
        return Survey(**{**values, "shape": tuple(values["shape"]), "classes": tuple(values["classes"])})
    except (ValueError, TypeError, KeyError):
        return None


def check_counts(folder: Path, classes: int, images: int, limits: Limits = TRAINED) -> None:
    """Raises DataError unless there are as many classes and training images as a network needs."""
    if not 2 <= classes <= limits.most_classes:
        raise DataError(f"{folder} has {classes:,} classes; there must be 2 to {limits.most_classes:,}.")
    if images < limits.least_images:
        raise DataError(f"{folder} has {images} training images; there must be at least {limits.least_images}.")


def check_shape(folder: Path, shape: tuple[int, ...], limits: Limits = TRAINED) -> None:
    """Raises DataError unless a network can be of images of this shape."""
    if limits.most_side is not None:
        if shape[2:] not in ((), (3,)) or not 1 <= min(shape[:2]) <= max(shape[:2]) <= limits.most_side:
            raise DataError(
                f"The images of {folder} are {by(shape)}; they must be grey or have 3 colours, and at most "
                f"{limits.most_side} pixels along a side."
            )
    elif shape[0] not in SIDES or shape[:2] != (shape[0],) * 2 or shape[2:] not in ((), (3,)):
        raise DataError(
            f"The images of {folder} are {by(shape)}; they must be 28 x 28 or 32 x 32, grey or with 3 colours."
        )


def by(shape: tuple[int, ...]) -> str:
    """A shape in words: `28 x 28`."""
    return " x ".join(map(str, shape))
