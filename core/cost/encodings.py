"""Encodings of a pruned network's kernels, each with its decoder.

A format writes layers of unsigned integers, which are the bits of float32, float16 or int8 weights, one after the
other. To decode the bytes it needs only the layers' shapes and type, which the architecture gives. A weight is zero if
all of its bits are: -0.0 is not.
"""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from core.cost import compact
from core.cost.compact import Bits, DamagedError

Shape = tuple[int, ...]
Type = type[np.unsignedinteger]
Encode = Callable[[Sequence[Bits]], bytes]
Decode = Callable[[bytes, Sequence[Shape], Type], list[Bits]]


@dataclass(frozen=True)
class Format:
    """An encoder of layers and its decoder."""

    encode: Encode
    decode: Decode


class _Reader:
    """Reads arrays from bytes, from the front."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def take(self, dtype: Any, n: int) -> NDArray[Any]:
        size = n * np.dtype(dtype).itemsize
        if n < 0 or self._at + size > len(self._content):
            raise DamagedError("It ends too early.")
        self._at += size
        return np.frombuffer(self._content, dtype, n, self._at - size)

    def rest(self) -> bytes:
        return self._content[self._at :]

    def skip(self, n: int) -> None:
        self._at += n

    def end(self) -> None:
        if self._at != len(self._content):
            raise DamagedError("It goes on after its end.")


def _layer_by_layer(
    write: Callable[[Bits], Sequence[NDArray[Any]]], read: Callable[[_Reader, Shape, Type], Bits]
) -> Format:
    """A format from functions that write one layer as arrays, and read it again."""

    def encode(layers: Sequence[Bits]) -> bytes:
        return b"".join(array.tobytes() for layer in layers for array in write(layer))

    def decode(content: bytes, shapes: Sequence[Shape], dtype: Type) -> list[Bits]:
        reader = _Reader(content)
        layers = [read(reader, shape, dtype) for shape in shapes]
        reader.end()
        return layers

    return Format(encode, decode)


def _dense() -> Format:
    return _layer_by_layer(
        lambda layer: [layer], lambda reader, shape, dtype: reader.take(dtype, prod(shape)).reshape(shape)
    )


def _halves() -> Format:
    """Weights of 4 bits, which are the lower half of a byte: two a byte, the first one in its upper half."""

    def write(layer: Bits) -> Sequence[NDArray[Any]]:
        flat = np.append(layer.reshape(-1), np.zeros(layer.size % 2, np.uint8)) & 15
        return [flat[::2] << 4 | flat[1::2]]

    def read(reader: _Reader, shape: Shape, dtype: Type) -> Bits:
        held = reader.take(np.uint8, -(-prod(shape) // 2))
        halves = np.stack([held >> 4, held & 15], axis=1).reshape(-1)[: prod(shape)]
        return np.where(halves > 7, halves | 240, halves).reshape(shape)

    return _layer_by_layer(write, read)


def _bitmask() -> Format:
    """One bit per weight, packed into bytes, then the nonzero values."""

    def write(layer: Bits) -> Sequence[NDArray[Any]]:
        flat = layer.reshape(-1)
        return np.packbits(flat != 0), flat[flat != 0]

    def read(reader: _Reader, shape: Shape, dtype: Type) -> Bits:
        size = prod(shape)
        mask = np.unpackbits(reader.take(np.uint8, -(-size // 8)), count=size).astype(np.bool_)
        return _filled(shape, dtype, mask, reader.take(dtype, int(np.count_nonzero(mask))))

    return _layer_by_layer(write, read)


def _csr(columns: Any, pointers: Any) -> Format:
    """Compressed sparse rows, one row per filter or neuron: where each row begins, the columns, the values."""

    def write(layer: Bits) -> Sequence[NDArray[Any]]:
        rows = layer.reshape(layer.shape[0], -1)
        starts = np.concatenate([[0], np.count_nonzero(rows, axis=1).cumsum()])
        if rows.size and rows.shape[1] - 1 > np.iinfo(columns).max:
            raise ValueError(f"A layer has {rows.shape[1]:,} columns, too many for {np.dtype(columns)}.")
        return starts.astype(pointers), np.nonzero(rows)[1].astype(columns), rows[rows != 0]

    def read(reader: _Reader, shape: Shape, dtype: Type) -> Bits:
        height, width = shape[0], prod(shape[1:])
        starts = reader.take(pointers, height + 1).astype(np.int64)
        counts = np.diff(starts)
        if starts[0] != 0 or (counts < 0).any() or (counts > width).any():
            raise DamagedError("The rows do not begin one after the other.")
        places = reader.take(columns, int(starts[-1])).astype(np.int64)
        _check_places(places, width)
        flat = np.repeat(np.arange(height), counts) * width + places
        return _filled(shape, dtype, flat, reader.take(dtype, len(places)))

    return _layer_by_layer(write, read)


def _coo() -> Format:
    """Coordinates as in torch: the number of values, an int64 for each dimension of each value, the values."""

    def write(layer: Bits) -> Sequence[NDArray[Any]]:
        places = np.array(np.nonzero(layer), np.int64)
        return np.array([places.shape[1]], np.int64), places, layer[layer != 0]

    def read(reader: _Reader, shape: Shape, dtype: Type) -> Bits:
        n = int(reader.take(np.int64, 1)[0])
        places = reader.take(np.int64, len(shape) * n if 0 <= n <= prod(shape) else -1).reshape(len(shape), -1)
        for row, side in zip(places, shape, strict=True):
            _check_places(row, side)
        at = np.ravel_multi_index(tuple(places), shape) if n else np.empty(0, np.int64)
        return _filled(shape, dtype, at, reader.take(dtype, n))

    return _layer_by_layer(write, read)


def _gaps() -> Format:
    """The number of values (uint32), the zeros before each as a varint (seven bits per byte), the values."""

    def write(layer: Bits) -> Sequence[NDArray[Any]]:
        flat = layer.reshape(-1)
        places = np.flatnonzero(flat)
        gaps = np.diff(places, prepend=-1) - 1
        return np.array([places.size], np.uint32), _varints(gaps), flat[places]

    def read(reader: _Reader, shape: Shape, dtype: Type) -> Bits:
        n = int(reader.take(np.uint32, 1)[0])
        if n > prod(shape):
            raise DamagedError("There are more values than weights.")
        gaps, used = _from_varints(reader.rest(), n)
        reader.skip(used)
        places = np.cumsum(gaps + 1) - 1
        _check_places(places, prod(shape))
        return _filled(shape, dtype, places, reader.take(dtype, n))

    return _layer_by_layer(write, read)


def _varints(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Encode numbers below 2**35: seven bits per byte, lowest first, the highest bit set if more follow."""
    digits = numbers[:, None] >> np.array([0, 7, 14, 21, 28]) & 127
    lengths = 1 + (numbers[:, None] >= np.array([1 << 7, 1 << 14, 1 << 21, 1 << 28])).sum(axis=1)
    used = np.arange(5) < lengths[:, None]
    more = np.arange(5) < lengths[:, None] - 1
    return np.asarray((digits | more << 7)[used].astype(np.uint8))


def _from_varints(content: bytes, n: int) -> tuple[NDArray[np.int64], int]:
    """The first n numbers, and the number of bytes that they take."""
    data = np.frombuffer(content, np.uint8, min(5 * n, len(content)))
    ends = np.flatnonzero(data < 128)[:n]
    if len(ends) < n:
        raise DamagedError("It ends too early.")
    if not n:
        return np.empty(0, np.int64), 0
    data, starts = data[: ends[-1] + 1], np.concatenate([[0], ends[:-1] + 1])
    within = np.arange(data.size) - np.repeat(starts, np.diff(np.append(starts, data.size)))
    if within.max() > 4:
        raise DamagedError("A number has more than five bytes.")
    return np.add.reduceat((data & 127).astype(np.int64) << 7 * within, starts), data.size


def _filled(shape: Shape, dtype: Type, places: NDArray[Any], values: NDArray[Any]) -> Bits:
    """Zeros except for values at some places (a mask, or ascending flat indices)."""
    if places.dtype != np.bool_ and (np.diff(places) < 1).any():
        raise DamagedError("The places do not ascend.")
    flat = np.zeros(prod(shape), dtype)
    flat[places] = values
    return flat.reshape(shape)


def _check_places(places: NDArray[np.int64], below: int) -> None:
    if places.size and not (places.min() >= 0 and places.max() < below):
        raise DamagedError("A place lies outside its layer.")


ENCODINGS: dict[str, Format] = {
    "dense": _dense(),
    "bitmask": _bitmask(),
    "csr64": _csr(np.int64, np.int64),
    "csr32": _csr(np.int32, np.int32),
    "csr16": _csr(np.uint16, np.int32),
    "coo": _coo(),
    "gaps": _gaps(),
    "compact": Format(
        compact.encode, lambda content, shapes, dtype: compact.decode(content, shapes, [dtype] * len(shapes))
    ),
}
"""Every encoding by name."""

_HALVES = _halves()


def encoding(name: str, type: str) -> Format:
    """How weights of a type are encoded. Those of int4 are bytes from 249 to 7, of which "dense" puts two in one."""
    return _HALVES if (name, type) == ("dense", "int4") else ENCODINGS[name]


GZIP_LEVEL, ZSTD_LEVEL = 9, 19
"""The highest level of gzip, and the highest of zstd that needs no extra memory to decompress."""

CODERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes, int], bytes]]] = {
    "none": (lambda content: content, lambda content, most: content),
    "gzip": (
        lambda content: gzip.compress(content, GZIP_LEVEL, mtime=0),
        lambda content, most: gzip.decompress(content),
    ),
    "zstd": (
        lambda content: zstandard.compress(content, ZSTD_LEVEL),
        lambda content, most: zstandard.ZstdDecompressor().decompress(content, max_output_size=most),
    ),
}
"""General compressors for a format's bytes: compress, and decompress to at most so many bytes."""


WIDTHS = {"int8": 8, "int4": 4}
"""Bits of a weight of the types that are whole numbers."""


def quantised(kernel: NDArray[np.float32], bits: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights as integers of so many bits, with a scale for each output channel: w is about integer * scale.

    The integers are symmetric, up to 127 of 8 bits and 7 of 4. The scale is the channel's largest |w| over that;
    rounding is to the nearest even; zeros stay zeros.
    """
    rows, most = kernel.reshape(kernel.shape[0], -1), 2 ** (bits - 1) - 1
    scales = (np.abs(rows).max(axis=1, initial=0) / np.float32(most)).astype(np.float32)
    whole = np.rint(rows / np.where(scales > 0, scales, np.float32(1))[:, None])
    return np.clip(whole, -most, most).astype(np.int8).reshape(kernel.shape), scales


def rounded(kernel: NDArray[np.float32], to: str) -> NDArray[np.float32]:
    """A kernel rounded to float16, int8 or int4, as float32 again."""
    if to == "float16":
        return kernel.astype(np.float16).astype(np.float32)
    return restored(*quantised(kernel, WIDTHS[to]))


def restored(whole: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """The float32 weights that integers and their scales represent."""
    return np.asarray(whole * scales.reshape(-1, *[1] * (whole.ndim - 1)), np.float32)
