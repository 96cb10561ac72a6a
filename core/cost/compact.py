"""The compact encoding, the smallest lossless one here. This file is encoder and decoder, and needs no other of ours.

A layer's weights are told apart into zeros and survivors, by bits: -0.0 is a survivor. Then, in one ANS stream
(Duda, "Asymmetric numeral systems", 2013; by the library constriction), layer after layer:

    which weights survive     n binary decisions of probability k / n
    the survivors' exponents  k symbols, by their own frequencies in the layer, or in all layers if that takes less

Sign and fraction of a float32, 24 bits that are as good as random, follow as they are. Of an int8 the whole byte is the
symbol, and nothing follows.

`encode` and `decode` are of layers whose shapes are known:

    byte      1 if all layers share one table of frequencies, else 0
    varint    k of each layer
    tables    varints: how many symbols; the gaps between them; how often each but the last occurs
    varint    bytes of the stream; the stream, little-endian words of 32 bits, without the zeros at its end
    bytes     3 for each surviving float32, little-endian

`pack` and `unpack` are of a whole network in a file of its own, whose kernels are encoded in this way:

    bytes     PLAB, and a byte with the version, 1
    uint32    bytes of the head, little-endian
    head      JSON: name and shape of each array in order, which of them are kernels, bytes of the encoding, notes
    bytes     the encoding of the kernels
    bytes     all other arrays as little-endian float32
    bytes     SHA-256 of everything before

    import compact                                                    # this file, with NumPy and constriction
    weights, notes = compact.unpack(open("network.plab", "rb").read())   # name -> float32 array
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

Bernoulli, Categorical = constriction.stream.model.Bernoulli, constriction.stream.model.Categorical
AnsCoder = constriction.stream.stack.AnsCoder

Bits = NDArray[np.unsignedinteger]
"""A layer's weights as unsigned integers of the same bits: uint32 of float32, uint8 of int8."""
Bytes = NDArray[np.uint8]
Shapes = Sequence[tuple[int, ...]]
Survivors = tuple[NDArray[np.bool_], Bytes]
"""Which weights of a layer survive, and their symbols."""

_RAW = {4: 3, 1: 0}
"""Bytes of a weight that follow as they are, by its size."""


class DamagedError(ValueError):
    """These bytes are no compact encoding of such layers."""


def encode(layers: Sequence[Bits]) -> bytes:
    """All layers, of one type, in the fewest bytes."""
    return min((_encode(layers, shared) for shared in (True, False)), key=len)


def decode(content: bytes, shapes: Shapes, dtype: type[np.unsignedinteger]) -> list[Bits]:
    """The inverse of `encode`, given the layers' shapes. Allocates no more than these.

    Raises:
        DamagedError: the bytes are no encoding of layers of these shapes.
    """
    reader, sizes = _Reader(content), [prod(shape) for shape in shapes]
    shared = reader.number(1)
    kept = [reader.number(size) for size in sizes]
    totals = ([sum(kept)] if sum(kept) else []) if shared else [k for k in kept if k]
    tables = iter([reader.table(total) for total in totals])
    common = next(tables, None) if shared else None
    coder = _coder(reader.take(reader.number(len(content))))
    found = []
    for size, k in zip(sizes, kept, strict=True):
        table = (common if shared else next(tables, None)) if k else None
        found.append((_drawn(coder, size, k), _symbols(coder, table, k)))
    raw = np.frombuffer(reader.take(sum(kept) * _RAW[np.dtype(dtype).itemsize]), np.uint8)
    reader.end()
    if not coder.is_empty():
        raise DamagedError("The stream is longer than its layers.")
    return _joined(found, raw, shapes, dtype)


def entropy(layers: Sequence[Bits]) -> float:
    """The bound, in bytes: what an ideal coder of this model takes, its tables left out.

    Of each layer the entropy of its zeros and exponents, taken as drawn one by one by their frequencies, and the bits
    of the survivors that follow as they are.
    """
    bits = 0.0
    for layer in layers:
        flat = layer.reshape(-1)
        symbols, raw = _split(flat[flat != 0])
        counts = np.append(np.unique_counts(symbols).counts, flat.size - symbols.size)
        shares = counts[counts > 0] / max(flat.size, 1)
        bits += -float((shares * np.log2(shares)).sum()) * flat.size + 8 * raw.size
    return bits / 8


MAGIC = b"PLAB\x01"
MOST = 1 << 30  # bytes of weights that a file may ask for


def pack(weights: Mapping[str, NDArray[np.float32]], kernels: Iterable[str], notes: Mapping[str, Any]) -> bytes:
    """A network as a file: its kernels encoded, all other arrays as they are, with notes (JSON) about it."""
    inside = set(kernels)
    payload = encode([np.ascontiguousarray(w).view(np.uint32) for name, w in weights.items() if name in inside])
    arrays = [[name, [*w.shape], name in inside] for name, w in weights.items()]
    head = json.dumps({"arrays": arrays, "encoded": len(payload), "notes": notes}, separators=(",", ":")).encode()
    rest = b"".join(w.astype("<f4").tobytes() for name, w in weights.items() if name not in inside)
    content = MAGIC + struct.pack("<I", len(head)) + head + payload + rest
    return content + hashlib.sha256(content).digest()


def unpack(content: bytes) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """The inverse of `pack`: arrays by name, in order, and the notes.

    Raises:
        DamagedError: the bytes are no such file, of another version, damaged, or ask for more than `MOST` bytes.
    """
    reader = _Reader(content)
    if reader.take(len(MAGIC)) != MAGIC:
        raise DamagedError("This is no PruneLab file of version 1.")
    if len(content) < 32 or hashlib.sha256(content[:-32]).digest() != content[-32:]:
        raise DamagedError("The file is damaged: its digest is not that of its content.")
    arrays, encoded, notes = _head(reader.take(struct.unpack("<I", reader.take(4))[0]))
    shapes = {name: shape for name, shape, kernel in arrays if kernel}
    payload = reader.take(encoded)
    rest = {name: shape for name, shape, kernel in arrays if not kernel}
    read = {name: np.frombuffer(reader.take(4 * prod(shape)), "<f4").reshape(shape) for name, shape in rest.items()}
    found = {name: array.astype(np.float32) for name, array in read.items()}
    reader.take(32)
    reader.end()
    layers = decode(payload, [*shapes.values()], np.uint32)
    found |= {name: layer.view(np.float32) for name, layer in zip(shapes, layers, strict=True)}
    return {name: found[name] for name, _, _ in arrays}, notes


def _head(text: bytes) -> tuple[list[tuple[str, tuple[int, ...], bool]], int, dict[str, Any]]:
    try:
        values = json.loads(text)
        arrays = [(str(name), tuple(map(int, shape)), bool(kernel)) for name, shape, kernel in values["arrays"]]
        encoded, notes = int(values["encoded"]), dict(values["notes"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise DamagedError("The head of the file cannot be read.") from error
    sides = [side for _, shape, _ in arrays for side in shape]
    if min([encoded, *sides], default=0) < 0 or len({name for name, _, _ in arrays}) != len(arrays):
        raise DamagedError("The head of the file does not describe a network.")
    if 4 * sum(prod(shape) for _, shape, _ in arrays) > MOST:
        raise DamagedError(f"The file asks for more than {MOST:,} bytes of weights.")
    return arrays, encoded, notes


def _encode(layers: Sequence[Bits], shared: bool) -> bytes:
    flats = [layer.reshape(-1) for layer in layers]
    parts = [_split(flat[flat != 0]) for flat in flats]
    kept = [symbols.size for symbols, _ in parts]
    every = [np.concatenate([symbols for symbols, _ in parts])] if shared and parts else [s for s, _ in parts]
    tables = [_Table.of(symbols) for symbols in every if symbols.size]
    coder = AnsCoder()
    for_layer = iter([tables[0]] * sum(k > 0 for k in kept) if shared and tables else tables[::-1])
    for flat, (symbols, _) in zip(flats[::-1], parts[::-1], strict=True):  # what is put last comes out first
        table = next(for_layer) if symbols.size else None
        if table is not None and len(table.symbols) > 1:
            coder.encode_reverse(np.searchsorted(table.symbols, symbols).astype(np.int32), table.model())
        if 0 < symbols.size < flat.size:
            coder.encode_reverse((flat != 0).astype(np.int32), Bernoulli(symbols.size / flat.size, perfect=False))
    stream = coder.get_compressed().astype("<u4").tobytes().rstrip(b"\0")
    head = [bytes([shared]), *(_varint(k) for k in kept), *(table.to_bytes() for table in tables)]
    return b"".join([*head, _varint(len(stream)), stream, *(raw.tobytes() for _, raw in parts)])


def _split(survivors: Bits) -> tuple[Bytes, Bytes]:
    """Symbols and what follows as it is."""
    if survivors.dtype.itemsize == 1:
        return survivors.astype(np.uint8), np.empty((0, 0), np.uint8)
    rest = (survivors & np.uint32(0x7FFFFF)) | (survivors >> np.uint32(31) << np.uint32(23))
    exponents = (survivors >> np.uint32(23)).astype(np.uint8)
    return exponents, rest.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].copy()


def _joined(found: Sequence[Survivors], raw: Bytes, shapes: Shapes, dtype: type[np.unsignedinteger]) -> list[Bits]:
    layers, at, width = list[Bits](), 0, _RAW[np.dtype(dtype).itemsize]
    for (mask, symbols), shape in zip(found, shapes, strict=True):
        flat = np.zeros(mask.size, dtype)
        flat[mask] = _whole(symbols, raw[at : at + width * symbols.size]) if width else symbols
        if np.count_nonzero(flat) != symbols.size:
            raise DamagedError("A survivor is zero.")
        at += width * symbols.size
        layers.append(flat.reshape(shape))
    return layers


def _whole(exponents: Bytes, raw: Bytes) -> NDArray[np.uint32]:
    padded = np.zeros((exponents.size, 4), np.uint8)
    padded[:, :3] = raw.reshape(-1, 3)
    rest = padded.view("<u4").reshape(-1).astype(np.uint32)
    return np.asarray(
        rest >> np.uint32(23) << np.uint32(31)
        | exponents.astype(np.uint32) << np.uint32(23)
        | rest & np.uint32(0x7FFFFF)
    )


@dataclass(frozen=True, eq=False)
class _Table:
    """Which symbols occur, ascending, and how often each."""

    symbols: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, symbols: Bytes) -> "_Table":
        return cls(*(array.astype(np.int64) for array in np.unique_counts(symbols)))

    def to_bytes(self) -> bytes:
        gaps = np.diff(self.symbols, prepend=0).tolist()
        return b"".join(map(_varint, [len(self.symbols), *gaps, *self.counts[:-1].tolist()]))

    def model(self) -> Any:
        return Categorical(self.counts / self.counts.sum(), perfect=False)


def _symbols(coder: Any, table: _Table | None, k: int) -> Bytes:
    if table is None:
        return np.empty(0, np.uint8)
    if len(table.symbols) == 1:
        return np.full(k, table.symbols[0], np.uint8)
    return np.asarray(table.symbols[coder.decode(table.model(), k)].astype(np.uint8))


def _drawn(coder: Any, size: int, k: int) -> NDArray[np.bool_]:
    """Which of the weights survive."""
    if k in (0, size):
        return np.full(size, k == size)
    mask = coder.decode(Bernoulli(k / size, perfect=False), size) != 0
    if np.count_nonzero(mask) != k:
        raise DamagedError("The stream holds another number of weights than its head.")
    return np.asarray(mask)


def _coder(stream: bytes) -> Any:
    words = np.frombuffer(stream + b"\0" * (-len(stream) % 4), "<u4").astype(np.uint32)
    try:
        return AnsCoder(words)
    except ValueError as error:
        raise DamagedError("The stream does not end as one does.") from error


def _varint(number: int) -> bytes:
    """Seven bits per byte, the lowest first, the highest bit set where more follow."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


@dataclass
class _Reader:
    """The bytes and how far they are read."""

    content: bytes
    at: int = 0

    def take(self, n: int) -> bytes:
        if self.at + n > len(self.content):
            raise DamagedError("It ends too early.")
        self.at += n
        return self.content[self.at - n : self.at]

    def number(self, most: int) -> int:
        """A varint of at most this."""
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if value > most:
                break
            if byte < 128:
                return value
        raise DamagedError(f"A number is larger than {most:,}, the most that it can be.")

    def table(self, total: int) -> _Table:
        """A table whose counts add up to this."""
        gaps = [self.number(255) for _ in range(self.number(256))]
        counts = [self.number(total) for _ in gaps[1:]]
        symbols = np.cumsum(np.array(gaps, np.int64))
        last = total - sum(counts)
        if not gaps or symbols[-1] > 255 or min(gaps[1:], default=1) < 1 or min([*counts, last]) < 1:
            raise DamagedError("A table of frequencies does not add up.")
        return _Table(symbols, np.array([*counts, last], np.int64))

    def end(self) -> None:
        if self.at != len(self.content):
            raise DamagedError("It goes on after its end.")
