"""The pages as Streamlit objects, made once because Streamlit looks up the file each time it makes one."""

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from typing import NoReturn

import streamlit as st

from pages.ui.view.site import PAGES


@lru_cache(maxsize=1)
def _made() -> tuple[st.Page, ...]:
    """The pages, shared by all visitors and never changed; made within a script."""
    return tuple(st.Page(page.script, title=page.title, icon=page.symbol, default=page == PAGES[0]) for page in PAGES)


def registered() -> list[st.Page]:
    """Copies for `st.navigation`, which writes into them which page a visitor is on."""
    return [copy(page) for page in _made()]


def link(script: str, label: str, icon: str, query: Mapping[str, str] | None = None, help: str | None = None) -> None:
    """Show a link to the page of a script."""
    st.page_link(_of(script), label=label, icon=icon, query_params=query, help=help)


def go_to(script: str, query: Mapping[str, str]) -> NoReturn:
    """Leave for the page of a script."""
    st.switch_page(_of(script), query_params=query)


def _of(script: str) -> st.Page:
    return next(made for made, page in zip(_made(), PAGES, strict=True) if page.script == script)
