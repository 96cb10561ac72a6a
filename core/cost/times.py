"""Inference times: the measurements and what they show, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from core.errors import StoreError
from core.job import AtSparsity
from core.words import wording

Variant = Literal["dense", "masked", "removed", "csr", "onnx-dense", "onnx"]
"""The unpruned network; the pruned one, with its zeros multiplied like any number; the same without idle filters, which
affect no answer; the same with its kernels as sparse matrices; and both networks in ONNX Runtime."""

BROUGHT: tuple[Variant, ...] = ("onnx-dense", "onnx")
"""Those of a network that was brought."""

BATCHES = (1, 256)
"""Images per forward pass, of a network that was trained here."""


@dataclass(frozen=True)
class Times:
    """Seconds per forward pass for each variant and batch, one value per round; in a round all variants take turns.

    Attributes:
        seconds: for each batch, for each variant, the R rounds.
        gone: idle filters of the pruned network: they affect no answer.
        filters: all filters that can be removed.
        threads: threads that computed.
        machine: as in a run.

    Raises:
        StoreError: a variant or a batch is missing, or a time is not positive.
    """

    seconds: Mapping[int, Mapping[Variant, Sequence[float]]]
    gone: int
    filters: int
    threads: int
    machine: Mapping[str, str | int | bool]

    def __post_init__(self) -> None:
        rows = [row for variants in self.seconds.values() for row in variants.values()]
        known = all({*v} in ({*get_args(Variant)}, {*BROUGHT}) for v in self.seconds.values())
        if not (self.seconds and known) or len({len(row) for row in rows}) != 1 or min(map(min, rows), default=0) <= 0:
            raise StoreError("These times are damaged.")

    @property
    def batches(self) -> tuple[int, ...]:
        """Images per forward pass, ascending."""
        return tuple(sorted(self.seconds))

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What was timed; the first is what the others are compared with."""
        return tuple(name for name in get_args(Variant) if name in self.seconds[self.batches[0]])

    @property
    def rounds(self) -> int:
        """R."""
        return len(self.seconds[self.batches[0]][self.variants[0]])

    def median(self, batch: int, variant: Variant) -> float:
        """The median seconds per pass."""
        return float(np.median(self.seconds[batch][variant]))

    def quartiles(self, batch: int, variant: Variant) -> tuple[float, float]:
        """The lower and upper quartile, in seconds."""
        low, high = np.percentile(self.seconds[batch][variant], (25, 75))
        return float(low), float(high)

    def ratio(self, batch: int, variant: Variant, to: Variant | None = None) -> tuple[float, float, float]:
        """The speed relative to another variant, by default the first, in the same round: median and quartiles."""
        ratios = np.array(self.seconds[batch][to or self.variants[0]]) / np.array(self.seconds[batch][variant])
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        return float(middle), float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class Timing(AtSparsity[Times]):
    """Time a run, dense and pruned."""

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
    """The result in words: “faster” or “slower” only if the middle half of the rounds agrees."""
    parts = []
    for variant, to, name in _COMPARED:
        if variant not in times.variants or (variant == "removed" and not times.gone):
            continue
        verdicts = [_verdict(*times.ratio(batch, variant, to)) for batch in times.batches]
        alike = verdicts[0] if verdicts[0] == verdicts[1] else None
        each = alike or f"{verdicts[0]} for one image and {verdicts[1]} for {times.batches[-1]}"
        parts.append(f"{name}, {each}")
    return f"At {wording.sparsity(sparsity)} the pruned network is, {'; '.join(parts)}."


def _verdict(middle: float, low: float, high: float) -> str:
    if low > 1.05:
        return "faster than the unpruned one"
    return "slower than the unpruned one" if high < 0.95 else "about as fast as the unpruned one"
