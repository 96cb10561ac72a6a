"""The script that Streamlit runs first: page configuration and navigation."""

import streamlit as st

from pages.ui.view import address
from pages.ui.view.brand import heading, wordmark
from pages.ui.view.links import registered
from pages.ui.view.words import words

chosen = st.navigation(registered(), position="top")
st.set_page_config(page_title=heading(chosen.title), layout="wide")
st.logo(wordmark(), size="large")
notes = st.container()
chosen.run()
address.show_notes(notes)
words()
