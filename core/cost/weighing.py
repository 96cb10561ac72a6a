"""Compute byte ledgers: every entry is really encoded, decoded again, and compared bit for bit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.cost import compact
from core.cost.compact import Bits
from core.cost.encodings import CODERS, WIDTHS, encoding, quantised
from core.cost.ledger import BOUNDED, ENTRIES, Entry, Ledger
from core.errors import PruningError
from core.pruning import At, Ranking, Weights, kernels, prune


def weigh(
    weights: Weights,
    ranking: Ranking,
    sparsities: Sequence[float],
    on_stop: Callable[[int, int], object] = lambda done, of: None,
    at: At | None = None,
) -> Ledger:
    """The ledger of a network at each sparsity; `at` gives other weights than `prune` does.

    `on_stop` is called with the number done and the total.

    Raises:
        PruningError: as `prune`; or an encoding did not give back its input.
    """
    at = at or partial(prune, weights, ranking)
    unpruned, rows = _Row.of(weights), list[_Row]()
    for i, sparsity in enumerate(sparsities):
        rows.append(_Row.of(at(sparsity)) if ranking.count(sparsity) else unpruned)
        on_stop(i + 1, len(sparsities))
    return Ledger(
        sparsity=np.array(sparsities, np.float64),
        k=np.array([ranking.count(sparsity) for sparsity in sparsities], np.int64),
        total=ranking.total,
        rest=sum(w.nbytes for name, w in weights.items() if name not in ranking.names),
        bytes={entry.key: np.array([row.bytes[entry.key] for row in rows], np.int64) for entry in ENTRIES},
        bound={type: np.array([row.bound[type] for row in rows], np.float64) for type in BOUNDED},
        file=np.array([row.file for row in rows], np.int64),
        unpruned=unpruned.bytes,
    )


@dataclass(frozen=True)
class _Row:
    """A network's bytes by entry, its entropy bounds by type, and the bytes of its file."""

    bytes: Mapping[str, int]
    bound: Mapping[str, float]
    file: int

    @classmethod
    def of(cls, weights: Weights) -> "_Row":
        layers = _Layers(weights)
        taken = {entry.key: layers.weigh(entry) for entry in ENTRIES}
        return cls(taken, {type: layers.bound(type) for type in BOUNDED}, _packed(weights))


def _packed(weights: Weights) -> int:
    """Bytes of the whole network as a compact file, after it was read again and compared."""
    content = compact.pack(weights, {})
    again, _ = compact.unpack(content)
    same = all(w.shape == again[name].shape and w.tobytes() == again[name].tobytes() for name, w in weights.items())
    if [*again] != [*weights] or not same:
        raise PruningError("The compact file did not give the network back; please report this network.")
    return len(content)


class _Layers:
    """The kernels of a network in each type, as bits."""

    def __init__(self, weights: Weights) -> None:
        layers = [np.ascontiguousarray(w) for w in kernels(weights).values()]
        self._bits: dict[str, list[Bits]] = {
            "float32": [w.view(np.uint32) for w in layers],
            "float16": [w.astype(np.float16).view(np.uint16) for w in layers],
        }
        self._scales: dict[str, list[Bits]] = {type: [] for type in self._bits}
        self._smallest = compact.smallest({str(i): w for i, w in enumerate(layers)})
        self._compact = {"float32": self._smallest.layers}
        for type, width in WIDTHS.items():
            whole = [quantised(w, width) for w in layers]
            self._bits[type] = [integers.view(np.uint8) for integers, _ in whole]
            self._scales[type] = [scales.view(np.uint32) for _, scales in whole]
            self._compact[type] = [*self._bits[type], *self._scales[type]]
        self._written = dict[tuple[str, str], bytes]()

    def weigh(self, entry: Entry) -> int:
        """The bytes of an entry, after it was decoded and compared."""
        compress, decompress = CODERS[entry.coder]
        plain = self._plain(entry)
        content = compress(plain)
        if decompress(content, len(plain)) != plain:
            raise _wrong(entry)
        return len(content) + (0 if entry.encoding == "compact" else sum(s.nbytes for s in self._scales[entry.type]))

    def bound(self, type: str) -> float:
        """The entropy bound in bytes, with the scales."""
        return compact.entropy(self._compact[type])

    def _plain(self, entry: Entry) -> bytes:
        """The bytes of the encoding alone, decoded and compared once."""
        name = (entry.type, entry.encoding)
        if name not in self._written:
            content, layers, again = self._written_and_read(entry)
            if any(not np.array_equal(a, b) for a, b in zip(layers, again, strict=True)):
                raise _wrong(entry)
            self._written[name] = content
        return self._written[name]

    def _written_and_read(self, entry: Entry) -> tuple[bytes, list[Bits], list[Bits]]:
        if entry.encoding == "compact":
            layers = self._compact[entry.type]
            content = self._smallest.content if entry.type == "float32" else compact.encode(layers)
            return content, layers, compact.decode(content, *_known(layers))
        layers, form = self._bits[entry.type], encoding(entry.encoding, entry.type)
        content = form.encode(layers)
        shapes, types = _known(layers)
        return content, layers, form.decode(content, shapes, types[0])


def _known(layers: Sequence[Bits]) -> tuple[list[tuple[int, ...]], list[type[np.unsignedinteger]]]:
    """Shapes and types, which a decoder is given."""
    return [layer.shape for layer in layers], [layer.dtype.type for layer in layers]


def _wrong(entry: Entry) -> PruningError:
    return PruningError(f"{entry.key} did not decode to the weights that it encodes; please report this network.")
