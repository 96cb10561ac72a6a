"""Words from outside on a page: Streamlit reads nearly every text as Markdown, these are shown as they are written."""

import re

import streamlit as st

from core.words import wording

_SIGN = r"[\\`*\[\]<~$|]|(?<![^\W_])_|_(?![^\W_])"
"""What may begin or end something in Markdown; an underscore within a word does not."""
_ENTITY = r"&(?=#?\w+;)"
_DIRECTIVE = r":(?=[a-z])|(?<=:material)/"
"""`:red[...]`, `:material/home:`."""
_BLOCK = r"^(?:[#>+=-]|\d+(?=[.)](?:\s|$)))"
"""A heading, a list, a quotation or a rule."""
_LATE = r"(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)|:[\w+-](?=[\w+-]*:)|https?://|www\.|[\w.+-]@(?=\w)"
"""Arrows, `:smile:`, addresses: what is changed in the text that is left when all signs are read, escaped or not."""

_SPECIAL = re.compile(rf"(?P<late>{_LATE})|{_BLOCK}|{_SIGN}|{_ENTITY}|{_DIRECTIVE}", re.IGNORECASE)


def as_written(text: object) -> str:
    """Markdown that shows a text, on one line, as it is written."""
    return _SPECIAL.sub(_escaped, wording.isolated(" ".join(str(text).split())))


def _escaped(found: re.Match[str]) -> str:
    if not found["late"]:
        return f"{found[0]}\\" if found[0].isdecimal() else f"\\{found[0]}"
    first, second, *rest = (f"\\{sign}" if not sign.isalnum() else sign for sign in found[0])
    return f"{first}:color[{second}]{''.join(rest)}"  # a colour that is none: two pieces of text, seen as one


def error(text: object) -> None:
    """What went wrong."""
    st.error(as_written(text), icon=":material/error:")


def warning(text: object, icon: str = ":material/warning:") -> None:
    """What may matter."""
    st.warning(as_written(text), icon=icon)


def info(text: object, icon: str = ":material/info:") -> None:
    """What is good to know."""
    st.info(as_written(text), icon=icon)
