"""How far can I prune? The slider and everything it drives."""

from urllib.parse import urlencode

import streamlit as st

from pages.ui import lookup, picker, view
from pages.ui.live_panel import live_panel
from pages.ui.lookup import Stops
from pages.ui.services import store
from pages.ui.view import View


def choose(now: View) -> None:
    """The row of choices."""
    run, criterion, scope, exact = st.columns([5, 4, 3, 3])
    with run:
        picker.choose_run(now, store())
    with criterion:
        picker.choose_criterion(now)
    with scope:
        picker.choose_scope(now)
    with exact:
        picker.type_sparsity(now)


def show_panel(now: View, stops: Stops) -> None:
    """The slider and its figures."""
    log = st.toggle(
        "Logarithmic counts", key="log", bind="query-params", help="The count axis of the weight distributions."
    )
    query = {"run": now.run.id, "criterion": now.pruning.criterion, "scope": now.pruning.scope, "log": int(log)}
    if stops.own is not None:
        query["own"] = view.percentage(stops.own)
    live_panel(
        f"/panel.json?{urlencode(query)}",
        stops.row,
        label="Sparsity",
        key="panel",
        on_stop=lambda stop: view.change(sparsity=view.percentage(float(stops.profile.sparsity[stop]))),
    )


st.title("How far can I prune?")
here = view.current(store())
if here is not None:
    choose(here)
    found = lookup.stops(here)
    if found is not None:
        show_panel(here, found)
