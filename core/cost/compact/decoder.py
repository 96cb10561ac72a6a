"""The compact encoding: decoder and specification. This file needs NumPy and constriction, and no other of ours.

    import compact                                                    # this file, under the name that it ships with
    weights, notes = compact.unpack(open("network.plab", "rb").read())   # name -> float32 array

A varint is a whole number in bytes of seven bits, the lowest first; the highest bit is set where more bytes follow.

The file
--------
    bytes     PLAB, and a byte with the version, 2
    varint    bytes of the head as it is written
    head      raw DEFLATE (RFC 1951) of JSON: [[[name, grid, side, ...], ...], notes]; grid is 0 or 1
    bytes     the layers
    uint32    CRC-32 (that of zlib) of everything before, little-endian

An array is one layer of float32. If grid is 1, it is two layers: first whole numbers as int8, in the shape of the
array; then one float32 for each row, its scale. The array is their product, which float32 holds exactly. A row is what
the first axis counts; an array of fewer than two axes is one row.

The layers
----------
A layer's weights are told apart into zeros and survivors, by bits: -0.0 is a survivor. The symbol of a float32 is its
exponent, 8 bits; the symbol of an int8 is its byte. Layers without weights take nothing. For each other layer of n
weights, in order:

    byte      8 t + 4 s + 2 r + z. Of float32, the lowest t fraction bits of all survivors are 0, and s is 0 if no sign
              bit is set; of int8, t and s are 0. r is 1 if its table is that of the last layer before it of the same
              type that has one. z is 1 if its zeros are told apart
    varint    only if z is 1: k, how many survive; if z is 0, all n are survivors, whether zero or not
    varint    only if k > 0 and r is 0: the number of its table, from 0
    table     only if that is the number of tables before it

A table says how often the upper bits of symbols occur, relative to each other. The lower b follow as they are.

    byte      the first entry; the others follow it in order, and 0 follows 2**(8 - b) - 1
    byte      how many entries there are, less 1
    byte      32 b + q; b is from 0 to 7, q from 0 to 16
    bits      the frequency of each entry, q bits each, filled up to a byte; if q is 0, all are 1

Layers without any survivor, all of them, are one byte together, 255, and nothing follows. Else, after this head of all
layers:

    bits      of each survivor, layer after layer: the lower b bits of its symbol; of a float32 also its sign if s is 1,
              and the upper 23 - t bits of its fraction; filled up to a byte
    bytes     the stream, to the end

Bits are in order from the highest to the lowest, of a number and of a byte; unused ones at the end of a byte are 0.

The stream
----------
It holds of each layer in order, where 0 < k < n, n decisions of frequencies (n - k, k): 1 if the weight survives; then
k entries of the layer's table, as indices from 0, by its frequencies. Those of a table with only one are not in it.

The stream is that of a stack coder (ANS: Duda, "Asymmetric numeral systems", 2013; AnsCoder of constriction): words of
32 bits, little-endian, without the zero bytes at its end. Put these back up to a whole word. The state is 64 bits: at
first the last two words, the last one above, or as many as there are. To draw one of m with frequencies w:

    c(i) = floor((w[0] + ... + w[i - 1]) * ((2**24 - m) / (w[0] + ... + w[m - 1]))) + i      for i < m, in float64
    c(m) = 2**24
    r = state mod 2**24; drawn is the i with c(i) <= r < c(i + 1)
    state = floor(state / 2**24) * (c(i + 1) - c(i)) + r - c(i)
    if state < 2**32 and words are left: state = state * 2**32 + the last word that is left

At the end the state is 0, and no word is left.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.unsignedinteger]
"""A layer's weights as unsigned integers of the same bits: uint32 of float32, uint8 of int8."""
Shape = tuple[int, ...]
Type = type[np.unsignedinteger]

MAGIC = b"PLAB\x02"
NOTHING = b"\xff"  # all layers, if nothing survives
MOST, MOST_OF_HEAD = 1 << 30, 1 << 28  # bytes of weights that a file may ask for, and of its head's text
FRACTION, FINEST = 23, 16  # bits of a float32's fraction; the most bits of a frequency in a table


class DamagedError(ValueError):
    """These bytes are no compact encoding of such layers."""


def unpack(content: bytes) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """A network's arrays by name, in order, and the notes, from a file.

    Raises:
        DamagedError: the bytes are no such file, of another version, damaged, or ask for more than `MOST` bytes.
    """
    reader = _Reader(content[:-4])
    if content[:5] == b"PLAB\x01":
        raise DamagedError("This file is of version 1: read it with the compact.py that came with it.")
    if reader.take(len(MAGIC)) != MAGIC:
        raise DamagedError("This is no PruneLab file of version 2.")
    if zlib.crc32(reader.content).to_bytes(4, "little") != content[-4:]:
        raise DamagedError("The file is damaged: its checksum is not that of its content.")
    arrays, notes = _head(reader.take(reader.number(len(content))))
    kinds = [kind for _, shape, grid in arrays for kind in _layers(shape, grid)]
    if sum(prod(shape) * 4 for shape, _ in kinds) > MOST:
        raise DamagedError(f"The file asks for more than {MOST:,} bytes of weights.")
    layers = iter(decode(reader.rest(), [shape for shape, _ in kinds], [dtype for _, dtype in kinds]))
    found = {name: _product(next(layers), next(layers)) if grid else next(layers) for name, _, grid in arrays}
    return {name: layer.view(np.float32) for name, layer in found.items()}, notes


def decode(content: bytes, shapes: Sequence[Shape], types: Sequence[Type]) -> list[Bits]:
    """Layers of known shapes and types, from their encoding. Allocates no more than these.

    Raises:
        DamagedError: the bytes are no encoding of such layers.
    """
    if content == NOTHING:
        return [np.zeros(shape, dtype) for shape, dtype in zip(shapes, types, strict=True)]
    reader, tables = _Reader(content), _Tables([], {})
    plans = [
        _Plan.read(reader, tables, prod(shape), dtype) if prod(shape) else _Plan()
        for shape, dtype in zip(shapes, types, strict=True)
    ]
    raw = reader.bits(sum(plan.k * plan.width for plan in plans))
    stream = reader.rest()
    try:
        coder = constriction.stream.stack.AnsCoder(np.frombuffer(stream + b"\0" * (-len(stream) % 4), "<u4"))
    except ValueError as error:
        raise DamagedError("The stream does not end as one does.") from error
    layers, at = list[Bits](), 0
    for plan, shape, dtype in zip(plans, shapes, types, strict=True):
        mask = _drawn(coder, plan)
        rest = raw[at : at + plan.k * plan.width].reshape(plan.k, plan.width)
        at += rest.size
        symbols = plan.table.draw(coder, rest) if plan.table else np.empty(0, np.uint8)
        layer = np.zeros(plan.n, dtype)
        layer[mask] = symbols if dtype == np.uint8 else _floats(symbols, rest[:, plan.low :], plan.signed)
        if plan.apart and np.count_nonzero(layer) != plan.k:
            raise DamagedError("A survivor is zero.")
        layers.append(layer.reshape(shape))
    if not coder.is_empty():
        raise DamagedError("The stream is longer than its layers.")
    return layers


@dataclass(frozen=True, eq=False)
class Table:
    """How often entries occur, relative to each other: first, first + 1, ..., the upper 8 - low bits of symbols."""

    first: int
    low: int
    frequencies: NDArray[np.int64]

    def draw(self, coder: Any, rest: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The next k symbols, whose lower bits are the first of `rest` (k, width)."""
        k = len(rest)
        indices = coder.decode(model(self.frequencies), k) if len(self.frequencies) > 1 else np.zeros(k, np.int32)
        symbols = (indices + self.first).astype(np.uint8) << np.uint8(self.low)
        if self.low:
            symbols |= np.packbits(rest[:, : self.low], axis=1)[:, 0] >> np.uint8(8 - self.low)
        return np.asarray(symbols)


def model(frequencies: NDArray[np.int64] | Sequence[int]) -> Any:
    """The probabilities of indices from 0, for a coder of constriction."""
    return constriction.stream.model.Categorical(np.array(frequencies, np.float64), perfect=False)


@dataclass(frozen=True)
class _Plan:
    """What the head says about a layer: of n weights k survive; of each, width bits follow, low of its symbol."""

    n: int = 0
    k: int = 0
    low: int = 0
    width: int = 0
    signed: bool = False
    apart: bool = False
    table: Table | None = None

    @classmethod
    def read(cls, reader: "_Reader", tables: "_Tables", n: int, dtype: Type) -> "_Plan":
        byte = reader.take(1)[0]
        left_out, signed, again, apart = byte >> 3, bool(byte & 4), bool(byte & 2), bool(byte & 1)
        if left_out > FRACTION or (dtype == np.uint8 and byte > 3):
            raise DamagedError("The head leaves out more bits than there are.")
        k = reader.number(n) if apart else n
        table = tables.next(reader, dtype, again) if k else None
        low, raw = table.low if table else 0, FRACTION - left_out + signed if dtype == np.uint32 else 0
        return cls(n, k, low, low + raw, signed, apart, table)


@dataclass(frozen=True)
class _Tables:
    """All tables so far, and the last one of each type."""

    every: list[Table]
    last: dict[Type, Table]

    def next(self, reader: "_Reader", dtype: Type, again: bool) -> Table:
        """A layer's table: its type's last one again, or the one that is read now."""
        if not again:
            number = reader.number(len(self.every))
            if number == len(self.every):
                self.every.append(reader.table())
            self.last[dtype] = self.every[number]
        if dtype not in self.last:
            raise DamagedError("A layer refers to a table before the first one.")
        return self.last[dtype]


def _drawn(coder: Any, plan: _Plan) -> NDArray[np.bool_]:
    """Which of the weights survive."""
    if plan.k in (0, plan.n):
        return np.full(plan.n, plan.k == plan.n)
    mask = coder.decode(model((plan.n - plan.k, plan.k)), plan.n) != 0
    if np.count_nonzero(mask) != plan.k:
        raise DamagedError("The stream holds another number of weights than its head.")
    return np.asarray(mask)


def _floats(exponents: NDArray[np.uint8], rest: NDArray[np.uint8], signed: bool) -> NDArray[np.uint32]:
    """Put together from exponents (k,) and the bits (k, width) that follow as they are."""
    values = exponents.astype(np.uint32) << np.uint32(FRACTION)
    places = [31, *range(FRACTION)[::-1]] if signed else [*range(FRACTION)[::-1]]
    for column, place in zip(rest.T, places, strict=False):
        values |= column.astype(np.uint32) << np.uint32(place)
    return values


def _product(whole: Bits, scales: Bits) -> NDArray[np.float32]:
    """Of whole numbers and their rows' scales."""
    with np.errstate(over="ignore", invalid="ignore"):
        rows = whole.view(np.int8).reshape(len(scales), -1) * scales.view(np.float32)[:, None]
    return np.asarray(rows.reshape(whole.shape), np.float32)


def _layers(shape: Shape, grid: bool) -> tuple[tuple[Shape, Type], ...]:
    """The shape and type of each layer of an array."""
    return ((shape, np.uint8), (shape[:1] if len(shape) > 1 else (1,), np.uint32)) if grid else ((shape, np.uint32),)


def _head(packed: bytes) -> tuple[list[tuple[str, Shape, bool]], dict[str, Any]]:
    try:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        text = inflater.decompress(packed, MOST_OF_HEAD)
        if not inflater.eof or inflater.unused_data:
            raise ValueError(f"It does not end, or takes more than {MOST_OF_HEAD:,} bytes.")
        listed, notes = json.loads(text)
        arrays = [(str(name), tuple(map(int, shape)), bool(grid)) for name, grid, *shape in listed]
        notes = dict(notes)
    except (zlib.error, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DamagedError("The head of the file cannot be read.") from error
    alone = len({name for name, _, _ in arrays}) == len(arrays)
    possible = all(len(shape) <= 32 and all(0 <= side <= MOST for side in shape) for _, shape, _ in arrays)
    if not alone or not possible or any(grid and not prod(shape) for _, shape, grid in arrays):
        raise DamagedError("The head of the file does not describe a network.")
    return arrays, notes


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

    def rest(self) -> bytes:
        return self.take(len(self.content) - self.at)

    def number(self, most: int) -> int:
        """A varint of at most this."""
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128 and value <= most:
                return value
        raise DamagedError(f"A number is larger than {most:,}, the most that it can be.")

    def bits(self, n: int) -> NDArray[np.uint8]:
        """A block of n bits."""
        return np.unpackbits(np.frombuffer(self.take(-(-n // 8)), np.uint8), count=n)

    def table(self) -> Table:
        first, more, both = self.take(3)
        low, fine = divmod(both, 32)
        if fine > FINEST or max(first, more) >> (8 - low):
            raise DamagedError("A table has more entries, or finer frequencies, than there are.")
        digits = self.bits((more + 1) * fine).reshape(more + 1, fine)
        frequencies = digits @ (1 << np.arange(fine)[::-1]) if fine else np.ones(more + 1, np.int64)
        if not frequencies.any():
            raise DamagedError("No entry of a table ever occurs.")
        return Table(first, low, frequencies)
