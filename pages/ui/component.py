"""How a Streamlit component of ours is declared: its script and style stand beside its Python file."""

from pathlib import Path
from typing import Any

import streamlit as st


def declare(file: str, html: str) -> Any:
    """The component of a Python file (its `__file__`), named as it is: what mounts it."""
    path = Path(file)
    css, js = (path.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".css", ".js"))
    return st.components.v2.component(path.stem, html=html, css=css, js=js, isolate_styles=False)
