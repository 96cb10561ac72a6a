"""The encoder of the compact encoding, which `decoder` specifies."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from core.cost.compact.decoder import FINEST, FRACTION, MAGIC, NOTHING, Bits, Table, model

Counts = NDArray[np.int64]
"""(256,) how often each symbol occurs."""

_PASSES = 3
"""How often each layer may change its table for a better one."""

_FEW = 12
"""A table of no more entries is not made coarser."""


def pack(weights: Mapping[str, NDArray[np.float32]], notes: Mapping[str, Any]) -> bytes:
    """A network as a file, with notes (JSON) about it. What is a `grid` is written as one where that is smaller."""
    written = smallest(weights)
    arrays = [[name, int(name in written.grids), *array.shape] for name, array in weights.items()]
    head = _deflated(json.dumps([arrays, notes], separators=(",", ":")).encode())
    content = MAGIC + _varint(len(head)) + head + written.content
    return content + zlib.crc32(content).to_bytes(4, "little")


@dataclass(frozen=True, eq=False)
class Written:
    """Arrays as they are encoded: in layers, two for each that is written as a `grid`, with the names of these."""

    layers: list[Bits]
    grids: set[str]
    content: bytes


def smallest(weights: Mapping[str, NDArray[np.float32]]) -> Written:
    """Arrays encoded with as many of them as grids as makes the content small."""
    grids = {name: found for name, array in weights.items() if (found := grid(array)) is not None}
    best = encode(_layers(weights, grids))
    for name in [*grids]:
        fewer = {other: found for other, found in grids.items() if other != name}
        content = encode(_layers(weights, fewer))
        if len(content) < len(best):
            best, grids = content, fewer
    return Written(_layers(weights, grids), {*grids}, best)


def encode(layers: Sequence[Bits]) -> bytes:
    """All layers, each the bits of float32 (uint32) or of int8 (uint8), in few bytes."""
    parts = [_Part(layer.reshape(-1)) for layer in layers if layer.size]
    if parts and not any(part.k for part in parts):
        return NOTHING
    choices = _chosen(parts)
    numbers = {id(c.group): c.group for c in choices if c.group}
    tables = {key: _tabulated(group.counts) for key, group in numbers.items()}
    order = {key: number for number, key in enumerate(numbers)}
    head, last, met = list[bytes](), dict[bool, int](), set[int]()
    for part, choice in zip(parts, choices, strict=True):
        key = id(choice.group)
        again = choice.group is not None and last.get(part.whole) == key
        head += [bytes([part.form | 2 * again | choice.apart])]
        head += [_varint(part.k)] if choice.apart else []
        if choice.group and not again:
            head += [_varint(order[key]), b"" if key in met else tables[key].written]
            last[part.whole] = key
            met.add(key)
    coder = constriction.stream.stack.AnsCoder()
    for part, choice in zip(parts[::-1], choices[::-1], strict=True):  # what is put last comes out first
        if choice.group:
            tables[id(choice.group)].put(coder, part.symbols(choice.apart))
        if choice.apart and 0 < part.k < part.n:
            coder.encode_reverse(part.mask.astype(np.int32), model((part.n - part.k, part.k)))
    raw = [
        part.following(tables[id(choice.group)].lower(part.symbols(choice.apart)))
        for part, choice in zip(parts, choices, strict=True)
        if choice.group
    ]
    rest = np.packbits(np.concatenate(raw or [np.empty(0, np.uint8)])).tobytes()
    return b"".join([*head, rest, coder.get_compressed().astype("<u4").tobytes().rstrip(b"\0")])


def entropy(layers: Sequence[Bits]) -> float:
    """The bound, in bytes: what an ideal coder of this model takes, its head and tables left out.

    Of each layer the entropy of its zeros and symbols, taken as drawn one by one by their frequencies, and the bits of
    the survivors that follow as they are.
    """
    bits = 0.0
    for part in [_Part(layer.reshape(-1)) for layer in layers if layer.size]:
        counts = np.append(part.counts(True), part.n - part.k)
        bits += _entropy(counts) + part.rest.size
    return bits / 8


def grid(array: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """Whole numbers in the array's shape and one scale for each row, whose product is exactly the array; else None.

    A row is what the first axis counts; an array of fewer than two axes is one row. The numbers are from -127 to 127.
    A row's scale is the greatest common divisor of its weights, or an odd part of that if the significands of all
    scales are shorter then, and no number larger than without.
    """
    if not array.size:
        return None
    rows = array.reshape(len(array) if array.ndim > 1 else 1, -1)
    if not np.isfinite(rows).all() or np.signbit(rows[rows == 0]).any():
        return None
    significands, exponents = np.frexp(rows.astype(np.float64))
    whole = (significands * (1 << 24)).astype(np.int64)
    low = np.where(whole, whole & -whole, 1)
    steps = exponents - 24 + np.log2(low).astype(np.int64)
    least = np.min(steps, axis=1, where=whole != 0, initial=1 << 10, keepdims=True)
    shifts = np.where(whole, steps - least, 0)
    if shifts.max() > 31:
        return None
    whole = whole // low << shifts
    divisors = np.maximum(np.gcd.reduce(whole, axis=1, keepdims=True), 1)
    largest = np.abs(whole // divisors).max(axis=1)
    if largest.max() > 127:
        return None
    divisors //= _odd_parts(divisors[:, 0], largest)[:, None]
    scales = np.where(largest, np.ldexp(divisors[:, 0], np.where(largest, least[:, 0], 0)), 0)
    return (whole // divisors).astype(np.int8).reshape(array.shape), scales.astype(np.float32)


def _odd_parts(divisors: NDArray[np.int64], largest: NDArray[np.int64]) -> NDArray[np.int64]:
    """By which odd number to divide each scale, so that the longest significand is short."""
    significands = [divisor // (divisor & -divisor) for divisor in divisors.tolist()]
    most = int(largest.max())
    free = [range(1, most // max(top, 1) + 1, 2) for top in largest.tolist()]
    fixed = max((s.bit_length() for s, odd in zip(significands, free, strict=True) if len(odd) == 1), default=0)
    return np.array(
        [
            min((odd for odd in odds if s % odd == 0), key=lambda odd: (max((s // odd).bit_length(), fixed), odd))
            if most
            else 1
            for s, odds in zip(significands, free, strict=True)
        ]
    )


def _layers(
    weights: Mapping[str, NDArray[np.float32]], grids: Mapping[str, tuple[NDArray[np.int8], NDArray[np.float32]]]
) -> list[Bits]:
    layers = list[Bits]()
    for name, array in weights.items():
        if name in grids:
            whole, scales = grids[name]
            layers += [whole.view(np.uint8), scales.view(np.uint32)]
        else:
            layers.append(np.ascontiguousarray(array, np.float32).reshape(array.shape).view(np.uint32))
    return layers


class _Part:
    """A layer in parts: which weights survive, their symbols, and their bits (k, width) that follow as they are."""

    def __init__(self, flat: Bits) -> None:
        self.flat, self.mask = flat, flat != 0
        survivors = flat[self.mask]
        self.n, self.k, self.whole = flat.size, survivors.size, flat.dtype == np.uint8
        self._symbols, self.form = survivors.astype(np.uint8), 0
        self.rest = np.empty((self.k, 0), np.uint8)
        if not self.whole:
            self._symbols = (survivors >> np.uint32(FRACTION)).astype(np.uint8)
            bits = np.unpackbits(survivors.astype(">u4").view(np.uint8).reshape(-1, 4), axis=1)
            used = np.flatnonzero(bits.any(axis=0))
            width, signed = max(int(used.max(initial=0)) - 8, 0), int(bits[:, 0].any())
            self.form = 8 * (FRACTION - width) + 4 * signed
            self.rest = np.hstack([bits[:, :signed], bits[:, 9 : 9 + width]])

    @property
    def ways(self) -> tuple[bool, ...]:
        """Whether its zeros can be told apart, or be symbols as well."""
        return (False,) if self.k == self.n else (False, True) if self.whole else (True,)

    def symbols(self, apart: bool) -> NDArray[np.uint8]:
        return self._symbols if apart or not self.whole else self.flat.astype(np.uint8)

    def following(self, lower: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """All bits that follow as they are, given those of the symbols."""
        return (lower if self.whole else np.hstack([lower, self.rest])).reshape(-1)

    def counts(self, apart: bool) -> Counts:
        return np.bincount(self.symbols(apart), minlength=256)

    def extra(self, apart: bool) -> float:
        """Bits that telling the zeros apart takes."""
        return _entropy(np.array([self.k, self.n - self.k])) + 8 * len(_varint(self.k)) if apart else 0.0


@dataclass(eq=False)
class _Group:
    """Layers that share a table."""

    counts: Counts
    bits: float = 0.0


@dataclass(frozen=True)
class _Choice:
    """Whether a layer's zeros are told apart, and the group whose table it uses; None if no weight survives."""

    apart: bool
    group: _Group | None


def _chosen(parts: Sequence[_Part]) -> list[_Choice]:
    """A choice for each layer: each in turn, the largest first, takes what is smallest beside those of all others."""
    choices = {i: _Choice(True, None) for i in range(len(parts))}
    groups = list[_Group]()
    order = sorted((i for i, part in enumerate(parts) if part.k), key=lambda i: -parts[i].k)
    counted = {(i, apart): parts[i].counts(apart) for i in order for apart in parts[i].ways}
    for _ in range(_PASSES):
        for i in order:
            if (group := choices[i].group) is not None:
                group.counts = group.counts - counted[i, choices[i].apart]
                group.bits = _tabulated(group.counts).bits if group.counts.any() else 0.0
            groups = [group for group in groups if group.counts.any()]
            new = _Group(np.zeros(256, np.int64))
            options = [(apart, group) for apart in parts[i].ways for group in (*groups, new)]
            totals = [_tabulated(group.counts + counted[i, apart]).bits for apart, group in options]
            added = [b - group.bits + parts[i].extra(apart) for b, (apart, group) in zip(totals, options, strict=True)]
            best = int(np.argmin(added))
            apart, group = options[best]
            group.counts, group.bits = group.counts + counted[i, apart], totals[best]
            groups += [group] if group is new else []
            choices[i] = _Choice(apart, group)
    return [*choices.values()]


@dataclass(frozen=True, eq=False)
class _Tabulated:
    """A table as it is written, and the bits that it and its symbols take."""

    table: Table
    fine: int
    bits: float

    @property
    def written(self) -> bytes:
        digits = self.table.frequencies[:, None] >> np.arange(self.fine)[::-1] & 1
        head = bytes([self.table.first, len(self.table.frequencies) - 1, 32 * self.table.low + self.fine])
        return head + np.packbits(digits.astype(np.uint8).reshape(-1)).tobytes()

    def put(self, coder: Any, symbols: NDArray[np.uint8]) -> None:
        if len(self.table.frequencies) > 1:
            entries = (symbols >> self.table.low) - np.int32(self.table.first)
            coder.encode_reverse(entries % (256 >> self.table.low), model(self.table.frequencies))

    def lower(self, symbols: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The bits (k, low) of symbols that are not in the table."""
        return np.unpackbits(symbols[:, None], axis=1)[:, 8 - self.table.low :]


def _tabulated(counts: Counts) -> _Tabulated:
    """The table with the fewest bits for symbols that occur so often, not all of them never."""
    return _cached(counts.astype(np.int64).tobytes())


@lru_cache(1 << 12)
def _cached(counts: bytes) -> _Tabulated:
    every = np.frombuffer(counts, np.int64)
    tables = [_of_upper(every, 0)]
    while len(tables[-1].table.frequencies) > _FEW:
        tables.append(_of_upper(every, len(tables)))
    return min(tables, key=lambda table: table.bits)


def _of_upper(counts: Counts, low: int) -> _Tabulated:
    """The table of the upper 8 - low bits."""
    counts = counts.reshape(-1, 1 << low).sum(axis=1)
    present = np.flatnonzero(counts)
    gaps = np.diff(present, prepend=present[-1] - counts.size)
    first = int(present[np.argmax(gaps)])
    span = counts.size + 1 - int(gaps.max())
    counts = np.concatenate([counts[first:], counts[:first]])[:span]
    fine = np.arange(FINEST + 1)
    scale = np.minimum(1, ((1 << fine) - 1) / counts.max())
    frequencies = np.maximum(np.rint(counts * scale[:, None]).astype(np.int64), counts > 0)
    frequencies[0] = 1
    shares = np.where(counts, frequencies, 1) / frequencies.sum(axis=1, keepdims=True)
    bits = low * counts.sum() + 24 + 8 * (-(-span * fine // 8)) - (counts * np.log2(shares)).sum(axis=1)
    best = int(np.argmin(bits))
    return _Tabulated(Table(first, low, frequencies[best]), best, float(bits[best]))


def _entropy(counts: Counts) -> float:
    """Bits of that many draws by their frequencies."""
    some = counts[counts > 0]
    return -float((some * np.log2(some / some.sum())).sum())


def _deflated(text: bytes) -> bytes:
    compressor = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return compressor.compress(text) + compressor.flush()


def _varint(number: int) -> bytes:
    """Seven bits per byte, the lowest first, the highest bit set where more follow."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)
