"""Widgets in the URL that are not part of the view: choices, switches and numbers.

An invalid value of a link is removed from the URL before its widget is made, and the page is run again: Streamlit would
fall back silently, and fail on an infinite number. The note is written once the widget has a value.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.words import wording
from pages.ui.view import address

_T = TypeVar("_T")
_N = TypeVar("_N", int, float)
_MOST_LISTED = 12


def choice(
    widget: Callable[..., Any],
    label: str,
    options: Sequence[_T],
    *,
    key: str,
    title: Callable[[_T], str] = str,
    **more: Any,
) -> _T:
    """The option chosen in `widget` (a select box or a segmented control); the URL holds its title.

    If nothing is chosen, the first option is returned.
    """
    titles = [title(option) for option in options]
    _refuse(key, titles.__contains__)
    chosen = widget(label, options, format_func=title, key=key, bind="query-params", **more)
    shown = options[0] if chosen is None else chosen
    _note(key, f"one of {_listed(titles)}", title(shown))
    return shown


def switch(label: str, *, key: str, **more: Any) -> bool:
    """On or off; `true` or `false` in the URL."""
    _refuse(key, lambda given: given.lower() in ("true", "false"))
    on = st.toggle(label, key=key, bind="query-params", **more)
    _note(key, "true or false", str(on).lower())
    return on


def number(place: DeltaGenerator, label: str, low: _N, high: _N, *, key: str, **more: Any) -> _N:
    """A number of the same type as its bounds. A chosen number above `high` becomes `high`."""
    whole = isinstance(low, int)
    _refuse(key, lambda given: _is_number(given, low, high, whole=whole))
    if st.session_state.get(key, low) > high:
        st.session_state[key] = high
    chosen: _N = place.number_input(label, low, high, key=key, bind="query-params", **more)
    _note(key, f"a {'whole ' if whole else ''}number from {low:,.10g} to {high:,.10g}", f"{chosen:,.10g}")
    return chosen


def _is_number(given: str, low: float, high: float, *, whole: bool) -> bool:
    try:
        number = float(given)
    except ValueError:
        return False
    return low <= number <= high and (number.is_integer() or not whole)


def _refuse(key: str, possible: Callable[[str], bool]) -> None:
    """Remove an invalid value from the URL. A widget that already exists does not read the URL."""
    given = st.query_params.get_all(key)
    if key in st.session_state or not given or (len(given) == 1 and possible(given[0])):
        return
    st.session_state.setdefault("refused", {})[key] = ", ".join(given)
    del st.query_params[key]
    st.rerun()


def _note(key: str, must: str, shown: str) -> None:
    given = st.session_state.get("refused", {}).pop(key, None)
    if given is not None:
        address.note(f"The link asks for {key}=“{given[:40]}”, which must be {must}. Shown instead: “{shown}”.")


def _listed(titles: Sequence[str]) -> str:
    if len(titles) > _MOST_LISTED:
        return f"the {wording.count(len(titles))} choices below"
    return wording.listed([f"“{title}”" for title in titles])
