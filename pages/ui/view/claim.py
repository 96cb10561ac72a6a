"""The student report's claim: every reading of its sentence, tried on networks of the same kind."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core import figures
from core.config import RunConfig
from core.study import audit
from core.study.audit import Summary
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.components.table import Row, TableCell, table
from pages.ui.server.services import engine, results
from pages.ui.view.downloads import offer_files
from pages.ui.view.watching import ask_all, say_failures
from pages.ui.view.words import meanings

TITLE = "The claim, audited"
"""What the part of the Study page is called."""


def show() -> None:
    """Every reading of the report's sentence."""
    st.markdown(
        "A student report set “the weights in the bottom 0.01th percentile” to zero and saw accuracy fall from 72.86 % "
        "to 71.31 %. Here are the possible readings of that sentence, and mistakes that are easy to make. Each is "
        "tried on networks of the same kind: LeNet-5, plain gradient descent, about 73 %."
    )
    configs = audit.networks()
    audits = [known for config in configs if (known := results().get(audit.Auditing(config=config)))]
    if audits:
        summaries = audit.summaries(audits)
        st.header(audit.verdict(summaries))
        st.markdown(audit.explanations(summaries))
        figure = partial(figures.readings, summaries)
        chart(figure, "claim", "The difference in accuracy by reading.")
        st.caption(
            f"Each diamond is one of {len(audits)} networks, which differ in their seed. The bar is the 95 % "
            "prediction interval for one more such network (Student). A reading can explain the report if its bar "
            f"reaches the dashed line. Each network answers "
            f"{wording.count(audits[0].findings['magnitude'].before.n)} test images.",
            help=meanings("Prediction interval", "Seed"),
        )
        table(
            "Readings of the claim",
            COLUMNS,
            [row(summary) for summary in summaries],
            key="readings",
            terms=("Scope", "Seed"),
        )
        offer_files("claim", partial(audit.to_csv, summaries), figure)
    recompute(configs, bool(audits))


COLUMNS = ("Reading", "k", "Difference ± SD", "Range", "Minus the reported", "Can explain it")


def row(summary: Summary) -> Row:
    """One row: a reading over the networks."""
    d = summary.differences
    sd = wording.deviation(float(d.std(ddof=1))) if len(d) > 1 else ""
    gap = summary.mean - audit.REPORTED
    return Row(
        summary.reading.name,
        [
            TableCell.text(summary.reading.title),
            TableCell(wording.count(summary.k), summary.k),
            TableCell(f"{wording.points(summary.mean)}{sd}", summary.mean),
            TableCell(f"{wording.points(float(d.min()))} to {wording.points(float(d.max()))}", float(d.min())),
            TableCell(wording.points(gap), gap),
            TableCell.text("yes" if summary.explains else "no"),
        ],
    )


def recompute(configs: Sequence[RunConfig], known: bool) -> None:
    """Compute all readings again on this server, and show the progress."""
    jobs = [audit.Auditing(config=config) for config in configs]
    ids = {job.id for job in jobs}  # without the trainings they need, which a study may have asked for too
    states = [state for state in engine().jobs() if state.id in ids]
    if any(state.active for state in states):
        follow_audit([job.id for job in jobs])
        return
    again = "Compute everything again" if known else "Compute it"
    if engine().limits.training and st.button(again, icon=":material/replay:") and ask_all(jobs):
        st.rerun()
    own = sum(results().own(job) is not None for job in jobs)
    whose = f"All {own} networks were" if own == len(configs) else f"{own} of {len(configs)} networks were"
    rest = "" if own == len(configs) or not known else " The others ship with PruneLab, computed by the same code."
    st.caption(
        f"{whose} trained and audited on this server.{rest} This trains, prunes and tests the "
        "networks; it takes about a minute on two cores."
    )
    say_failures(states)


@st.fragment(run_every=1)
def follow_audit(job_ids: Sequence[str]) -> None:
    """How many networks are done."""
    known = [state for job_id in job_ids if (state := engine().state(job_id))]
    if not any(state.active for state in known):
        st.rerun()
    over = sum(not state.active for state in known)
    st.progress(over / len(known), f"{over} of {len(known)} networks trained, pruned and tested")
