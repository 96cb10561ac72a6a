"""A page of test images as a Streamlit component: pictures from one sheet, two answers each, and a click opens one."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from core import picture


@dataclass(frozen=True)
class Answer:
    """What a network says of an image: `who` says it, with which probability (a fraction)."""

    who: str
    said: str
    probability: float


@dataclass(frozen=True)
class Card:
    """One image of the gallery: its index, what it is, what became of its answer, and the answers."""

    image: int
    title: str
    note: str
    answers: Sequence[Answer]


def _asset(suffix: str) -> str:
    return Path(__file__).with_suffix(suffix).read_text(encoding="utf-8")


_component = st.components.v2.component(
    "gallery", html='<ul class="gallery"></ul>', css=_asset(".css"), js=_asset(".js"), isolate_styles=False
)


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
        data={"cards": [asdict(card) for card in cards], "sheet": source, "columns": columns},
        key=key,
        on_opened_change=lambda: on_open(int(st.session_state[key].opened)),
    )
