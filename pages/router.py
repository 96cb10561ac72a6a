"""The script that Streamlit runs: page configuration and navigation."""

from pathlib import Path

import streamlit as st

from pages.ui import view
from pages.ui.links import registered
from pages.ui.words import words

st.set_page_config(page_title="PruneLab", page_icon=Path(__file__).parent / "ui" / "icon.svg", layout="wide")

chosen = st.navigation(registered(), position="top")
notes = st.container()
chosen.run()
view.tell(notes)
words()
