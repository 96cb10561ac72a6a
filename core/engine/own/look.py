"""Look at a file from outside, in a process that is thrown away: `python -m core.engine.own.look FILE HEIGHT WIDTH`.

`core.engine.own.apart` starts it. It prints JSON: an outline, or the problem in a sentence.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

from core.codec import to_json
from core.errors import NetworkError

MEMORY = 8_000_000_000
"""Bytes of addresses, most of which the libraries take; the file may take eight times its size besides."""
SECONDS = 30
"""Of the processor."""
_FILES = 64
_UNSEEN = ((224, 224), (32, 32), (64, 64), (128, 128))
"""Heights and widths to try where the graph leaves them open."""


def limit(size: int) -> None:
    """Bound what this process may use, for a file of so many bytes; nothing may be written."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in (
        (resource.RLIMIT_AS, MEMORY + 8 * size),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):  # macOS does not bound addresses
            resource.setrlimit(what, (bound, bound))


def look(content: bytes, size: tuple[int, int] | None) -> dict[str, object]:
    """The outline of an ONNX file, which was run once, as JSON.

    Raises:
        NetworkError: it cannot be used.
    """
    from core.engine.own.graph import parsed
    from core.engine.own.trial import outline

    return to_json(outline(parsed(content), len(content), [size] if size else [*_UNSEEN]))


def main(path: str, height: str = "", width: str = "") -> None:
    """Print the outline or the problem."""
    content, found = Path(path).read_bytes(), dict[str, object]()
    try:
        found = {"outline": look(content, (int(height), int(width)) if height and width else None)}
    except NetworkError as error:
        found = {"problem": str(error)}
    except MemoryError:
        found = {"problem": "This graph asks for more memory than is given to it; bring a smaller network."}
    print(json.dumps(found))


if __name__ == "__main__":
    limit(Path(sys.argv[1]).stat().st_size)
    main(*sys.argv[1:])
