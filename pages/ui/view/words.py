"""The glossary: all of it a click away on every page, single terms beside the texts that use them."""

import streamlit as st

from core.words.glossary import TERMS


def meanings(*terms: str) -> str:
    """What terms mean, as Markdown: the `help` of an element whose text uses them."""
    return "\n\n".join(f"**{term}.** {TERMS[term]}" for term in terms)


def words() -> None:
    """A button that opens what each term means."""
    with st.popover("Glossary", icon=":material/menu_book:", help="What the terms on this site mean."):
        _all()


@st.cache_resource(max_entries=1, show_spinner=False)
def _all() -> None:
    """One element, kept by Streamlit: it stands on every page, at every event."""
    st.markdown(meanings(*TERMS))
