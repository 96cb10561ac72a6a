"""How a Streamlit component of ours is declared: its script and style stand beside its Python file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_SHARED = Path(__file__).with_name("term")
"""What every component may use: a term of the glossary that opens."""


def source(file: str, suffix: str) -> str:
    """The script (`.js`) or style (`.css`) of a Python file's component."""
    return "".join(path.with_suffix(suffix).read_text("utf-8") for path in (_SHARED, Path(file)))


def declare(file: str, html: str) -> Any:
    """The component of a Python file (its `__file__`), named as it is: what mounts it."""
    css, js = source(file, ".css"), source(file, ".js")
    mounted = st.components.v2.component(Path(file).stem, html=html, css=css, js=js, isolate_styles=False)

    def mount(data: Mapping[str, Any] | None = None, **rest: Any) -> Any:
        # Streamlit looks into a list for a data frame, and imports pandas and pyarrow to do so: 73 MB of the server.
        # Into a tuple it does not look, and the browser cannot tell the two apart.
        plain = {name: tuple(value) if isinstance(value, list) else value for name, value in (data or {}).items()}
        return mounted(data=plain, **rest)

    return mount
