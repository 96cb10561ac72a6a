"""Is the trade worth it? What a pruned network takes in bytes, in every way of writing it down."""

from typing import Any

import streamlit as st

from core import figures, jobs, wording
from core.errors import PruneLabError
from core.pruning import prune, rank
from core.storage.export import export
from core.storage.ledger import COMPACT, DENSE, ENTRIES, Entry, Ledger
from core.storage.timing import BATCHES, Times, Variant, said
from core.study import csv_of
from pages.ui import lookup, picker, report, view
from pages.ui.live_panel import live_panel
from pages.ui.lookup import Stops
from pages.ui.services import engine, ledgers, store
from pages.ui.table import Cell, Row, table
from pages.ui.view import View
from pages.ui.watching import ensure, offer

COLUMNS = ("Encoding", "Through", "Bytes", "Of dense", "Of the control", "Saves from", "Gives back")


def known_ledger(now: View, stops: Stops) -> Ledger | None:
    """The ledger of the view's stops; None, with the job in its place, while it is made."""
    with st.container():
        usual = ledgers().ledger(now.run.id, now.pruning)
        asked = None if usual is None else stops.own
        found = lookup.ledger(now.run.id, now.pruning, stops.own)
        if found is None:
            st.markdown(
                f"The kernels of this network have not been written down at {_where(asked)} yet. Each of "
                f"{len(ENTRIES)} ways is encoded, decoded and compared bit for bit, once for everyone."
            )
            job_id = jobs.ledger_id(now.run.id, now.pruning, asked)
            ensure(job_id, lambda: engine().ledger(now.run.id, now.pruning, asked))
        return found


def _where(sparsity: float | None) -> str:
    return "the stops of the slider" if sparsity is None else wording.sparsity(sparsity)


def show(now: View, stops: Stops, ledger: Ledger) -> None:
    """The live panel, and every line of the ledger at the stop."""
    url = lookup.panel_url(now, stops, part="storage")
    live_panel([url], stops.row, label="Sparsity", key="storage panel", on_stop=stops.go)
    at = wording.sparsity(float(ledger.sparsity[stops.row]))
    smallest = ledger.smallest(stops.row)
    st.header(f"At {at} the smallest lossless form is {_called(smallest)}: {_of(ledger, smallest, stops.row)}")
    table("Byte ledger", COLUMNS, [row(ledger, entry, stops.row) for entry in ENTRIES], key="ledger")
    st.caption(
        "Bytes of the kernels alone; biases and normalisation take another "
        f"{wording.size(ledger.rest)} in every line. Every line was written, read again and compared bit for bit. The "
        "control is the unpruned network written in the same way: what a line takes less than its control is what "
        "pruning saves, the rest is what the encoding or the compressor would save anyhow. “Saves from” is the "
        "sparsity from which on a line takes less than the dense network as float32, by a straight line between two "
        f"stops. gzip at level 9, zstd at level 19. float16 and int8 change the weights; int8 has one scale "
        "for each output channel."
    )
    st.download_button(
        "Numbers (CSV)", to_csv(ledger), "prunelab-bytes.csv", "text/csv", on_click="ignore", key="csv ledger"
    )


def show_rounding(now: View, stops: Stops) -> None:
    """What float16 and int8 cost in accuracy at the stop."""
    sparsity = float(stops.profile.sparsity[stops.row])
    st.header("What do float16 and int8 cost in accuracy?")
    found = ledgers().rounding(now.run.id, now.pruning, sparsity)
    if found is None:
        offer(
            jobs.rounding_id(now.run.id, now.pruning, sparsity),
            lambda: engine().rounding(now.run.id, now.pruning, sparsity),
            "Measure the accuracy",
            ":material/science:",
            f"Both change the weights. At {wording.sparsity(sparsity)} that has not been measured yet: it takes three "
            f"passes over the {wording.count(now.run.images)} test images.",
        )
        return
    for name, c in found.items():
        st.markdown(
            f"**{name}**: {wording.accuracy(c.pruned)}, {wording.difference(c)} to the same pruned network as "
            f"float32; {wording.count(c.changed)} of {wording.count(c.n)} answers changed, McNemar p "
            f"{wording.relation(c.p_value)}."
        )


VARIANTS: dict[Variant, str] = {
    "dense": "Dense, unpruned",
    "masked": "Pruned, zeros multiplied",
    "csr": "Pruned, sparse matrices (CSR)",
}


def show_times(now: View, stops: Stops) -> None:
    """Whether anything is faster at the stop, on this server."""
    sparsity = float(stops.profile.sparsity[stops.row])
    st.header("Is it faster?")
    times = ledgers().times(now.run.id, now.pruning, sparsity)
    if times is None:
        offer(
            jobs.timing_id(now.run.id, now.pruning, sparsity),
            lambda: engine().timing(now.run.id, now.pruning, sparsity),
            "Measure the time",
            ":material/science:",
            f"At {wording.sparsity(sparsity)} that has not been measured yet. The dense network, the pruned one and "
            "the pruned one with its kernels as sparse matrices take turns; it takes up to a minute.",
        )
        return
    st.markdown(f"**{said(times, sparsity)}**")
    columns = ("Network", "Images at once", "Median, ms", "Half of the rounds", "Images a second", "Times dense")
    table("Times", columns, [times_row(times, v, b) for b in BATCHES for v in VARIANTS], key="times")
    st.caption(
        f"{len(times.seconds[BATCHES[0]]['dense'])} rounds on this server's {times.threads} threads, in which all "
        "variants took turns; “times dense” compares within a round, with the middle half of the rounds. The server "
        "may do other things meanwhile. Zeros in a dense kernel are multiplied like any number, so that nothing can be "
        "gained there. A sparse matrix skips them, but has to look up where each weight belongs and to copy the "
        "image's patches first, and a processor multiplies dense blocks many times as fast as scattered numbers."
    )


def times_row(times: Times, variant: Variant, batch: int) -> Row:
    """A line of the table of times."""
    median, (low, high) = times.median(batch, variant), times.quartiles(batch, variant)
    middle, least, most = times.ratio(batch, variant)
    cells = [
        Cell.text(VARIANTS[variant]),
        Cell(str(batch), batch),
        Cell(f"{1e3 * median:.2f}", median),
        Cell(f"{1e3 * low:.2f} to {1e3 * high:.2f}", low),
        Cell(wording.count(batch / median), batch / median),
        Cell("1" if variant == "dense" else f"{middle:.2f} ({least:.2f} to {most:.2f})", middle),
    ]
    return Row(f"{variant}-{batch}", cells)


def show_export(now: View, stops: Stops) -> None:
    """The pruned network as files, read again and compared before they are offered."""
    sparsity = float(stops.profile.sparsity[stops.row])
    st.header("Take it away")
    st.markdown(
        f"The network pruned to {wording.sparsity(sparsity)}, as safetensors and in the compact encoding with the "
        "program that reads it, and a model card."
    )
    key = f"export {now.run.id} {now.pruning.key} {sparsity}"
    if not st.button("Prepare the files", icon=":material/inventory_2:", key=key):
        return
    weights, slopes = store().weights(now.run.id), store().gradients(now.run.id)
    pruned = prune(weights, rank(weights, now.pruning, slopes), sparsity)
    comparison = stops.profile.comparisons(store().labels(now.run.id))[stops.row]
    try:
        made = export(now.run, pruned, now.pruning, int(stops.profile.k[stops.row]), comparison)
    except PruneLabError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.success("Checked: " + " ".join(made.checked), icon=":material/check:")
    name = f"prunelab-{now.run.id}-{view.percentage(sparsity)}.zip"
    st.download_button("All files (zip)", made.zipped(), name, "application/zip", on_click="ignore", key=f"zip {key}")


def row(ledger: Ledger, entry: Entry, i: int) -> Row:
    """A line of the ledger at a stop."""
    taken, dense = int(ledger.bytes[entry.key][i]), ledger.unpruned[DENSE.key]
    control = ledger.unpruned[entry.key]
    cells = [
        Cell.text(figures.title(entry)),
        Cell.text(figures.CODERS[entry.coder]),
        Cell(wording.count(taken), taken),
        Cell(wording.percent(taken / dense, 1), taken / dense),
        Cell(wording.percent(taken / control, 1), taken / control),
        _saves_from(ledger.break_even(entry)),
        Cell.text("every bit" if entry.lossless else f"every bit of the {entry.type}"),
    ]
    return Row(entry.key, cells)


def _saves_from(sparsity: float | None) -> Cell:
    if sparsity is None:
        return Cell("never", 2.0)
    return Cell("always" if sparsity == 0 else wording.percent(sparsity, 1), sparsity)


def _called(entry: Entry) -> str:
    through = "" if entry.coder == "none" else f" through {figures.CODERS[entry.coder]}"
    return "the compact encoding" if entry == COMPACT else f"{figures.title(entry)}{through}"


def _of(ledger: Ledger, entry: Entry, i: int) -> str:
    taken = int(ledger.bytes[entry.key][i])
    return f"{wording.size(taken)}, {wording.percent(taken / ledger.unpruned[DENSE.key], 1)} of dense."


def to_csv(ledger: Ledger) -> str:
    """One row for each line of the ledger and stop."""
    rows: list[Any] = [("type", "encoding", "compressor", "sparsity", "weights zero", "weights", "bytes")]
    for entry in ENTRIES:
        for s, k, n in zip(ledger.sparsity, ledger.k, ledger.bytes[entry.key], strict=True):
            rows.append((entry.type, entry.encoding, entry.coder, f"{s:.10g}", str(k), str(ledger.total), str(n)))
    return csv_of(rows)


QUESTION = "Is the trade worth it?"

st.title(QUESTION)
here = view.current(store())
if here is not None:
    picker.choose(here, store())
    looked_at = lookup.stops(here)
    if looked_at is not None:
        known = known_ledger(here, looked_at)
        if known is not None:
            show(here, looked_at, known)
            show_times(here, looked_at)
            show_rounding(here, looked_at)
            show_export(here, looked_at)
            report.offer(QUESTION, here, looked_at, "storage")
