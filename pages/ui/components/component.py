"""Declares our Streamlit components, whose script and style are next to their Python file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_SHARED = ("kept", "term")
"""Scripts and styles that every component may use: what it keeps between reruns, and a glossary term that opens."""


def source(file: str, suffix: str, *parts: str) -> str:
    """The script (`.js`) or style (`.css`) of a Python file's component, after those of its parts next to it."""
    paths = [*(Path(file).with_name(part) for part in (*_SHARED, *parts)), Path(file)]
    return "".join(path.read_text("utf-8") for path in (path.with_suffix(suffix) for path in paths) if path.exists())


def declare(file: str, html: str, *parts: str) -> Any:
    """Declare the component of a Python file (its `__file__`), and return the function that mounts it."""
    css, js = source(file, ".css", *parts), source(file, ".js", *parts)
    mounted = st.components.v2.component(Path(file).stem, html=html, css=css, js=js, isolate_styles=False)

    def mount(data: Mapping[str, Any] | None = None, **rest: Any) -> Any:
        # Streamlit searches a list for data frames, and imports pandas and pyarrow for that (73 MB of the server).
        # It does not search a tuple, and both are the same to the browser.
        plain = {name: tuple(value) if isinstance(value, list) else value for name, value in (data or {}).items()}
        return mounted(data=plain, **rest)

    return mount
