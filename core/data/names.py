"""Names that come from outside, of classes and of data sets: compared, put in order and shown."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from core.errors import DataError, escaped

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def shown(name: str) -> str:
    """A name as one line of text, in normal form C."""
    return unicodedata.normalize("NFC", escaped(name))


def plain(name: str) -> str:
    """In lower case, its letters and digits of any script, with hyphens for all between; `data` if it has none."""
    text = unicodedata.normalize("NFC", name.lower())
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return "-".join(kept.split()) or "data"


def in_order(names: Iterable[str]) -> list[str]:
    """Those that are numbers by their value, then the others as they are written."""
    return sorted(names, key=lambda name: (*_value(name), name))


def _value(name: str) -> tuple[bool, float]:
    return (False, float(name)) if _NUMBER.fullmatch(name) else (True, 0.0)


def distinct(names: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The same names.

    Raises:
        DataError: one is there twice.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{folder} names a class twice, {', '.join(twice)}; give each a name of its own.")
    return tuple(names)
