"""Names on a figure, as they are written: plotly takes text for HTML, and guesses what an axis measures.

On an axis a name stands under its label, which is its place there: what plotly reads as that name, and nothing else.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.answers import MOST_ROWS, SOME_ROWS
from core.figures.base import Spec, plain_axis
from core.words import wording

LONGEST = 28
"""Characters of a name next to an axis; on hover, the whole name is shown."""

WHOLE, MANY = MOST_ROWS, SOME_ROWS
"""A figure shows up to `WHOLE` classes, as many as a network that is trained here may have, and of more `MANY`.

With more than `MANY` names of anything, letters are smaller."""

_SIGNS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_OBJECT = {
    "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf",
    "__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
}  # fmt: skip
"""What every object of JavaScript has: plotly finds categories of these names before there are any."""


def label(name: str) -> str:
    """What plotly shows as `name`; no two names have the same."""
    if name in _OBJECT:
        return f"&#{ord(name[0])};{name[1:]}"
    return wording.isolated(name).translate(_SIGNS).replace("%{", "%&#123;")


def labels(names: Sequence[str]) -> list[str]:
    """Of each name."""
    return [label(name) for name in names]


def largest(scores: Sequence[float] | NDArray[Any]) -> list[int]:
    """The classes that a figure shows, in their order: up to `WHOLE` all, else the `MANY` of the largest scores."""
    return first(scores, len(scores) if len(scores) <= WHOLE else MANY)


def first(scores: Sequence[float] | NDArray[Any], most: int) -> list[int]:
    """The places of at most so many of the largest scores, in their order; of equal ones the first."""
    return sorted(np.argsort(-np.asarray(scores, np.float64), kind="stable")[:most].tolist())


def some_of(classes: int) -> str:
    """`20 of 1,000 classes`: how many of so many a figure shows; empty if all."""
    return f"{MANY} of {wording.count(classes)} classes" if classes > WHOLE else ""


def titled(title: str, classes: int, which: str) -> str:
    """The title of a figure that shows `largest`, which are `which`, of so many classes."""
    return f"{title} ({some_of(classes)}: {which})" if classes > WHOLE else title


def named(labelled: str, names: Sequence[str]) -> str | None:
    """The name that stands under a label; None if none of these does."""
    return next((name for name in names if label(name) == labelled), None)


def categories(places: Sequence[str]) -> Spec:
    """Of an axis: these places in this order, whatever they look like."""
    return {"type": "category", "categoryorder": "array", "categoryarray": [*places]}


def names_axis(names: Sequence[str], title: str = "", *, down: bool = False, **rest: Any) -> Spec:
    """An axis with a place for each name, in this order: from left to right, or from the top `down`."""
    order = names[::-1] if down else names
    places, shown = labels(order), [label(_shortened(name)) for name in order]
    ticks = {"tickvals": places, "ticktext": shown, "showgrid": False}
    small = {"tickfont": {"size": 9}} if len(names) > MANY else {}
    return plain_axis(title, **categories(places) | ticks | small | rest)


def _shortened(name: str) -> str:
    """Its beginning and its end."""
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[1 - half :]}"
