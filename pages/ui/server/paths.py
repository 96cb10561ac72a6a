"""Where the browser finds what the app serves besides its pages."""

import streamlit as st


def served(path: str) -> str:
    """A path of ours, below the one at which the host serves the app (Streamlit's `server.baseUrlPath`)."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path
