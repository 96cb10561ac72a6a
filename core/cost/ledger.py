"""The byte ledger: what a pruned network's kernels take, written down in every way, over all stops.

Only the numbers: `core.cost.weighing` makes them, and the web server reads them without a coder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError

FORMAT = 1
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
)
"""All lines, in their order. Of int8 the scales, a float32 for each output channel, are part of the bytes."""

ROUNDED = ("float16", "int8")
"""The types that change the weights."""

DENSE, COMPACT = Entry("float32", "dense"), Entry("float32", "compact")


@dataclass(frozen=True, eq=False)
class Ledger:
    """Bytes of the kernels alone at S sparsities; biases and normalisation come on top, the same in every line.

    Attributes:
        sparsity: (S,) fractions, strictly increasing.
        k: (S,) weights pruned, of `total`.
        total: N.
        rest: bytes of what is no kernel, as float32.
        bytes: (S,) for each entry by its key.
        bound: (S,) entropy bound of float32 in bytes (`core.cost.compact.entropy`).
        bound_int8: the same of int8, with its scales.
        unpruned: bytes of the network before pruning for each entry by its key: the control.
    """

    sparsity: NDArray[np.float64]
    k: NDArray[np.int64]
    total: int
    rest: int
    bytes: Mapping[str, NDArray[np.int64]]
    bound: NDArray[np.float64]
    bound_int8: NDArray[np.float64]
    unpruned: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        arrays = {name: getattr(self, name).tolist() for name in ("sparsity", "k")}
        bounds = {name: getattr(self, name).round(1).tolist() for name in ("bound", "bound_int8")}
        bytes_ = {key: values.tolist() for key, values in self.bytes.items()}
        return {"format": FORMAT, **vars(self), **arrays, **bounds, "bytes": bytes_, "unpruned": dict(self.unpruned)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Ledger":
        """The inverse of `to_dict`.

        Raises:
            StoreError: it is no ledger of these entries, or its parts do not fit together.
        """
        try:
            if values["format"] != FORMAT:
                raise StoreError("This ledger is of another version.")
            keys = [entry.key for entry in ENTRIES]
            ledger = cls(
                sparsity=np.array(values["sparsity"], np.float64),
                k=np.array(values["k"], np.int64),
                total=int(values["total"]),
                rest=int(values["rest"]),
                bytes={key: np.array(values["bytes"][key], np.int64) for key in keys},
                bound=np.array(values["bound"], np.float64),
                bound_int8=np.array(values["bound_int8"], np.float64),
                unpruned={key: int(values["unpruned"][key]) for key in keys},
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise StoreError(f"This is no ledger ({error}).") from error
        lengths = {len(a) for a in (ledger.sparsity, ledger.k, ledger.bound, ledger.bound_int8, *ledger.bytes.values())}
        if lengths != {len(ledger.sparsity)} or not len(ledger.sparsity):
            raise StoreError("This ledger is damaged: its columns differ in length.")
        return ledger

    def merged(self, point: "Ledger") -> "Ledger":
        """With the row of a sparsity of its own, in its place."""
        order = np.argsort(np.append(self.sparsity, point.sparsity), kind="stable")

        def both(mine: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
            return np.append(mine, others)[order]

        return Ledger(
            both(self.sparsity, point.sparsity),
            both(self.k, point.k),
            self.total,
            self.rest,
            {key: both(values, point.bytes[key]) for key, values in self.bytes.items()},
            both(self.bound, point.bound),
            both(self.bound_int8, point.bound_int8),
            self.unpruned,
        )

    def break_even(self, entry: Entry) -> float | None:
        """The sparsity from which on an entry takes less than the dense network as float32, by the straight line
        between the stops beside it; 0 if it always does, None if it never does."""
        dense, taken = 4 * self.total, self.bytes[entry.key]
        over = np.flatnonzero(taken >= dense)
        if not over.size:
            return 0.0
        last = int(over[-1])
        if last == len(taken) - 1:
            return None
        share = (taken[last] - dense) / (taken[last] - taken[last + 1])
        return float(self.sparsity[last] + share * (self.sparsity[last + 1] - self.sparsity[last]))

    def smallest(self, row: int) -> Entry:
        """The lossless entry with the fewest bytes at a stop, the first of equals."""
        return min((entry for entry in ENTRIES if entry.lossless), key=lambda entry: int(self.bytes[entry.key][row]))
