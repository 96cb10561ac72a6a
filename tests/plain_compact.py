"""Another decoder of the compact encoding, from its specification alone: slow, without NumPy and constriction."""

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import prod
from typing import Any


def unpack(content: bytes) -> tuple[dict[str, list[float]], Any]:
    """Flat arrays by name, and the notes."""
    assert content[:5] == b"PLAB\x02" and zlib.crc32(content[:-4]).to_bytes(4, "little") == content[-4:]
    reader = Reader(content[5:-4])
    arrays, notes = json.loads(zlib.decompress(bytes(reader.take(reader.varint())), -15))
    sizes = [
        size
        for _, grid, *shape in arrays
        for size in ([(prod(shape), 1), (shape[0] if len(shape) > 1 else 1, 4)] if grid else [(prod(shape), 4)])
    ]
    layers = iter(decode(reader, sizes))
    return {name: product(next(layers), next(layers)) if grid else next(layers) for name, grid, *_ in arrays}, notes


def product(whole: list[float], scales: list[float]) -> list[float]:
    row = len(whole) // len(scales)
    return [n * scales[i // row] for i, n in enumerate(whole)]


class Reader:
    def __init__(self, content: bytes) -> None:
        self.bytes = iter(content)

    def take(self, n: int) -> list[int]:
        return [next(self.bytes) for _ in range(n)]

    def varint(self) -> int:
        byte = next(self.bytes)
        return byte if byte < 128 else byte - 128 + (self.varint() << 7)

    def block(self, n: int) -> Iterator[int]:
        return iter([byte >> 7 - i & 1 for byte in self.take(-(-n // 8)) for i in range(8)][:n])


def number(bits: Iterator[int], n: int) -> int:
    return sum(next(bits) << i for i in range(n)[::-1])


def decode(reader: Reader, sizes: Sequence[tuple[int, int]]) -> list[list[float]]:
    content = bytes(reader.bytes)
    if content == bytes([255]):
        return [[0.0] * n for n, _ in sizes]
    reader, tables = Reader(content), list[tuple[int, int, list[int]]]()
    last, heads = dict[int, int](), list[tuple[int, int, int, int, int]]()
    for n, width in sizes:
        byte = reader.take(1)[0] if n else 1
        k = n if not byte & 1 else reader.varint() if n else 0
        if k and not byte & 2:
            last[width] = reader.varint()
            if last[width] == len(tables):
                first, more, both = reader.take(3)
                digits = reader.block((more + 1) * (both & 31))
                tables.append(
                    (first, both >> 5, [number(digits, both & 31) or (not both & 31) for _ in range(more + 1)])
                )
        heads.append((n, width, byte, k, last.get(width, -1)))
    raw = reader.block(
        sum(k * (tables[t][1] if k else 0) + k * fraction(width, byte) for _, width, byte, k, t in heads)
    )
    stream = Stream(bytes(reader.bytes))
    layers = []
    for n, width, byte, k, t in heads:
        kept = [stream.draw([n - k, k]) for _ in range(n)] if 0 < k < n else [int(k > 0)] * n
        first, low, frequencies = tables[t] if k else (0, 0, [1])
        drawn = [stream.draw(frequencies) if len(frequencies) > 1 else 0 for _ in range(k)]
        symbols = iter([((first + i) % (1 << 8 - low) << low, byte) for i in drawn])
        layers.append([value(*next(symbols), raw, low, width) if keep else 0.0 for keep in kept])
    assert stream.state == 0 and not stream.words
    return layers


def fraction(width: int, byte: int) -> int:
    """Bits of a survivor besides those of its symbol."""
    return 23 - (byte >> 3) + (byte >> 2 & 1) if width == 4 else 0


def value(symbol: int, byte: int, raw: Iterator[int], low: int, width: int) -> float:
    symbol |= number(raw, low)
    if width == 1:
        return symbol - 256 if symbol > 127 else symbol
    sign = number(raw, byte >> 2 & 1)
    bits = sign << 31 | symbol << 23 | number(raw, 23 - (byte >> 3)) << (byte >> 3)
    return float(struct.unpack("<f", bits.to_bytes(4, "little"))[0])


class Stream:
    def __init__(self, content: bytes) -> None:
        padded = content + bytes(-len(content) % 4)
        self.words = [int.from_bytes(padded[i : i + 4], "little") for i in range(0, len(padded), 4)]
        self.state = 0
        for _ in range(min(2, len(self.words))):
            self.state = self.state << 32 | self.words.pop()

    def draw(self, frequencies: Sequence[int]) -> int:
        m, sums = len(frequencies), [0, *accumulate(frequencies)]
        scale = (2**24 - m) / sums[-1]
        begins = [*(int(sums[i] * scale) + i for i in range(m)), 2**24]
        rest = self.state % 2**24
        drawn = max(i for i in range(m) if begins[i] <= rest)
        self.state = (self.state >> 24) * (begins[drawn + 1] - begins[drawn]) + rest - begins[drawn]
        if self.state < 2**32 and self.words:
            self.state = self.state << 32 | self.words.pop()
        return drawn
