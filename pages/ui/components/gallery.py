"""A page of test images as a Streamlit component: pictures from one sheet, two answers each, and a click opens one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core import picture
from core.words import wording
from pages.ui.components.component import declare


@dataclass(frozen=True)
class Answer:
    """What a network says of an image: `who` says it, with which probability (a fraction)."""

    who: str
    said: str
    probability: float

    def to_json(self) -> dict[str, Any]:
        """With its text."""
        text = f"{self.who}: {wording.isolated(self.said)}, {wording.probability(self.probability, 1)}"
        return {**vars(self), "text": text}


@dataclass(frozen=True)
class Card:
    """One image of the gallery: its index, what it is, what became of its answer, and the answers."""

    image: int
    title: str
    note: str
    answers: Sequence[Answer]

    def to_json(self) -> dict[str, Any]:
        """With the texts of its answers."""
        return {**vars(self), "answers": [answer.to_json() for answer in self.answers]}


_component = declare(__file__, '<ul class="gallery"></ul>')


def gallery(
    cards: Sequence[Card], sheet: bytes | None, *, columns: int, key: str, on_open: Callable[[int], None]
) -> None:
    """Mount the gallery.

    Args:
        cards: what to show, in order.
        sheet: a PNG with the cards' pictures, row by row, `columns` in a row; None if there are none.
        columns: see `sheet`.
        key: the component's key.
        on_open: called with the index of the image that the visitor opens, before the page reruns.
    """
    source = picture.url(sheet) if sheet else None
    _component(
        data={"cards": [card.to_json() for card in cards], "sheet": source, "columns": columns},
        key=key,
        on_opened_change=lambda: _open(st.session_state[key].opened, cards, on_open),
    )


def _open(image: object, cards: Sequence[Card], on_open: Callable[[int], None]) -> None:
    """Open what a browser asks for, if it is in the gallery."""
    if isinstance(image, int) and any(card.image == image for card in cards):
        on_open(image)
