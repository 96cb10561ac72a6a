"""The pages as Streamlit knows them, made once: it looks each up on the disk whenever one is made."""

from collections.abc import Mapping
from copy import copy
from functools import lru_cache

import streamlit as st

from pages.ui.site import PAGES


@lru_cache(maxsize=1)
def _made() -> tuple[st.Page, ...]:
    """For all visitors, so it is only read; the first one is made within a script."""
    return tuple(st.Page(page.script, title=page.title, icon=page.symbol, default=page == PAGES[0]) for page in PAGES)


def registered() -> list[st.Page]:
    """The pages for `st.navigation`, which notes in them which one a visitor is on."""
    return [copy(page) for page in _made()]


def link(script: str, label: str, icon: str, query: Mapping[str, str] | None = None, help: str | None = None) -> None:
    """A link to the page of a script."""
    page = next(made for made, page in zip(_made(), PAGES, strict=True) if page.script == script)
    st.page_link(page, label=label, icon=icon, query_params=query, help=help)
