"""Paths that the app serves, as the browser asks for them."""

import streamlit as st


def served(path: str) -> str:
    """A path of the app below Streamlit's `server.baseUrlPath`."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path
