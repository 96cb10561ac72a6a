"""Figures that have a part for each layer: which layers they show, under which names, in which rows and columns."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from core.figures.base import layer_title
from core.figures.labels import LONGEST, first, label

MANY = 24
"""Small multiples show no more layers than this; others are drawn more closely if there are more."""

_HEADS = (1 / 2, 1 / 4, 3 / 4, 0.0)
"""How much of a name that is shortened is its beginning: tried in this order until no two names look alike."""


def largest(sizes: Sequence[int] | NDArray[Any]) -> list[int]:
    """The layers that small multiples show, in their order: all, or the `MANY` with most weights.

    Args:
        sizes: (L,) weights of each layer.
    """
    return first(sizes, MANY)


def titled(title: str, shown: int, of: int | None) -> str:
    """The title of a figure that shows so many `of` the network's layers; None if these are all."""
    return f"{title} ({shown} of {of:,} layers, those with most weights)" if of and of > shown else title


def titles(names: Sequence[str]) -> list[str]:
    """The layers' names as shown (`layer_title`), or more of the name where two would be the same."""
    shown = [layer_title(name) for name in names]
    for more in ((name.removesuffix(".weight") or name for name in names), names):
        times = Counter(shown)
        shown = [full if times[title] > 1 else title for title, full in zip(shown, more, strict=True)]
    return shown if len(set(shown)) == len(set(names)) else [*names]


def shortened(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Each name in at most `longest` characters, without its middle if it has more; no two are the same.

    What ONNX repeats in a name goes first: `/layer1/layer1.0/conv1/Conv` becomes `/layer1.0/conv1/Conv`. If names look
    alike wherever they are cut, their words are cut to three letters, and at last they end in their place in `names`.
    """
    ways = [_ways(name, f"…({i})", longest) for i, name in enumerate(names, 1)]
    level = [0] * len(names)
    for _ in range(max(map(len, ways), default=0)):
        shown = [way[at] for way, at in zip(ways, level, strict=True)]
        times = Counter(shown)
        level = [min(at + (times[s] > 1), len(way) - 1) for at, way, s in zip(level, ways, shown, strict=True)]
    shown = [way[at] for way, at in zip(ways, level, strict=True)]
    times = Counter(shown)
    return [s if times[s] == 1 else name for s, name in zip(shown, names, strict=True)]


def labelled(names: Sequence[str], longest: int = LONGEST) -> list[tuple[str, str]]:
    """Of each layer what plotly shows as its name in at most `longest` characters, and as its whole name."""
    whole = titles(names)
    return [(label(short), label(full)) for short, full in zip(shortened(whole, longest), whole, strict=True)]


def _ways(name: str, number: str, longest: int) -> list[str]:
    """A name as it is if it is short; else ways to shorten it, the best first, and last the one with its number."""
    if len(name) <= longest:
        return [name]
    lean = _lean(name)
    words = re.sub(r"([^\W\d_]{3})[^\W\d_]+", r"\1", lean)
    cuts = [_cut(text, round(share * (longest - 1)), longest) for text in (lean, words) for share in _HEADS]
    return [*dict.fromkeys(cuts), f"{lean[: longest - len(number)]}{number}"]


def _cut(name: str, head: int, longest: int) -> str:
    """Its first `head` characters and as many of its last as fit."""
    return name if len(name) <= longest else f"{name[:head]}…{name[len(name) - longest + head + 1 :]}"


def _lean(name: str) -> str:
    """Without each part of a path that the next part begins with, as in `/layer1/layer1.0`."""
    parts = name.split("/")
    kept = [part for part, after in pairwise(parts) if not part or not after.startswith(f"{part}.")]
    return "/".join([*kept, parts[-1]])


def on_hover(full: str) -> dict[str, Any]:
    """Attributes of a trace that names its layer in `<extra>`, of which plotly shows 15 characters by default."""
    return {"hoverlabel": {"namelength": -1}} if len(full) > 15 else {}


WIDE, NARROW = 6, 2
"""Columns of small multiples on a wide and on a narrow screen, at most."""
_TITLE = 80
"""Pixels between two rows of them, for the upper one's ticks and the lower one's title of up to three lines."""


def cells(layers: int, columns: int) -> tuple[int, list[tuple[list[float], list[float]]]]:
    """The figure's height in pixels, and for each layer the horizontal and the vertical domain of its panel."""
    rows = math.ceil(layers / columns)
    columns = math.ceil(layers / rows)
    height = _TITLE + (120 + _TITLE) * rows
    across, down = _spans(min(columns, layers), 0.2 / columns), _spans(rows, _TITLE / height)[::-1]
    return height, [(across[j % columns], down[j // columns]) for j in range(layers)]


def _spans(parts: int, gap: float) -> list[list[float]]:
    """`parts` equal spans of 0 to 1 with gaps between them."""
    length = (1 - gap * (parts - 1)) / parts
    return [[round(i * (length + gap), 4), round(i * (length + gap) + length, 4)] for i in range(parts)]
