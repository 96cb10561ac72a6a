"""The script that Streamlit runs first: page configuration and navigation."""

from pathlib import Path

import streamlit as st

from pages.ui.view import address
from pages.ui.view.links import registered
from pages.ui.view.words import words

st.set_page_config(page_title="PruneLab", page_icon=Path(__file__).parent / "ui" / "icon.svg", layout="wide")

chosen = st.navigation(registered(), position="top")
notes = st.container()
chosen.run()
address.show_notes(notes)
words()
