"""The glossary, a click away on every page."""

import streamlit as st

from core.glossary import TERMS


def words() -> None:
    """A button that opens what each term means."""
    with st.popover("Words", icon=":material/menu_book:", help="What the terms on this site mean."):
        for term, meaning in TERMS.items():
            st.markdown(f"**{term}.** {meaning}")
