"""The head of a page: its question, its tour if it has one, and the button that shares what the page shows."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.components.share import share
from pages.ui.components.tour import tour
from pages.ui.server import visitors
from pages.ui.view.site import Page, page_of
from pages.ui.view.tours import TOURS


@dataclass(frozen=True)
class Head:
    """A page and, in its menu to share, the place for what can be downloaded once the page knows its view."""

    page: Page
    downloads: DeltaGenerator


def head(script: str) -> Head:
    """Show the head of the page of a script, given its `__file__`."""
    page = page_of(script)
    visitors.here()
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center", key="head")
    row.title(page.question)
    if page.script in TOURS:
        with row:
            tour(TOURS[page.script], "tour")
    with row.popover("Share", icon=":material/share:", key="share"):
        share("share link")
        return Head(page, st.container())
