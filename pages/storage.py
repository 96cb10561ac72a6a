"""Is the trade worth it? Bytes and time of a pruned network, and the network as a download."""

from functools import partial
from typing import Any

import streamlit as st

from core import figures
from core.cost import hardware
from core.cost.files import Exporting
from core.cost.ledger import COMPACT, DENSE, ENTRIES, Entry, Ledger, Weighing
from core.cost.rounding import Rounding
from core.cost.script import script
from core.errors import StoreError
from core.pruning import SCOPES
from core.study import csv_of
from core.words import repair, wording
from pages.ui.components.live_panel import SLIDER_RANGE, live_panel
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server.services import results, store
from pages.ui.view import address, frontier, linked, lookup, picker, report, timing, tradeoff
from pages.ui.view.address import View
from pages.ui.view.downloads import offer_numbers
from pages.ui.view.head import head
from pages.ui.view.lookup import Stops
from pages.ui.view.report import Sheet
from pages.ui.view.say import as_written
from pages.ui.view.watching import ensure, offer, result_or_offer
from pages.ui.view.words import meanings

COLUMNS = (
    "Encoding", "Compressor", "Bytes", "Versus dense", "Versus unpruned", "Versus bound", "Saves from", "Restores"
)  # fmt: skip
LEDGER_TERMS = (
    "Compact encoding", "Bitmask, CSR, COO", "float16, int8, int4", "Control", "Entropy bound", "Break-even"
)  # fmt: skip


def known_ledger(view: View, stops: Stops) -> Ledger | None:
    """The ledger over the view's stops; None while it is computed, with the job's progress on the page."""
    with st.container():
        usual = results().get(Weighing(run_id=view.run.id, pruning=view.pruning))
        asked = None if usual is None else stops.own
        ledger = lookup.ledger(view.run.id, view.pruning, stops.own)
        if ledger is None:
            st.markdown(
                f"The bytes of this network's kernels{repair.after(view.pruning.repair)} have not been measured at "
                f"{_where(asked)} yet. The kernels are written in {len(ENTRIES)} ways, read again and compared bit for "
                "bit. This happens once for everyone."
            )
            ensure(Weighing(run_id=view.run.id, pruning=view.pruning, sparsity=asked))
        return ledger


def _where(sparsity: float | None) -> str:
    return "the stops of the slider" if sparsity is None else wording.sparsity(sparsity)


def show(view: View, stops: Stops, ledger: Ledger) -> None:
    """The live panel, and all lines of the ledger at the stop."""
    with st.container(key=SLIDER_RANGE):
        show_bytes(view, stops, ledger)
    st.caption(
        "Bytes of the kernels alone; biases and normalisation take another "
        f"{wording.size(ledger.rest)} in every line. Every line was written, read again and compared bit for bit. "
        "“Versus unpruned” compares a line with the unpruned network written in the same way (the control). The "
        "difference is what pruning saves; the rest is what the encoding or the compressor would save without it. "
        "“Versus bound” is how many times the entropy bound of its type a line takes. "
        "“Saves from” is the sparsity from which a line takes fewer bytes than the dense network as float32, "
        "interpolated linearly between two stops. gzip runs at level 9, zstd at level 19. float16, int8 and int4 "
        "change the weights; int8 and int4 have one scale for each output channel, which is counted.",
        help=meanings("Kernel", "Control", "Entropy bound", "Break-even"),
    )
    offer_numbers("bytes", partial(to_csv, ledger))


def show_bytes(view: View, stops: Stops, ledger: Ledger) -> None:
    """The live panel and the table of the ledger, along which the slider stays in reach."""
    url = lookup.panel_url(view, stops, part="storage")
    live_panel([url], stops.row, label="Sparsity", key="storage panel", on_stop=stops.go)
    at = wording.sparsity(float(ledger.sparsity[stops.row]))
    smallest = ledger.smallest(stops.row)
    st.header(f"At {at} the smallest lossless form is {_called(smallest)}: {_of(ledger, smallest, stops.row)}")
    every = f"All {len(ENTRIES)} ways to write the kernels"
    help = "Otherwise the smallest form of each encoding that is worth having."
    shown = linked.switch(every, key="all", on_change=address.change, help=help)
    rows = [row(ledger, entry, stops.row) for entry in (ENTRIES if shown else ledger.main(stops.row))]
    table("Byte ledger", COLUMNS, rows, key="ledger", terms=LEDGER_TERMS)


def show_rounding(view: View, stops: Stops) -> None:
    """What float16, int8 and int4 cost in accuracy at the stop."""
    st.header("What do float16, int8 and int4 cost in accuracy?")
    job = Rounding(run_id=view.run.id, pruning=view.pruning, sparsity=stops.sparsity)
    why = (
        f"All three change the weights. Their accuracy at {lookup.place(view, stops)} has not been measured yet. "
        f"That takes four passes over the {wording.count(view.run.images)} test images."
    )
    rounded, network = result_or_offer(job, "Measure the accuracy", why), repair.network(view.pruning.repair)
    for name, c in vars(rounded).items() if rounded is not None else ():
        st.markdown(
            f"**{name}**: {wording.accuracy(c.pruned)}, {wording.difference(c)} relative to the same {network} network "
            f"as float32; {wording.count(c.changed)} of {wording.count(c.n)} answers changed, McNemar p "
            f"{wording.relation(c.p_value)}."
        )


def show_hardware(view: View, stops: Stops) -> None:
    """What hardware that skips zeros in a pattern could make of the network at the stop."""
    st.header("What could other hardware make of the zeros?")
    advice = (
        ""
        if view.pruning.within.by_level
        else f" The scope {as_written(SCOPES['nm'].title)} prunes in this pattern, at 50 % everywhere."
    )
    st.markdown(f"**{as_written(hardware.in_words(lookup.pattern(view, stops)))}**")
    st.caption(
        "NVIDIA's graphics processors since 2020 (Ampere) have tensor cores that skip zeros, but only where at most "
        f"two weights are left of each four neighbouring inputs (2\\:4).{advice} Other processors, this server's "
        "among them, multiply zeros in any pattern like other numbers. Counted, not measured: this server has no such "
        "hardware.",
        help=meanings("Scope", "float16, int8, int4"),
    )


FILES = (
    "as a torch state dict with the script below, as ONNX, as safetensors, in the compact encoding with the program "
    "that reads it, and as one HTML page, which answers a drawing or a picture without a server."
)
BROUGHT_FILES = (
    "the file that was brought with zeros in it and nothing else changed, the masks as safetensors, and the compact "
    "encoding with the program that gives the file back."
)


def show_export(view: View, stops: Stops) -> None:
    """The pruned network as files, each of which is tested before the download is offered."""
    st.header(f"Download the {repair.network(view.pruning.repair)} network")
    how = BROUGHT_FILES if view.run.brought else FILES
    st.markdown(f"The network pruned to {lookup.place(view, stops)}, with a model card: {how}")
    job = Exporting(run_id=view.run.id, pruning=view.pruning, sparsity=stops.sparsity)
    checked = results().checked(job)
    if checked is None:
        offer(job, "Prepare the files", icon=":material/inventory_2:")
    else:
        st.success("Checked  \n" + "  \n".join(map(as_written, checked)), icon=":material/check:")
        name = f"prunelab-{view.run.id}-{address.percentage(stops.sparsity)}.zip"
        st.download_button(
            "All files (zip)", partial(zipped, job), name, "application/zip", on_click="ignore", key="zip"
        )
    if view.run.brought:
        return
    st.markdown("`network.py`, which needs only torch and `weights.pt`:")
    st.code(script(view.run.design), "python")


def zipped(job: Exporting) -> bytes:
    """The zip archive, read when it is downloaded.

    Raises:
        StoreError: the files are no longer kept.
    """
    made = results().get(job)
    if made is None:
        raise StoreError("These files are no longer kept; reload the page and prepare them again.")
    return made.zipped()


def sheets(view: View, stops: Stops, ledger: Ledger) -> list[Sheet]:
    """The tables of the page, for the HTML file."""
    at = wording.sparsity(float(ledger.sparsity[stops.row]))
    compared = results().get(tradeoff.comparing(view))
    lines = Sheet(f"Bytes at {at}", COLUMNS, [row(ledger, entry, stops.row) for entry in ENTRIES])
    more = [] if compared is None else [Sheet("Weights and filters", tradeoff.COLUMNS, tradeoff.rows(compared))]
    return [lines, *more]


def row(ledger: Ledger, entry: Entry, i: int) -> Row:
    """One line of the ledger at the stop `i`."""
    taken, dense = int(ledger.bytes[entry.key][i]), ledger.unpruned[DENSE.key]
    control = ledger.unpruned[entry.key]
    cells = [
        TableCell.text(figures.title(entry)),
        TableCell.text(figures.CODERS[entry.coder]),
        TableCell(wording.count(taken), taken),
        TableCell(wording.percent(taken / dense, 1), taken / dense),
        TableCell(wording.percent(taken / control, 1), taken / control),
        _versus_bound(ledger.above_bound(entry, i)),
        _saves_from(ledger.break_even(entry)),
        TableCell.text("every bit" if entry.lossless else f"every bit of the {entry.type}"),
    ]
    return Row(entry.key, cells)


def _versus_bound(above: float | None) -> TableCell:
    return TableCell("no bound", 1e9) if above is None else TableCell(wording.decimal(above, 4, 1.0), above)


def _saves_from(sparsity: float | None) -> TableCell:
    if sparsity is None:
        return TableCell("never", 2.0)
    return TableCell("always" if sparsity == 0 else wording.percent(sparsity, 1), sparsity)


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


top = head(__file__)
here = address.current(store())
if here is not None:
    picker.choose(here, store())
    looked_at = lookup.stops(here)
    if looked_at is not None:
        known = known_ledger(here, looked_at)
        if known is not None:
            show(here, looked_at, known)
            frontier.show(here, looked_at, known)
            timing.show(here, looked_at)
            show_hardware(here, looked_at)
            show_rounding(here, looked_at)
            if here.run.brought is None:  # removing filters needs to know which layers read them
                tradeoff.show(here)
            show_export(here, looked_at)
            content = report.of_part(here, looked_at, "storage")
            report.offer(top, here, looked_at, content, partial(sheets, here, looked_at, known))
