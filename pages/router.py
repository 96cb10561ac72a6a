"""The script that Streamlit runs: page configuration and navigation."""

import streamlit as st

st.set_page_config(page_title="PruneLab", page_icon=":material/content_cut:", layout="wide")

st.navigation(
    [
        st.Page("overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("train.py", title="Train", icon=":material/model_training:"),
        st.Page("prune.py", title="Prune", icon=":material/content_cut:"),
    ],
    position="top",
).run()
