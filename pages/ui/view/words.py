"""The glossary: complete at the end of every page, and single terms next to the texts that use them."""

import streamlit as st

from core.words.glossary import TERMS


def meanings(*terms: str) -> str:
    """The meanings of terms as Markdown, for the `help` of an element whose text uses them."""
    return "\n\n".join(f"**{term}.** {TERMS[term]}" for term in terms)


def words() -> None:
    """Show a button that opens the glossary."""
    with st.popover("Glossary", icon=":material/menu_book:", help="What the terms on these pages mean."):
        _all()


@st.cache_resource(max_entries=1, show_spinner=False)
def _all() -> None:
    """One element, cached by Streamlit, because every page shows it at every event."""
    st.markdown(meanings(*TERMS))
