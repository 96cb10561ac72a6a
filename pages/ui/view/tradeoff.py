"""Whole filters as the alternative to single weights: accuracy over bytes and over time, a table, the numbers."""

from functools import partial
from typing import Any

import streamlit as st

from core import figures
from core.cost.times import BATCHES
from core.cost.tradeoff import EPOCHS, RETRAINED, Comparing, Tradeoff, in_words
from core.pruning import AS_IS
from core.study import csv_of
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server.services import engine, results
from pages.ui.view.address import View
from pages.ui.view.downloads import offer_numbers
from pages.ui.view.say import as_written
from pages.ui.view.watching import result_or_offer
from pages.ui.view.words import meanings


def show(view: View) -> None:
    """Whole filters as the alternative to single weights."""
    st.header("Would whole filters be better?")
    st.markdown(
        "Pruning single weights leaves a network of the same size with zeros in it. Removing whole filters, those with "
        "the smallest sum of magnitudes (L1 norm) in each layer, leaves a smaller dense network without zeros to skip."
    )
    if view.pruning.repaired:
        st.markdown("Both are compared without the repair that is chosen above.")
    job = comparing(view)
    if results().get(job) is None and not engine().limits.training:
        st.markdown("This network has not been compared yet, and training is switched off on this server.")
        return
    why = (
        f"This network, pruned by {view.pruning.criterion}, {view.pruning.scope}, has not been compared yet. "
        f"Both ways are evaluated over their range, and retrained for {EPOCHS} epochs, weighed and timed at "
        f"{len(RETRAINED)} points. This takes minutes for a small network, half an hour for the largest."
    )
    tradeoff = result_or_offer(job, "Compare weights and filters", why)
    if tradeoff is None:
        return
    st.markdown(f"**{in_words(tradeoff)}**")
    left, right = st.columns(2)
    with left:
        chart(partial(figures.accuracy_over_bytes, tradeoff), "over bytes", "Accuracy over bytes of both ways.")
    with right:
        chart(
            partial(figures.accuracy_over_time, tradeoff, BATCHES[-1]), "over time", "Accuracy over time of both ways."
        )
    terms = ("Filter", "Retraining", "Compact encoding")
    table("Weights and filters", COLUMNS, rows(tradeoff), key="tradeoff", terms=terms)
    n = tradeoff.points[0].comparison.n
    st.caption(
        f"One network, {wording.count(n)} test images; weights are pruned by {view.pruning.criterion}, "
        f"{view.pruning.scope}. The table shows the points at which both ways were also retrained, with equally many "
        f"of {wording.count(tradeoff.total)} weights left. “Difference” compares the retrained with the unpruned "
        "network, which had no further training: part of a gain comes from the retraining alone. Weights are timed as "
        "sparse matrices (CSR); with their zeros multiplied they take the time of the unpruned network at any "
        "sparsity. Times (unpruned = 1) are medians, with the middle half in brackets, over rounds in which all took "
        f"turns, on {tradeoff.threads} threads of {_machine(tradeoff)}. Filters whose outputs are added in a residual "
        "stream are kept (Li et al., 2017).",
        help=meanings("Difference", "Scope", "Retraining"),
    )
    offer_numbers("filters", partial(to_csv, tradeoff))


def comparing(view: View) -> Comparing:
    """The comparison for a view, which has no repair."""
    return Comparing(run_id=view.run.id, pruning=view.pruning.then(AS_IS))


def _machine(tradeoff: Tradeoff) -> str:
    """The processor that measured the times."""
    return as_written(tradeoff.machine.get("processor") or "the machine that measured them")


COLUMNS = (
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


def rows(tradeoff: Tradeoff) -> list[Row]:
    """One row for each network that was retrained and timed."""
    table_rows = []
    for method in figures.METHODS:
        before = {point.share: point for point in tradeoff.line(method, retrained=False)}
        for point in tradeoff.line(method, retrained=True):
            first, c = before[point.share], point.comparison
            cells = [
                TableCell.text(f"{method.capitalize()}, {wording.percent(point.share, 0)}"),
                TableCell(wording.count(first.left), first.left),
                TableCell(wording.percent(first.comparison.pruned.value), first.comparison.pruned.value),
                TableCell(wording.percent(c.pruned.value), c.pruned.value),
                TableCell(wording.difference(c), c.difference),
                TableCell(wording.count(point.compact), point.compact),
                TableCell(wording.count(point.dense), point.dense),
                *(TableCell(spread(point.times[batch]), point.times[batch][1]) for batch in BATCHES),
            ]
            table_rows.append(Row(f"{method} {point.share}", cells))
    return table_rows


def spread(quartiles: tuple[float, float, float], to: str = "–") -> str:
    """The median, with the lower and the upper quartile in brackets."""
    low, middle, high = (wording.decimal(value, 2) for value in quartiles)
    return f"{middle} ({low}{to}{high})"


def to_csv(tradeoff: Tradeoff) -> str:
    """One row for each network."""
    head = ("method", "share", "retraining epochs", "weights left", "weights", "right", "lost", "gained", "images")
    lines: list[Any] = [(*head, "bytes as float32", "bytes compact", *(f"time for {b}, unpruned = 1" for b in BATCHES))]
    for p in tradeoff.points:
        c, times = p.comparison, [f"{p.times[b][1]:.10g}" if p.times else "" for b in BATCHES]
        counts = (p.left, tradeoff.total, c.pruned.right, c.lost, c.gained, c.n, p.dense, p.compact)
        lines.append((p.method, f"{p.share:.10g}", str(p.epochs), *map(str, counts), *times))
    return csv_of(lines)
