"""Is the trade worth it? What the pruned network takes, and how many multiplications are left."""

from collections.abc import Mapping, Sequence

import numpy as np

from core import figures
from core.cost.ledger import COMPACT, DENSE, ENTRIES, Entry, Ledger
from core.errors import StoreError
from core.evaluation import Comparison, Labels
from core.evaluation.profile import DEFAULT_STOP, Profile
from core.networks import Kernel
from core.panels.base import Mark, Panel, Placed, Readout, marked, removed_readout, stop_texts
from core.words import wording


def storage(profile: Profile, labels: Labels, ledger: Ledger, layers: Mapping[str, Kernel], passes: int) -> Panel:
    """The panel of one profile and its ledger.

    Args:
        profile: the S stops; row 0 is the dense network.
        labels: (n,) true classes of the test images.
        ledger: of the same stops.
        layers: the kernels, with how often each is used.
        passes: how often the network looks at an image: twice if at its mirror image too.

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
    found = [(profile.stop_index(DEFAULT_STOP), "default")]
    for encoding in ("bitmask", "csr16", "csr32", "csr64"):
        smaller = np.flatnonzero(ledger.bytes[Entry("float32", encoding).key] < ledger.unpruned[DENSE.key])
        if smaller.size:
            found.append((int(smaller[0]), f"{figures.TITLES[encoding]} saves from"))
    return marked(profile, found)


def _answer(ledger: Ledger, row: int) -> str:
    dense, taken, control = (
        int(n) for n in (ledger.unpruned[DENSE.key], ledger.bytes[COMPACT.key][row], ledger.unpruned[COMPACT.key])
    )
    small = f"{wording.size(taken)}, {wording.percent(taken / dense, 1)} of that"
    if not ledger.k[row]:
        return (
            f"Nothing is pruned. The kernels take {wording.size(dense)} as float32. The compact encoding writes "
            f"them in {small}, without losing a bit: that is the merit of the encoding, not of pruning."
        )
    merit = _share(1 - taken / control)
    return (
        f"{wording.removed(int(ledger.k[row]), ledger.total)} set to zero. Written as they are, the kernels still take "
        f"{wording.size(dense)}: a zero takes as much as any number. The compact encoding takes {small}; of the "
        f"unpruned network it takes {wording.size(control)}, so that pruning itself saves {merit}."
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
    compact, dense = ledger.bytes[COMPACT.key], int(ledger.unpruned[DENSE.key])
    zstd = Entry("float32", "dense", "zstd").key
    uses = np.array([layers[name].uses for name in profile.names], np.int64) * passes
    left = (profile.sizes - profile.layer_k) @ uses
    whole = int(profile.sizes @ uses)
    n = wording.count(comparisons[0].n)
    return (
        removed_readout(profile),
        Readout(
            "Multiplications left",
            tuple(wording.percent(of / whole, 1) for of in left),
            tuple(f"{_millions(int(of))} of {_millions(whole)} an image; theoretical" for of in left),
            term="Multiplications",
        ),
        Readout(
            "Accuracy, difference",
            tuple(f"{wording.percent(c.pruned.value)}, {wording.points(c.difference)}" for c in comparisons),
            tuple(f"95 % {wording.interval(c.low, c.high)}; {n} test images" for c in comparisons),
            term="Difference",
        ),
        Readout(
            "Compact encoding",
            tuple(wording.size(int(taken)) for taken in compact),
            tuple(f"{wording.percent(taken / dense, 1)} of {wording.size(dense)}, lossless" for taken in compact),
            term="Compact encoding",
        ),
        Readout(
            "Entropy bound",
            tuple(wording.size(bound) for bound in ledger.bound),
            tuple(_above(int(taken), bound) for taken, bound in zip(compact, ledger.bound, strict=True)),
            term="Entropy bound",
        ),
        Readout(
            "Dense file through zstd",
            tuple(wording.size(int(taken)) for taken in ledger.bytes[zstd]),
            tuple(f"unpruned {wording.size(ledger.unpruned[zstd])}" for _ in compact),
            term="Control",
        ),
    )


def _above(taken: int, bound: float) -> str:
    return (
        f"the compact encoding is {wording.decimal(taken / bound, 4, 1.0)} times that"
        if bound >= 1
        else "nothing is left to write"
    )


def _millions(n: int) -> str:
    return f"{wording.decimal(n / 1e6, 2)} M"
