"""A table as a Streamlit component: HTML for screen readers, sorted in the browser, with buttons in its rows.

Streamlit's own table is drawn on a canvas and imports pandas and pyarrow: 73 MB of a server that should stay below 250.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.words.glossary import TERMS
from pages.ui.components.component import declare


@dataclass(frozen=True)
class TableCell:
    """A cell: its content, and the rank by which its column is sorted. Numbers are aligned right."""

    content: str
    rank: float | str

    @property
    def kind(self) -> str:
        """`words` or `number`: how its column is aligned."""
        return "words" if isinstance(self.rank, str) else "number"

    @classmethod
    def text(cls, content: str) -> "TableCell":
        """A cell of words, sorted alphabetically."""
        return cls(content, content.casefold())


@dataclass(frozen=True)
class Action:
    """A button of a row: the name of its action, its label, and its description for screen readers."""

    name: str
    label: str
    about: str


@dataclass(frozen=True)
class Row:
    """A row: its name (unique in the table), one cell for each column, and its buttons."""

    name: str
    cells: Sequence[TableCell]
    actions: Sequence[Action] = ()

    def to_json(self) -> dict[str, Any]:
        """The row as dictionaries and lists, not copied: copying would take longer than everything else here."""
        return {"name": self.name, "cells": [vars(c) for c in self.cells], "actions": [vars(a) for a in self.actions]}


_component = declare(
    __file__, '<div class="table" role="region" tabindex="0"><table></table></div><p class="terms"></p>'
)


def table(
    label: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    key: str,
    terms: Sequence[str] = (),
    on_action: Callable[[str, str], None] = lambda action, row: None,
) -> None:
    """Mount the table.

    Args:
        label: the table's name for screen readers.
        columns: the column heads.
        rows: the rows, in the order shown until the visitor sorts.
        key: the component's key.
        terms: glossary terms, which open below the table.
        on_action: called before the page reruns, with an action's and a row's name.
    """
    _component(
        data={
            "label": label,
            "columns": [*columns],
            "rows": [row.to_json() for row in rows],
            "terms": [(term, TERMS[term]) for term in terms],
        },
        key=key,
        on_acted_change=lambda: _act(st.session_state[key].acted, rows, on_action),
    )


def _act(sent: object, rows: Sequence[Row], on_action: Callable[[str, str], None]) -> None:
    """Run the action that the browser sent, if the table has its button."""
    for row in rows:
        for action in row.actions:
            if isinstance(sent, list | tuple) and [*sent] == [action.name, row.name]:
                on_action(action.name, row.name)
