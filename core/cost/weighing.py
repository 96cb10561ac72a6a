"""Compute byte ledgers: every entry is really encoded, decoded again, and compared bit for bit."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from core.cost import compact
from core.cost.compact import Bits
from core.cost.encodings import CODERS, ENCODINGS, quantised
from core.cost.ledger import ENTRIES, Entry, Ledger
from core.errors import PruningError
from core.pruning import At, Ranking, Weights, kernels, prune

_BITS: dict[str, type[np.unsignedinteger]] = {"float32": np.uint32, "float16": np.uint16, "int8": np.uint8}


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
    dense, rows = _Layers(weights), []
    unpruned = {entry.key: dense.weigh(entry) for entry in ENTRIES}
    for i, sparsity in enumerate(sparsities):
        k = ranking.count(sparsity)
        layers = _Layers(at(sparsity)) if k else dense
        rows.append((k, unpruned if not k else {entry.key: layers.weigh(entry) for entry in ENTRIES}, layers.bounds()))
        on_stop(i + 1, len(sparsities))
    return Ledger(
        sparsity=np.array(sparsities, np.float64),
        k=np.array([k for k, _, _ in rows], np.int64),
        total=ranking.total,
        rest=sum(w.nbytes for name, w in weights.items() if name not in ranking.names),
        bytes={entry.key: np.array([taken[entry.key] for _, taken, _ in rows], np.int64) for entry in ENTRIES},
        bound=np.array([bounds[0] for _, _, bounds in rows]),
        bound_int8=np.array([bounds[1] for _, _, bounds in rows]),
        unpruned=unpruned,
    )


class _Layers:
    """The kernels of a network in each type, as bits."""

    def __init__(self, weights: Weights) -> None:
        layers = [np.ascontiguousarray(w) for w in kernels(weights).values()]
        whole = [quantised(w) for w in layers]
        self._bits: dict[str, list[Bits]] = {
            "float32": [w.view(np.uint32) for w in layers],
            "float16": [w.astype(np.float16).view(np.uint16) for w in layers],
            "int8": [values.view(np.uint8) for values, _ in whole],
        }
        self._scales = {"int8": sum(scales.nbytes for _, scales in whole)}
        self._written = dict[tuple[str, str], bytes]()

    def weigh(self, entry: Entry) -> int:
        """The bytes of an entry, after it was decoded and compared."""
        compress, decompress = CODERS[entry.coder]
        plain = self._plain(entry)
        content = compress(plain)
        if decompress(content, len(plain)) != plain:
            raise _wrong(entry)
        return len(content) + self._scales.get(entry.type, 0)

    def bounds(self) -> tuple[float, float]:
        """The entropy bounds in bytes: of float32, and of int8 with its scales."""
        return compact.entropy(self._bits["float32"]), compact.entropy(self._bits["int8"]) + self._scales["int8"]

    def _plain(self, entry: Entry) -> bytes:
        """The bytes of the encoding alone, decoded and compared once."""
        name = (entry.type, entry.encoding)
        if name not in self._written:
            layers, form = self._bits[entry.type], ENCODINGS[entry.encoding]
            content = form.encode(layers)
            again = form.decode(content, [layer.shape for layer in layers], _BITS[entry.type])
            if any(not np.array_equal(a, b) for a, b in zip(layers, again, strict=True)):
                raise _wrong(entry)
            self._written[name] = content
        return self._written[name]


def _wrong(entry: Entry) -> PruningError:
    return PruningError(f"{entry.key} did not decode to the weights that it encodes; please report this network.")
