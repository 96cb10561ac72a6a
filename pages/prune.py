"""How far can I prune? The slider and everything it drives."""

from urllib.parse import urlencode

import streamlit as st

from core.profile import Profile
from pages.ui import lookup, picker, view
from pages.ui.live_panel import live_panel
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


def show_panel(now: View, profile: Profile) -> None:
    """The slider and its figures."""
    log = st.toggle("Logarithmic counts", key="log", bind="query-params", help="Count axis of the weight distributions.")
    query = {"run": now.run.id, "criterion": now.pruning.criterion, "scope": now.pruning.scope, "log": int(log)}
    if profile.is_stop(100 * now.sparsity) and not store().profile(now.run.id, now.pruning).is_stop(100 * now.sparsity):
        query["own"] = now.params["sparsity"]
    live_panel(
        f"/panel.json?{urlencode(query)}",
        profile.stop_index(100 * now.sparsity),
        label="Sparsity",
        key="panel",
        on_stop=lambda stop: view.change(sparsity=f"{100 * float(profile.sparsity[stop]):.10g}"),
    )


st.title("How far can I prune?")
here = view.current(store())
if here is not None:
    choose(here)
    stops = lookup.profile(here)
    if stops is not None:
        show_panel(here, stops)
