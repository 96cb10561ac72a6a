"""Is the trade worth it? What a pruned network takes in bytes, in every way of writing it down."""

from functools import partial
from typing import Any

import streamlit as st

from core import figures
from core.cost.files import Exporting
from core.cost.ledger import COMPACT, DENSE, ENTRIES, Entry, Ledger, Weighing
from core.cost.rounding import Rounding
from core.cost.script import script
from core.cost.times import BATCHES, Times, Timing, Variant, said
from core.cost.tradeoff import EPOCHS, RETRAINED, Comparing, Tradeoff
from core.cost.tradeoff import said as tradeoff_said
from core.errors import StoreError
from core.study import csv_of
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.components.live_panel import live_panel
from pages.ui.components.table import Cell, Row, table
from pages.ui.server.services import engine, results, store
from pages.ui.view import address, lookup, picker, report
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops
from pages.ui.view.report import Sheet
from pages.ui.view.say import as_written
from pages.ui.view.watching import ensure, offer
from pages.ui.view.words import meanings

COLUMNS = ("Encoding", "Through", "Bytes", "Of dense", "Of the control", "Saves from", "Gives back")
LEDGER_TERMS = ("Compact encoding", "Bitmask, CSR, COO", "float16 and int8", "Control", "Break-even")


def known_ledger(now: View, stops: Stops) -> Ledger | None:
    """The ledger of the view's stops; None, with the job in its place, while it is made."""
    with st.container():
        usual = results().get(Weighing(run_id=now.run.id, pruning=now.pruning))
        asked = None if usual is None else stops.own
        found = lookup.ledger(now.run.id, now.pruning, stops.own)
        if found is None:
            st.markdown(
                f"The kernels of this network have not been written down at {_where(asked)} yet. Each of "
                f"{len(ENTRIES)} ways is encoded, decoded and compared bit for bit, once for everyone."
            )
            ensure(Weighing(run_id=now.run.id, pruning=now.pruning, sparsity=asked))
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
    rows = [row(ledger, entry, stops.row) for entry in ENTRIES]
    table("Byte ledger", COLUMNS, rows, key="ledger", terms=LEDGER_TERMS)
    st.caption(
        "Bytes of the kernels alone; biases and normalisation take another "
        f"{wording.size(ledger.rest)} in every line. Every line was written, read again and compared bit for bit. The "
        "control is the unpruned network written in the same way: what a line takes less than its control is what "
        "pruning saves, the rest is what the encoding or the compressor would save anyhow. “Saves from” is the "
        "sparsity from which on a line takes less than the dense network as float32, by a straight line between two "
        f"stops. gzip at level 9, zstd at level 19. float16 and int8 change the weights; int8 has one scale "
        "for each output channel.",
        help=meanings("Kernel", "Control", "Break-even"),
    )
    st.download_button(
        "Numbers (CSV)", partial(to_csv, ledger), "prunelab-bytes.csv", "text/csv", on_click="ignore", key="csv ledger"
    )


def show_rounding(now: View, stops: Stops) -> None:
    """What float16 and int8 cost in accuracy at the stop."""
    sparsity = float(stops.profile.sparsity[stops.row])
    st.header("What do float16 and int8 cost in accuracy?")
    job = Rounding(run_id=now.run.id, pruning=now.pruning, sparsity=sparsity)
    found = results().get(job)
    if found is None:
        offer(
            job,
            "Measure the accuracy",
            why=f"Both change the weights. At {wording.sparsity(sparsity)} that has not been measured yet: it takes "
            f"three passes over the {wording.count(now.run.images)} test images.",
        )
        return
    for name, c in vars(found).items():
        st.markdown(
            f"**{name}**: {wording.accuracy(c.pruned)}, {wording.difference(c)} to the same pruned network as "
            f"float32; {wording.count(c.changed)} of {wording.count(c.n)} answers changed, McNemar p "
            f"{wording.relation(c.p_value)}."
        )


VARIANTS: dict[Variant, str] = {
    "dense": "Unpruned",
    "masked": "Pruned, zeros multiplied",
    "removed": "Pruned, idle filters removed",
    "csr": "Pruned, sparse matrices (CSR)",
    "onnx-dense": "Unpruned, ONNX Runtime",
    "onnx": "Pruned, ONNX Runtime",
}


def show_times(now: View, stops: Stops) -> None:
    """Whether anything is faster at the stop, on this server."""
    sparsity = float(stops.profile.sparsity[stops.row])
    st.header("Is it faster?")
    job = Timing(run_id=now.run.id, pruning=now.pruning, sparsity=sparsity)
    times = results().get(job)
    if times is None:
        offer(
            job,
            "Measure the time",
            why=f"At {wording.sparsity(sparsity)} that has not been measured yet. The unpruned network and the pruned "
            "one take turns, as they are, by ONNX Runtime, and the pruned one also without its idle filters and with "
            "its kernels as sparse matrices; it takes up to a minute.",
        )
        return
    st.markdown(f"**{said(times, sparsity)}**")
    columns = ("Network", "Images at once", "Median, ms", "Half of the rounds", "Images a second", "Times as fast")
    table("Times", columns, [times_row(times, v, b) for b in BATCHES for v in VARIANTS], key="times", terms=("ONNX",))
    st.caption(
        f"{len(times.seconds[BATCHES[0]]['dense'])} rounds on this server's {times.threads} threads, in which all "
        "variants took turns, from pixels to answers; “times as fast” compares with the unpruned network in torch "
        "within a round, with the middle half of the rounds. The server may have other work. Zeros in a dense "
        "kernel are multiplied like any number, by torch and by ONNX Runtime: nothing can be gained there. "
        f"{wording.count(times.gone)} of {wording.count(times.filters)} filters are idle: all their weights are zero "
        "and so is their answer, or nothing reads it; without them every answer stays the same. A sparse matrix skips "
        "zeros, but has to look up where each weight belongs and to copy the image's patches first, and a processor "
        "multiplies dense blocks many times as fast as scattered numbers.",
        help=meanings("Kernel", "Idle filter", "Bitmask, CSR, COO"),
    )


def times_row(times: Times, variant: Variant, batch: int) -> Row:
    """A line of the table of times."""
    median, (low, high) = times.median(batch, variant), times.quartiles(batch, variant)
    middle, least, most = times.ratio(batch, variant)
    cells = [
        Cell.text(VARIANTS[variant]),
        Cell(str(batch), batch),
        Cell(wording.decimal(1e3 * median, 2), median),
        Cell(f"{wording.decimal(1e3 * low, 2)} to {wording.decimal(1e3 * high, 2)}", low),
        Cell(wording.count(batch / median), batch / median),
        Cell("1" if variant == "dense" else _spread((least, middle, most), " to "), middle),
    ]
    return Row(f"{variant}-{batch}", cells)


def show_tradeoff(now: View) -> None:
    """Whole filters as the alternative to single weights."""
    st.header("Would whole filters be better?")
    st.markdown(
        "Single weights leave a network of the same size with holes in it. Whole filters, those with the smallest sum "
        "of magnitudes (L1 norm) in each layer, can be taken out: a smaller network is left, with nothing to skip."
    )
    job = Comparing(run_id=now.run.id, pruning=now.pruning)
    found = results().get(job)
    if found is None and not engine().limits.training:
        st.markdown("This network has not been compared yet, and nothing is trained on this server.")
        return
    if found is None:
        offer(
            job,
            "Compare the two",
            why=f"This network, pruned by {now.pruning.criterion}, {now.pruning.scope}, has not been compared yet. "
            f"Both are evaluated over their range, retrained for {EPOCHS} epochs at {len(RETRAINED)} places, weighed "
            "and timed: minutes for a small network, half an hour for the largest.",
        )
        return
    st.markdown(f"**{tradeoff_said(found)}**")
    left, right = st.columns(2)
    with left:
        chart(partial(figures.accuracy_over_bytes, found), "over bytes", "Accuracy over bytes of both ways.")
    with right:
        chart(partial(figures.accuracy_over_time, found, BATCHES[-1]), "over time", "Accuracy over time of both ways.")
    terms = ("Filter", "Retraining", "Compact encoding")
    table("Weights and filters", TRADEOFF_COLUMNS, tradeoff_rows(found), key="tradeoff", terms=terms)
    n = found.points[0].comparison.n
    st.caption(
        f"One network, {wording.count(n)} test images; weights go by {now.pruning.criterion}, {now.pruning.scope}. "
        "The table has the places where both were also retrained, with as many of "
        f"{wording.count(found.total)} weights left; “Difference” is that of the retrained from the unpruned network, "
        "which was not trained on: part of a gain is the retraining's own. Weights are "
        "timed as sparse matrices (CSR); with their zeros multiplied they take the time of the unpruned network, "
        "whatever the sparsity. Times, unpruned = 1, are medians, with the middle half, over rounds in which all took "
        f"turns, on {found.threads} threads of {machine(found)}. What is added up in a residual stream stays whole (Li "
        "et al., 2017).",
        help=meanings("Difference", "Scope", "Retraining"),
    )
    st.download_button(
        "Numbers (CSV)",
        partial(tradeoff_csv, found),
        "prunelab-filters.csv",
        "text/csv",
        on_click="ignore",
        key="csv tradeoff",
    )


def machine(found: Tradeoff) -> str:
    """What computed it."""
    return as_written(found.machine.get("processor") or "the machine that measured them")


TRADEOFF_COLUMNS = (
    "Pruned",
    "Weights left",
    "One-shot",
    "Retrained",
    "Difference",
    "Bytes, compact",
    "Bytes, float32",
    "Time, 1 image",
    f"Time, {BATCHES[-1]} images",
)


def tradeoff_rows(found: Tradeoff) -> list[Row]:
    """The networks that were retrained and timed: a row each way and place."""
    rows = []
    for method in figures.METHODS:
        before = {point.share: point for point in found.line(method, retrained=False)}
        for point in found.line(method, retrained=True):
            first, c = before[point.share], point.comparison
            cells = [
                Cell.text(f"{method.capitalize()}, {wording.percent(point.share, 0)}"),
                Cell(wording.count(first.left), first.left),
                Cell(wording.percent(first.comparison.pruned.value), first.comparison.pruned.value),
                Cell(wording.percent(c.pruned.value), c.pruned.value),
                Cell(wording.difference(c), c.difference),
                Cell(wording.count(point.compact), point.compact),
                Cell(wording.count(point.dense), point.dense),
                *(Cell(_spread(point.times[batch]), point.times[batch][1]) for batch in BATCHES),
            ]
            rows.append(Row(f"{method} {point.share}", cells))
    return rows


def _spread(quartiles: tuple[float, float, float], to: str = "–") -> str:
    low, middle, high = (wording.decimal(value, 2) for value in quartiles)
    return f"{middle} ({low}{to}{high})"


def tradeoff_csv(found: Tradeoff) -> str:
    """A row for every network."""
    head = ("method", "share", "retraining epochs", "weights left", "weights", "right", "lost", "gained", "images")
    rows: list[Any] = [(*head, "bytes as float32", "bytes compact", *(f"time for {b}, unpruned = 1" for b in BATCHES))]
    for p in found.points:
        c, times = p.comparison, [f"{p.times[b][1]:.10g}" if p.times else "" for b in BATCHES]
        counts = (p.left, found.total, c.pruned.right, c.lost, c.gained, c.n, p.dense, p.compact)
        rows.append((p.method, f"{p.share:.10g}", str(p.epochs), *map(str, counts), *times))
    return csv_of(rows)


def show_export(now: View, stops: Stops) -> None:
    """The pruned network as files, each tried before they are offered."""
    sparsity = float(stops.profile.sparsity[stops.row])
    st.header("Take it away")
    st.markdown(
        f"The network pruned to {wording.sparsity(sparsity)}: as torch's state with the script below, as ONNX, as "
        "safetensors, and in the compact encoding with the program that reads it, with a model card."
    )
    job = Exporting(run_id=now.run.id, pruning=now.pruning, sparsity=sparsity)
    checked = results().checked(job)
    if checked is None:
        offer(job, "Prepare the files", ":material/inventory_2:")
    else:
        st.success("Checked  \n" + "  \n".join(map(as_written, checked)), icon=":material/check:")
        name = f"prunelab-{now.run.id}-{address.percentage(sparsity)}.zip"
        st.download_button(
            "All files (zip)", partial(zipped, job), name, "application/zip", on_click="ignore", key="zip"
        )
    st.markdown("`network.py`, which needs nothing but torch and `weights.pt`:")
    st.code(script(now.run.design), "python")


def zipped(job: Exporting) -> bytes:
    """The files, read when somebody asks for them; raises StoreError if they are no longer kept."""
    made = results().get(job)
    if made is None:
        raise StoreError("These files are no longer kept; reload the page and prepare them again.")
    return made.zipped()


def sheets(now: View, stops: Stops, ledger: Ledger) -> list[Sheet]:
    """The tables of the page, for its file."""
    at = wording.sparsity(float(ledger.sparsity[stops.row]))
    found = results().get(Comparing(run_id=now.run.id, pruning=now.pruning))
    lines = Sheet(f"Bytes at {at}", COLUMNS, [row(ledger, entry, stops.row) for entry in ENTRIES])
    more = [] if found is None else [Sheet("Weights and filters", TRADEOFF_COLUMNS, tradeoff_rows(found))]
    return [lines, *more]


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
here = address.current(store())
if here is not None:
    picker.choose(here, store())
    looked_at = lookup.stops(here)
    if looked_at is not None:
        known = known_ledger(here, looked_at)
        if known is not None:
            show(here, looked_at, known)
            show_times(here, looked_at)
            show_rounding(here, looked_at)
            show_tradeoff(here)
            show_export(here, looked_at)
            report.offer(QUESTION, here, looked_at, "storage", partial(sheets, here, looked_at, known))
