"""The script that Streamlit runs: page configuration and navigation."""

from pathlib import Path

import streamlit as st

from pages.ui.words import words

st.set_page_config(page_title="PruneLab", page_icon=Path(__file__).parent / "ui" / "icon.svg", layout="wide")

chosen = st.navigation(
    [
        st.Page("overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("train.py", title="Train", icon=":material/model_training:"),
        st.Page("prune.py", title="Prune", icon=":material/content_cut:"),
        st.Page("images.py", title="Images", icon=":material/photo_library:"),
        st.Page("storage.py", title="Storage", icon=":material/inventory_2:"),
        st.Page("study.py", title="Study", icon=":material/science:"),
        st.Page("teach.py", title="Teach", icon=":material/school:"),
    ],
    position="top",
)
chosen.run()
words()
