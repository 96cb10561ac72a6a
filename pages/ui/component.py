"""How a Streamlit component of ours is declared: its script and style stand beside its Python file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st


def declare(file: str, html: str) -> Any:
    """The component of a Python file (its `__file__`), named as it is: what mounts it."""
    path = Path(file)
    css, js = (path.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".css", ".js"))
    mounted = st.components.v2.component(path.stem, html=html, css=css, js=js, isolate_styles=False)

    def mount(data: Mapping[str, Any] | None = None, **rest: Any) -> Any:
        # Streamlit looks into a list for a data frame, and imports pandas and pyarrow to do so: 73 MB of the server.
        # Into a tuple it does not look, and the browser cannot tell the two apart.
        plain = {name: tuple(value) if isinstance(value, list) else value for name, value in (data or {}).items()}
        return mounted(data=plain, **rest)

    return mount
