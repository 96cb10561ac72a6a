"""The byte ledger: the size of a pruned network's kernels in every encoding, over all stops.

Only the numbers: `core.cost.weighing` computes them, and the web server reads them without an encoder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError
from core.job import OfRun, percentage
from core.progress import Unit

FORMAT = 2
"""Version of ledgers. Raise it when the same entry would no longer mean the same bytes."""


@dataclass(frozen=True)
class Entry:
    """A line of the ledger: the weights' type, the encoding, and the general compressor that its bytes go through."""

    type: str
    encoding: str
    coder: str = "none"

    @property
    def key(self) -> str:
        """Such as `float32-csr32-zstd`."""
        return f"{self.type}-{self.encoding}-{self.coder}"

    @property
    def lossless(self) -> bool:
        """Whether the float32 weights come back bit for bit; every entry gives back its own type bit for bit."""
        return self.type == "float32"


_SIMPLE = ("dense", "bitmask", "csr64", "csr32", "csr16", "coo", "gaps")
_GENERAL = ("none", "gzip", "zstd")

ENTRIES: tuple[Entry, ...] = (
    *(Entry("float32", e, c) for e, c in product(_SIMPLE, _GENERAL)),
    Entry("float32", "compact"),
    *(Entry("float16", "dense", c) for c in _GENERAL),
    *(Entry("int8", e, c) for e, c in product(("dense", "bitmask"), _GENERAL)),
    Entry("int8", "compact"),
    *(Entry("int4", "dense", c) for c in _GENERAL),
    Entry("int4", "compact"),
)
"""All lines, in order. For int8 and int4, the bytes include the scales, one for each output channel: as float32, or, in
the compact encoding, encoded with the weights. Dense int4 is two weights a byte."""

ROUNDED = ("float16", "int8", "int4")
"""The types that change the weights."""

BOUNDED = tuple(entry.type for entry in ENTRIES if entry.encoding == "compact")
"""The types that have an entropy bound."""

DENSE, COMPACT = Entry("float32", "dense"), Entry("float32", "compact")


@dataclass(frozen=True, eq=False)
class Ledger:
    """Bytes of the kernels alone at S sparsities; biases and normalisation come on top, the same in every line.

    Attributes:
        sparsity: (S,) fractions, strictly increasing.
        k: (S,) weights pruned, of `total`.
        total: N.
        rest: bytes of all other arrays, as float32.
        bytes: (S,) for each entry by its key.
        bound: (S,) entropy bound in bytes (`core.cost.compact.entropy`) for each type of `BOUNDED`, with its scales.
        file: (S,) bytes of the whole network, all arrays, as one compact file without notes.
        unpruned: bytes of the network before pruning for each entry by its key: the control.

    Raises:
        StoreError: it does not have these entries, or its parts do not fit together.
    """

    sparsity: NDArray[np.float64]
    k: NDArray[np.int64]
    total: int
    rest: int
    bytes: Mapping[str, NDArray[np.int64]]
    bound: Mapping[str, NDArray[np.float64]]
    file: NDArray[np.int64]
    unpruned: Mapping[str, int]
    format: int = FORMAT

    def __post_init__(self) -> None:
        keys = {entry.key for entry in ENTRIES}
        complete = {*self.bytes} == {*self.unpruned} == keys and {*self.bound} == {*BOUNDED}
        if self.format != FORMAT or not complete:
            raise StoreError("This ledger is of another version.")
        lengths = {len(a) for a in (self.sparsity, self.k, self.file, *self.bound.values(), *self.bytes.values())}
        if lengths != {len(self.sparsity)} or not len(self.sparsity):
            raise StoreError("This ledger is damaged: its columns differ in length.")

    def merged(self, point: "Ledger") -> "Ledger":
        """The ledger with one more row, inserted in order of sparsity."""
        order = np.argsort(np.append(self.sparsity, point.sparsity), kind="stable")

        def both(mine: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
            return np.append(mine, others)[order]

        return Ledger(
            both(self.sparsity, point.sparsity),
            both(self.k, point.k),
            self.total,
            self.rest,
            {key: both(values, point.bytes[key]) for key, values in self.bytes.items()},
            {type: both(values, point.bound[type]) for type, values in self.bound.items()},
            both(self.file, point.file),
            self.unpruned,
        )

    def break_even(self, entry: Entry) -> float | None:
        """The sparsity above which an entry is smaller than the dense network as float32, by linear interpolation
        between adjacent stops; 0 if it always is, None if it never is."""
        dense, taken = 4 * self.total, self.bytes[entry.key]
        over = np.flatnonzero(taken >= dense)
        if not over.size:
            return 0.0
        last = int(over[-1])
        if last == len(taken) - 1:
            return None
        share = (taken[last] - dense) / (taken[last] - taken[last + 1])
        return float(self.sparsity[last] + share * (self.sparsity[last + 1] - self.sparsity[last]))

    def above_bound(self, entry: Entry, row: int) -> float | None:
        """How many times the entropy bound of its type an entry takes; None if it has none, or one of under a byte."""
        bound = float(self.bound[entry.type][row]) if entry.type in self.bound else 0.0
        return float(self.bytes[entry.key][row]) / bound if bound >= 1 else None

    def smallest(self, row: int) -> Entry:
        """The lossless entry with the fewest bytes at a stop; the first one if there are several."""
        return self._least([entry for entry in ENTRIES if entry.lossless], row)

    def main(self, row: int) -> tuple[Entry, ...]:
        """The lines that matter at a stop: the dense network, and the smallest form of each encoding worth having."""

        def best(type: str, encoding: str) -> Entry:
            return self._least([entry for entry in ENTRIES if (entry.type, entry.encoding) == (type, encoding)], row)

        best_of = {
            "float32": ("dense", "bitmask", "csr16", "compact"),
            "float16": ("dense",),
            "int8": ("bitmask", "compact"),
            "int4": ("dense", "compact"),
        }
        return (*dict.fromkeys((DENSE, *(best(type, e) for type, encodings in best_of.items() for e in encodings))),)

    def _least(self, entries: Sequence[Entry], row: int) -> Entry:
        return min(entries, key=lambda entry: int(self.bytes[entry.key][row]))


@dataclass(frozen=True, kw_only=True)
class Weighing(OfRun[Ledger]):
    """The ledger of a run over the stops or, if `sparsity` is given, one row at that sparsity.

    Raises:
        PruningError: the sparsity is not a fraction from 0 to 1.
    """

    kind = "ledger"
    noun = "byte ledger"
    kept = "ledgers/{key}.json"

    sparsity: float | None = None

    def __post_init__(self) -> None:
        if self.sparsity is not None:
            percentage(self.sparsity)

    @property
    def unit(self) -> Unit:
        """What its progress counts."""
        return "stop" if self.sparsity is None else "sparsity"

    @property
    def variant(self) -> str:
        """Such as `magnitude-global@12.5`."""
        return super().variant if self.sparsity is None else f"{super().variant}@{percentage(self.sparsity)}"
