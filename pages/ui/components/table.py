"""A table as a Streamlit component: real HTML that a screen reader reads, sorted in the browser, with a button a row.

Streamlit's own table draws on a canvas, and brings pandas and pyarrow: 73 MB of a server that is to stay under 250.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.words.glossary import TERMS
from pages.ui.components.component import declare


@dataclass(frozen=True)
class Cell:
    """What a cell says. By `rank` its column is sorted; numbers stand at the right."""

    said: str
    rank: float | str

    @property
    def kind(self) -> str:
        """`words` or `number`: how its column is set."""
        return "words" if isinstance(self.rank, str) else "number"

    @classmethod
    def text(cls, said: str) -> "Cell":
        """Words, sorted by the alphabet."""
        return cls(said, said.casefold())


@dataclass(frozen=True)
class Action:
    """A button of a row: what it says, the name it calls, and what it is about, for anyone who only hears it."""

    name: str
    label: str
    about: str


@dataclass(frozen=True)
class Row:
    """A row: its name (unique in the table), a cell a column, and its buttons."""

    name: str
    cells: Sequence[Cell]
    actions: Sequence[Action] = ()

    def to_json(self) -> dict[str, Any]:
        """As dictionaries and lists; not copied, which would take longer than all else about a table."""
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
        label: what it holds, for screen readers.
        columns: the heads.
        rows: in the order to show until the visitor sorts.
        key: the component's key.
        terms: of the glossary, which open below the table.
        on_action: called with an action's and a row's name before the page reruns.
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


def _act(said: object, rows: Sequence[Row], on_action: Callable[[str, str], None]) -> None:
    """Do what a browser asks for, if the table has such a button."""
    for row in rows:
        for action in row.actions:
            if isinstance(said, list | tuple) and [*said] == [action.name, row.name]:
                on_action(action.name, row.name)
