"""Is a pruned network faster? Measured on this server, in words and as a table."""

import streamlit as st

from core.cost.times import Times, Timing, Variant, in_words
from core.words import wording
from pages.ui.components.table import Row, TableCell, table
from pages.ui.view import lookup, tradeoff
from pages.ui.view.address import View
from pages.ui.view.lookup import Stops
from pages.ui.view.watching import result_or_offer
from pages.ui.view.words import meanings

VARIANTS: dict[Variant, str] = {
    "dense": "Unpruned",
    "masked": "Pruned, zeros multiplied",
    "removed": "Pruned, idle filters removed",
    "csr": "Pruned, sparse matrices (CSR)",
    "onnx-dense": "Unpruned, ONNX Runtime",
    "onnx": "Pruned, ONNX Runtime",
}


EVERY_WAY = (
    "in torch and in ONNX Runtime. The pruned one also runs without its idle filters, and with its kernels as sparse "
    "matrices."
)
ONNX_ALONE = "in ONNX Runtime."


def show(view: View, stops: Stops) -> None:
    """Whether any variant is faster at the stop, on this server."""
    st.header("Is it faster?")
    job = Timing(run_id=view.run.id, pruning=view.pruning, sparsity=stops.sparsity)
    why = (
        f"The time at {lookup.place(view, stops)} has not been measured yet. The unpruned and the pruned network take "
        f"turns, {ONNX_ALONE if view.run.brought else EVERY_WAY} This takes up to a minute."
    )
    times = result_or_offer(job, "Measure the time", why)
    if times is not None:
        _measured(times, stops.sparsity)


def _measured(times: Times, sparsity: float) -> None:
    """The measured times, in words and as a table."""
    st.markdown(f"**{in_words(times, sparsity)}**")
    columns = ("Network", "Batch size", "Median, ms", "Middle half, ms", "Images per second", "Times as fast")
    table(
        "Times",
        columns,
        [_row(times, v, b) for b in times.batches for v in times.variants],
        key="times",
        terms=("ONNX",),
    )
    st.caption(
        f"{times.rounds} rounds on this server's {times.threads} threads, from pixels to answers; all variants took "
        f"turns in each round. “Times as fast” compares with “{VARIANTS[times.variants[0]]}” within a "
        "round and shows the middle half of the rounds in brackets. The server may be busy with other work. torch and "
        "ONNX Runtime multiply zeros in a dense kernel like any other number, so zeros alone save no "
        f"time.{_idle(times)}",
        help=meanings("Kernel", "Idle filter", "Bitmask, CSR, COO"),
    )


def _idle(times: Times) -> str:
    """What is said of filters and sparse matrices, where they were timed."""
    if "csr" not in times.variants:
        return ""
    return (
        f" {wording.count(times.gone)} of {wording.count(times.filters)} filters are idle: all their weights are zero "
        "and so is their output, or nothing reads it. Removing them changes no answer. A sparse matrix skips "
        "zeros, but has to look up where each weight belongs and to copy the image's patches first, and a processor "
        "multiplies dense blocks many times as fast as scattered numbers."
    )


def _row(times: Times, variant: Variant, batch: int) -> Row:
    """One row of the table of times."""
    median, (low, high) = times.median(batch, variant), times.quartiles(batch, variant)
    middle, least, most = times.ratio(batch, variant)
    cells = [
        TableCell.text(VARIANTS[variant]),
        TableCell(str(batch), batch),
        TableCell(wording.decimal(1e3 * median, 2), median),
        TableCell(f"{wording.decimal(1e3 * low, 2)} to {wording.decimal(1e3 * high, 2)}", low),
        TableCell(wording.count(batch / median), batch / median),
        TableCell("1" if variant == times.variants[0] else tradeoff.spread((least, middle, most), " to "), middle),
    ]
    return Row(f"{variant}-{batch}", cells)
