"""The glossary, a click away on every page."""

import streamlit as st

from core.glossary import TERMS

_TEXT = "\n\n".join(f"**{term}.** {meaning}" for term, meaning in TERMS.items())
"""One element: each costs every visitor's every event a millisecond."""


def words() -> None:
    """A button that opens what each term means."""
    with st.popover("Words", icon=":material/menu_book:", help="What the terms on this site mean."):
        st.markdown(_TEXT)
