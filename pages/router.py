"""The script that Streamlit runs: page configuration and navigation."""

from pathlib import Path

import streamlit as st

from pages.ui.view import address
from pages.ui.view.site import PAGES
from pages.ui.view.words import words

st.set_page_config(page_title="PruneLab", page_icon=Path(__file__).parent / "ui" / "icon.svg", layout="wide")

chosen = st.navigation(
    [st.Page(page.script, title=page.title, icon=page.symbol, default=page == PAGES[0]) for page in PAGES],
    position="top",
)
notes = st.container()
chosen.run()
address.tell(notes)
words()
