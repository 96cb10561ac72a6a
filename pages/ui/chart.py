"""A figure without a slider, as every page shows one: zoomed by its buttons alone, taken away as a picture."""

import plotly.graph_objects as go
import streamlit as st

_CONFIG = {"displaylogo": False, "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d", "toImage"]]}


def chart(figure: go.Figure, key: str, alt: str) -> None:
    """Draw it. `alt` says what it shows, for who cannot see it."""
    st.plotly_chart(figure, key=key, config=_CONFIG, alt=alt)
