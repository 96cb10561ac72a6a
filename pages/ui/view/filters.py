"""Which images the gallery shows: the filter in its widgets, in the URL, in words, and from a clicked cell."""

from collections.abc import Sequence

import streamlit as st

from core import figures
from core.evaluation import answers
from core.evaluation.answers import OUTCOMES, REPAIRED, Filter
from pages.ui.components.live_panel import Pick
from pages.ui.view import address, linked

FILTERS = {
    "outcome": "Outcome",
    "true": "True class",
    "dense": "Dense answer",
    "pruned": "{} answer",
    "moved": "Answer moved to or from",
}
"""Label of each filter by its URL parameter, with a gap for `repair.network`; all but the first are classes."""


def choose_filter(names: Sequence[str], network: str, *, repaired: bool) -> Filter:
    """The filter from its widgets, which write it to the URL; `repaired` offers the outcomes of a repair too."""
    chosen, outcomes = {}, (*OUTCOMES, answers.CHANGED, answers.SAME, *(REPAIRED if repaired else ()))
    for name, label in FILTERS.items():
        choices = outcomes if name == "outcome" else names
        chosen[name] = choose_one(label.format(network.capitalize()), choices, name)
    st.button("Show all", on_click=set_filter)
    outcome = chosen.pop("outcome")
    return Filter(outcome, **{name: names.index(value) for name, value in chosen.items() if value is not None})


def choose_one(label: str, choices: Sequence[str], name: str) -> str | None:
    """A select box that returns None for "any"; what is not offered any more is reset to "any"."""
    every = "any"
    while every in choices:
        every = f"({every})"  # a class may have this name
    options = [every, *choices]
    if st.session_state.get(name, every) not in options:
        st.session_state[name] = every
    chosen = linked.choice(st.selectbox, label, options, key=name, on_change=first_page)
    return None if chosen == every else chosen


def set_filter(**chosen: str) -> None:
    """Set exactly these filters and clear the others, from a callback."""
    for name in FILTERS:
        st.session_state[name] = chosen.get(name)
    first_page()


def first_page() -> None:
    """Return the gallery to its first page, from a callback."""
    st.session_state["page"] = 1
    address.change()


def filter_by_cell(classes: Sequence[str], pick: Pick) -> None:
    """Show the images of a clicked cell. A cell that does not exist is ignored."""
    column, row = (figures.named(label, classes) for label in (pick.x, pick.y))
    right, wrong = (OUTCOMES[:2], OUTCOMES[2:])
    if pick.figure == "outcomes":
        outcomes = right if pick.y == "dense right" else wrong
        set_filter(outcome=outcomes[pick.x.endswith("wrong")])
    elif column is None or row is None:
        return
    elif pick.figure == "difference":
        set_filter(true=row, moved=column)
    elif pick.figure in ("dense", "pruned"):
        set_filter(true=row, **{pick.figure: column})


def filter_in_words(wanted: Filter, name: Sequence[str], network: str) -> str:
    """The filter in words."""
    parts = [
        wanted.outcome,
        None if wanted.true is None else f"true class {name[wanted.true]}",
        None if wanted.dense is None else f"dense answer {name[wanted.dense]}",
        None if wanted.pruned is None else f"{network} answer {name[wanted.pruned]}",
        None if wanted.moved is None else f"answer moved to or from {name[wanted.moved]}",
    ]
    return "".join(f", {part}" for part in parts if part)
