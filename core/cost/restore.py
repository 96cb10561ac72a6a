"""Turn a network in the compact encoding back into the file that it was: `python restore.py network.plab`.

Needs `compact.py` beside it, NumPy and constriction. The notes of `network.plab` hold the file's name; the file
with zeros in place of its kernels, as base64 of zlib; and at which byte each kernel begins.
"""

import base64
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def notes_of(name: str, content: bytes, kernels: Mapping[str, Any]) -> dict[str, Any]:
    """The notes for a file with these arrays in it, float32 and as they are stored.

    Where several are alike, their bytes may be found at the same place: what is written back is the same.

    Raises:
        ValueError: an array is not in the file.
    """
    at = {kernel: content.index(values.tobytes()) for kernel, values in kernels.items()}
    rest = bytearray(content)
    for kernel, begin in at.items():
        rest[begin : begin + kernels[kernel].nbytes] = bytes(kernels[kernel].nbytes)
    return {"file": name, "rest": base64.b64encode(zlib.compress(bytes(rest), 9)).decode(), "at": at}


def restored(weights: Mapping[str, Any], notes: Mapping[str, Any]) -> bytes:
    """The file, from what `compact.unpack` returns."""
    content = bytearray(zlib.decompress(base64.b64decode(notes["rest"])))
    for kernel, begin in notes["at"].items():
        content[begin : begin + weights[kernel].nbytes] = weights[kernel].astype("<f4").tobytes()
    return bytes(content)


def main(path: str) -> None:
    """Write the file beside its compact encoding."""
    import compact  # type: ignore[import-not-found]

    weights, notes = compact.unpack(Path(path).read_bytes())
    target = Path(path).with_name(Path(notes["file"]).name)
    target.write_bytes(restored(weights, notes))
    print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
