"""How long a network takes: what was measured, and what may be said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from core.errors import StoreError
from core.job import AtSparsity
from core.words import wording

Variant = Literal["dense", "masked", "removed", "csr", "onnx-dense", "onnx"]
"""The unpruned network; the pruned one, whose zeros are multiplied like any number; it without the filters that have no
part in any answer; its kernels as sparse matrices; and both networks by ONNX Runtime."""

BATCHES = (1, 256)
"""Images at once."""


@dataclass(frozen=True)
class Times:
    """Seconds of one pass for each variant and batch, a value a round; in a round all took turns.

    Attributes:
        seconds: for each batch, for each variant, the R rounds.
        gone: filters without a part in any answer of the pruned network,
        filters: of so many that could go.
        threads: that computed.
        machine: as of a run.

    Raises:
        StoreError: a variant or a batch is missing, or a time is none.
    """

    seconds: Mapping[int, Mapping[Variant, Sequence[float]]]
    gone: int
    filters: int
    threads: int
    machine: Mapping[str, str | int | bool]

    def __post_init__(self) -> None:
        rows = [row for variants in self.seconds.values() for row in variants.values()]
        whole = {*self.seconds} == {*BATCHES} and all({*v} == {*get_args(Variant)} for v in self.seconds.values())
        if not whole or len({len(row) for row in rows}) != 1 or min(map(min, rows), default=0) <= 0:
            raise StoreError("These times are damaged.")

    def median(self, batch: int, variant: Variant) -> float:
        """Seconds of a pass."""
        return float(np.median(self.seconds[batch][variant]))

    def quartiles(self, batch: int, variant: Variant) -> tuple[float, float]:
        """Between which half of the rounds lie, in seconds."""
        low, high = np.percentile(self.seconds[batch][variant], (25, 75))
        return float(low), float(high)

    def ratio(self, batch: int, variant: Variant, to: Variant = "dense") -> tuple[float, float, float]:
        """How many times as fast as another in the same round: median and quartiles."""
        ratios = np.array(self.seconds[batch][to]) / np.array(self.seconds[batch][variant])
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        return float(middle), float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class Timing(AtSparsity[Times]):
    """A run timed, dense and pruned."""

    kind = "timing"
    noun = "timing"
    unit = "round"
    kept = "ledgers/times-{key}.json"


_COMPARED: tuple[tuple[Variant, Variant, str], ...] = (
    ("masked", "dense", "with its zeros multiplied like any number"),
    ("removed", "dense", "without its idle filters"),
    ("csr", "dense", "as sparse matrices"),
    ("onnx", "onnx-dense", "both by ONNX Runtime"),
)


def in_words(times: Times, sparsity: float) -> str:
    """What the times show in words: faster or slower only where the middle half of the rounds agrees."""
    parts = []
    for variant, to, name in _COMPARED:
        if variant == "removed" and not times.gone:
            continue
        verdicts = [_verdict(*times.ratio(batch, variant, to)) for batch in BATCHES]
        alike = verdicts[0] if verdicts[0] == verdicts[1] else None
        each = alike or f"{verdicts[0]} for one image and {verdicts[1]} for {BATCHES[1]}"
        parts.append(f"{name}, {each}")
    return f"At {wording.sparsity(sparsity)} the pruned network is, {'; '.join(parts)}."


def _verdict(middle: float, low: float, high: float) -> str:
    if low > 1.05:
        return "faster than the unpruned one"
    return "slower than the unpruned one" if high < 0.95 else "about as fast as the unpruned one"
