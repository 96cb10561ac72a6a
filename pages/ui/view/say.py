"""Texts from outside, shown as they are written: Streamlit reads nearly every text as Markdown."""

import re

import streamlit as st

from core.words import wording

_SIGN = r"[\\`*\[\]<~$|]|(?<![^\W_])_|_(?![^\W_])"
"""Signs that may begin or end Markdown; an underscore within a word does not."""
_ENTITY = r"&(?=#?\w+;)"
_DIRECTIVE = r":(?=[a-z])|(?<=:material)/"
"""`:red[...]`, `:material/home:`."""
_BLOCK = r"^(?:[#>+=-]|\d+(?=[.)](?:\s|$)))"
"""A heading, a list, a quotation or a rule."""
_LATE = r"(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)|:[\w+-](?=[\w+-]*:)|https?://|www\.|[\w.+-]@(?=\w)"
"""Arrows, `:smile:` and URLs, which Streamlit replaces after it has read the Markdown, escaped or not."""

_SPECIAL = re.compile(rf"(?P<late>{_LATE})|{_BLOCK}|{_SIGN}|{_ENTITY}|{_DIRECTIVE}", re.IGNORECASE)


def as_written(text: object) -> str:
    """Markdown that shows a text, on one line, as it is written."""
    return _SPECIAL.sub(_escaped, wording.isolated(" ".join(str(text).split())))


def _escaped(match: re.Match[str]) -> str:
    if not match["late"]:
        return f"{match[0]}\\" if match[0].isdecimal() else f"\\{match[0]}"
    first, second, *rest = (f"\\{sign}" if not sign.isalnum() else sign for sign in match[0])
    return f"{first}:color[{second}]{''.join(rest)}"  # without a colour's name it only splits the text in two


def error(text: object) -> None:
    """Show an error."""
    st.error(as_written(text), icon=":material/error:")


def warning(text: object, icon: str = ":material/warning:") -> None:
    """Show a warning."""
    st.warning(as_written(text), icon=icon)


def info(text: object, icon: str = ":material/info:") -> None:
    """Show a note."""
    st.info(as_written(text), icon=icon)
