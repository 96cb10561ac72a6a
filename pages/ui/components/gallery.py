"""A page of test images as a Streamlit component: pictures from one sheet, each with two answers; a click opens one."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from PIL import Image

from core import picture
from core.words import wording
from pages.ui.components.component import declare


@dataclass(frozen=True)
class Answer:
    """A network's answer to an image: which network (dense or pruned), the class, and its probability (a fraction)."""

    network: str
    name: str
    probability: float

    def to_json(self) -> dict[str, Any]:
        """The answer as a dictionary, with its text."""
        text = f"{self.network}: {wording.isolated(self.name)}, {wording.probability(self.probability, 1)}"
        return {**vars(self), "text": text}


@dataclass(frozen=True)
class Card:
    """One image of the gallery: its index, its true class, a note on its outcome, and the answers."""

    image: int
    title: str
    note: str
    answers: Sequence[Answer]

    def to_json(self) -> dict[str, Any]:
        """The card as a dictionary, with the texts of its answers."""
        return {**vars(self), "answers": [answer.to_json() for answer in self.answers]}


_component = declare(__file__, '<ul class="gallery"></ul>')


def gallery(
    cards: Sequence[Card], sheet: bytes | None, *, columns: int, key: str, on_open: Callable[[int], None]
) -> None:
    """Mount the gallery.

    Args:
        cards: what to show, in order.
        sheet: a PNG of the cards' pictures, row by row; None without pictures.
        columns: pictures in a row of the sheet.
        key: the component's key.
        on_open: called before the page reruns, with the index of the image that the visitor opens.
    """
    cut = {"sheet": picture.url(sheet), "cell": cell(sheet, len(cards), columns)} if sheet else {"sheet": None}
    _component(
        data={"cards": [card.to_json() for card in cards], "columns": columns, **cut},
        key=key,
        on_opened_change=lambda: _open(st.session_state[key].opened, cards, on_open),
    )


def cell(sheet: bytes, pictures: int, columns: int) -> tuple[int, int]:
    """Pixels across and down of one picture's place on a sheet of so many."""
    with Image.open(io.BytesIO(sheet), formats=["PNG"]) as opened:
        width, height = opened.size
    return width // columns, height // -(-pictures // columns)


def _open(image: object, cards: Sequence[Card], on_open: Callable[[int], None]) -> None:
    """Open the image that the browser sends, if it is in the gallery."""
    if isinstance(image, int) and any(card.image == image for card in cards):
        on_open(image)
