"""Names of classes and data sets that come from outside: compared, sorted and shown."""

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
    """The name in lower case: letters and digits of any script, hyphens for all else; `data` if it has neither."""
    text = unicodedata.normalize("NFC", name.lower())
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return "-".join(kept.split()) or "data"


def in_order(names: Iterable[str]) -> list[str]:
    """Numbers first, by value, then the other names in alphabetical order."""
    return sorted(names, key=lambda name: (*_value(name), name))


def _value(name: str) -> tuple[bool, float]:
    return (False, float(name)) if _NUMBER.fullmatch(name) else (True, 0.0)


def distinct(names: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The names, checked to be distinct.

    Raises:
        DataError: a name occurs twice.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{folder} names a class twice, {', '.join(twice)}; give each a name of its own.")
    return tuple(names)
