"""What is kept in a run store about a network, in an envelope that names the weights it was computed from.

A run may be deleted and trained again, on another processor to other bits. What was computed from other weights than
the network has now is as good as missing, and computed again.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from core.errors import StoreError
from core.store.runs import RunStore, confirmed

_T = TypeVar("_T")


def keep(runs: RunStore, name: str, values: Mapping[str, Any], present: str | None, of: str | None = None) -> None:
    """Store an answer, whole or not at all.

    Args:
        runs: where.
        name: of the file.
        values: the answer, as JSON holds it.
        present: the digest of the weights that the network has now; None if it is not here.
        of: of those that the answer was computed from; the present ones if it is not said.

    Raises:
        StoreError: the two differ, the place cannot be written, or the disk is full.
    """
    content = json.dumps({**values, "weights": confirmed(of, present)}, separators=(",", ":"))
    runs.keep(name, f"{content}\n".encode())


def opened(parse: Callable[[Mapping[str, Any]], _T], content: bytes | None, present: str | None) -> _T | None:
    """The answer in a file; None if there is none, it is damaged, or it is of other weights than `present`.

    Where the network is not here, nothing contradicts the answer.
    """
    try:
        values = json.loads(content or b"null")
        return parse(values) if present in (None, values.get("weights")) else None
    except (ValueError, KeyError, TypeError, AttributeError, StoreError):
        return None
