"""What the first bytes of a file say, before anything opens it.

A pickle runs any code as it is opened, so files that may hold one are refused by these bytes alone.
"""

from core.errors import NetworkError

ONNX, SAFETENSORS = "onnx", "safetensors"

EXPORT = 'torch.onnx.export(network.float().eval(), images, "network.onnx", dynamo=False, external_data=False)'
"""The call that makes a file that is accepted, as a refusal quotes it."""

AGAIN = f"export it again with {EXPORT}"
"""What to do, as the end of a sentence."""

_PICKLED = "may hold pickled code, which runs when it is opened (.pt, .pth and .pt2 files do)"

_LEADING: tuple[tuple[bytes, str], ...] = (
    (b"PK", _PICKLED),
    (b"\x80", _PICKLED),
    (b"\x1f\x8b", "is compressed by gzip; unpack it first"),
    (b"\x89HDF", "is an HDF5 file, as Keras writes it; convert it to ONNX with tf2onnx"),
    (b"\x89PNG", "is a picture"),
    (b"\xff\xd8\xff", "is a picture"),
    (b"%PDF", "is a PDF file"),
)

_TFLITE = b"TFL3"
_LONGEST_HEAD = 100_000_000  # bytes, as in safetensors itself
_OLD_PICKLES = (b"(d", b"(l", b"(i", b"(t", b"c", b"}q", b"]q")
_TAGS = b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca\xd2"
"""The first bytes that the fields of ONNX's ModelProto can begin with."""


def kind_of(start: bytes, size: int) -> str:
    """`ONNX` or `SAFETENSORS`, by the first 16 bytes of a file of so many bytes, whatever its name.

    Raises:
        NetworkError: it is empty, or of a kind that is not accepted.
    """
    if not size:
        raise NetworkError(f"This file is empty; {AGAIN}.")
    head = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{":
        if head > min(size - 8, _LONGEST_HEAD):
            raise NetworkError(
                f"This safetensors file says that its head has {head:,} bytes, and has {size:,} in all; "
                "it is damaged or cut off: copy it again."
            )
        return SAFETENSORS
    for leading, what in _LEADING:
        if start.startswith(leading):
            raise _refused(what)
    if start[4:8] == _TFLITE:
        raise _refused("is a TensorFlow Lite file; convert it to ONNX with tf2onnx")
    if start.startswith(_OLD_PICKLES):
        raise _refused(_PICKLED)
    if start.lstrip().startswith((b"<", b"{", b"version https://")):
        raise _refused("is text, perhaps a web page or a pointer of Git LFS in place of the file; download it again")
    if start[0] not in _TAGS:
        raise _refused("is not an ONNX file")
    return ONNX


def _refused(what: str) -> NetworkError:
    return NetworkError(
        f"This file {what}. Bring an ONNX file: {AGAIN}; or safetensors of an architecture of torchvision."
    )
