"""Is the trade worth it? What the pruned network takes, and how many multiplications are left."""

from collections.abc import Mapping, Sequence

import numpy as np

from core import figures
from core.cost.ledger import COMPACT, DENSE, ENTRIES, Entry, Ledger
from core.errors import StoreError
from core.evaluation import Comparison, Labels
from core.evaluation.profile import DEFAULT_STOP, Profile
from core.networks import Kernel
from core.panels.base import Mark, Panel, Placed, Readout, marked, readout, removed_readout, stop_texts
from core.words import repair, wording


def storage(profile: Profile, labels: Labels, ledger: Ledger, layers: Mapping[str, Kernel], passes: int) -> Panel:
    """The panel of one profile and its ledger.

    Args:
        profile: the S stops; row 0 is the dense network.
        labels: (n,) true classes of the test images.
        ledger: of the same stops.
        layers: the kernels, with how often each is used.
        passes: as `core.networks.passes`.

    Raises:
        StoreError: the ledger is of other stops.
    """
    if not np.array_equal(profile.k, ledger.k):
        raise StoreError("The byte ledger is of other stops than the profile; reload the page.")
    comparisons = profile.comparisons(labels)
    return Panel(
        stops=stop_texts(profile),
        marks=_marks(profile, ledger),
        answers=tuple(_answer(ledger, row) for row in range(len(ledger.k))),
        warnings=tuple(_warning(ledger, row) for row in range(len(ledger.k))),
        readouts=_readouts(profile, comparisons, ledger, layers, passes),
        figures=(Placed(figures.bytes_over_sparsity(ledger), 7), Placed(figures.bytes_at_stop(ledger), 5)),
    )


def _marks(profile: Profile, ledger: Ledger) -> tuple[Mark, ...]:
    """The default, and the first stops at which formats save anything."""
    wanted = [(profile.stop_index(DEFAULT_STOP), "default:")]
    for encoding in ("bitmask", "csr16", "csr32", "csr64"):
        smaller = np.flatnonzero(ledger.bytes[Entry("float32", encoding).key] < ledger.unpruned[DENSE.key])
        if smaller.size:
            wanted.append((int(smaller[0]), f"{figures.TITLES[encoding]} saves from"))
    return marked(profile, wanted)


def _answer(ledger: Ledger, row: int) -> str:
    dense, taken, control = (
        int(n) for n in (ledger.unpruned[DENSE.key], ledger.bytes[COMPACT.key][row], ledger.unpruned[COMPACT.key])
    )
    small = f"{wording.size(taken)}, {wording.percent(taken / dense, 1)} of that"
    if not ledger.k[row]:
        return (
            f"Nothing is pruned. The kernels take {wording.size(dense)} as float32. The compact encoding writes "
            f"them in {small}, without losing a bit: a gain of the encoding, not of pruning."
        )
    merit = _share(1 - taken / control)
    return (
        f"{wording.removed(int(ledger.k[row]), ledger.total)} set to zero. As dense float32, the kernels still take "
        f"{wording.size(dense)}: a zero takes as much as any number. The compact encoding takes {small}; for the "
        f"unpruned network it takes {wording.size(control)}, so pruning itself saves {merit}."
    )


def _share(fraction: float) -> str:
    return wording.percent(fraction, 1) if fraction >= 0.001 else wording.percent(fraction, 3)


def _warning(ledger: Ledger, row: int) -> str:
    """Which of the usual formats are larger than the dense network."""
    dense = ledger.unpruned[DENSE.key]
    larger = [
        figures.title(entry)
        for entry in ENTRIES
        if entry.lossless and entry.coder == "none" and ledger.bytes[entry.key][row] > dense
    ]
    return f"Larger than the dense network at this sparsity: {'; '.join(larger)}." if larger else ""


def _readouts(
    profile: Profile, comparisons: Sequence[Comparison], ledger: Ledger, layers: Mapping[str, Kernel], passes: int
) -> tuple[Readout, ...]:
    dense = int(ledger.unpruned[DENSE.key])
    zstd = Entry("float32", "dense", "zstd").key
    uses = np.array([layers[name].uses for name in profile.names], np.int64) * passes
    left, whole = (profile.sizes - profile.layer_k) @ uses, int(profile.sizes @ uses)
    n, unpruned = wording.count(comparisons[0].n), f"unpruned {wording.size(ledger.unpruned[zstd])}"

    def multiplications(count: int) -> tuple[str, str]:
        return wording.percent(count / whole, 1), f"{_millions(count)} of {_millions(whole)} an image; theoretical"

    def accuracy(c: Comparison) -> tuple[str, str]:
        value = f"{wording.percent(c.pruned.value)}, {wording.points(c.difference)}"
        return value, f"95 % {wording.interval(c.low, c.high)}; {n} test images"

    def encoded(type: str) -> list[tuple[str, str]]:
        entry = Entry(type, "compact")
        return [
            (wording.size(n), f"{wording.percent(n / dense, 1)} of {wording.size(dense)}; {_above(ledger, entry, row)}")
            for row, n in enumerate(ledger.bytes[entry.key].tolist())
        ]

    return (
        removed_readout(profile),
        readout("Multiplications left", "Multiplications", map(multiplications, left.tolist())),
        readout(
            f"Accuracy, difference{repair.after(profile.pruning.repair)}", "Difference", map(accuracy, comparisons)
        ),
        readout("Compact encoding, lossless", "Compact encoding", encoded("float32")),
        readout("Compact encoding, int8", "float16, int8, int4", encoded("int8")),
        readout("Compact encoding, int4", "float16, int8, int4", encoded("int4")),
        readout("Dense file through zstd", "Control", ((wording.size(int(t)), unpruned) for t in ledger.bytes[zstd])),
    )


def _above(ledger: Ledger, entry: Entry, row: int) -> str:
    above = ledger.above_bound(entry, row)
    return "nothing is left to write" if above is None else f"{wording.decimal(above, 4, 1.0)} times the entropy bound"


def _millions(n: int) -> str:
    return f"{wording.decimal(n / 1e6, 2)} M"
