"""The state of a view, which is its URL: run, criterion, scope, repair and sparsity.

The URL is the only source. Widgets are set from it and write back to it; the session only remembers it across pages.
An invalid parameter falls back to its default, with a note to the visitor.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import PruneLabError
from core.evaluation.profile import DEFAULT_STOP
from core.networks import DEFAULT_NETWORK
from core.pruning import CRITERIA, REPAIRS, SCOPES, PruningConfig
from core.run import Run
from core.store.runs import RunStore
from core.words import wording
from pages.ui.view import say
from pages.ui.view.links import link

KEYS = ("run", "criterion", "scope", "repair", "sparsity")


@dataclass(frozen=True)
class View:
    """What a visitor looks at. `sparsity` is a fraction; `notes` say which parameters were replaced."""

    run: Run
    pruning: PruningConfig
    sparsity: float
    notes: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, str]:
        """The view as URL parameters."""
        return {
            "run": self.run.id,
            "criterion": self.pruning.criterion,
            "scope": self.pruning.scope,
            "repair": self.pruning.repair,
            "sparsity": percentage(self.sparsity),
        }


def percentage(sparsity: float) -> str:
    """A sparsity as in the URL and the exact field: a percentage with up to ten significant digits."""
    return f"{100 * sparsity:.10g}"


def default_run(store: RunStore) -> Run | None:
    """The best shipped run of the default network, else the newest run; None without any."""
    runs = store.runs()
    shipped = [run for run in runs if run.reference and run.network == DEFAULT_NETWORK]
    return max(shipped, key=lambda run: run.right, default=runs[0] if runs else None)


def read(params: Mapping[str, str], store: RunStore) -> View | None:
    """The view that URL parameters describe; None if there is no run at all."""
    notes: list[str] = []
    run = _run(params, store, notes)
    if run is None:
        return None
    criterion = _choice(params, "criterion", [*CRITERIA], notes)
    scope = _choice(params, "scope", [*SCOPES], notes)
    repair = _choice(params, "repair", [*REPAIRS], notes)
    sparsity = _sparsity(params, run, notes)
    return View(run, run.pruned(criterion=criterion, scope=scope, repair=repair), sparsity, tuple(notes))


def _run(params: Mapping[str, str], store: RunStore, notes: list[str]) -> Run | None:
    if "run" not in params:
        return default_run(store)
    try:
        return store.get(params["run"])
    except PruneLabError as error:
        fallback = default_run(store)
        if fallback:
            notes.append(f"{error} Showing the reference run instead.")
        return fallback


def _choice(params: Mapping[str, str], name: str, choices: list[str], notes: list[str]) -> str:
    value = params.get(name, choices[0])
    if value in choices:
        return value
    notes.append(f"“{value[:40]}” is not a {name}; showing {choices[0]}. The choices are {wording.listed(choices)}.")
    return choices[0]


def _sparsity(params: Mapping[str, str], run: Run, notes: list[str]) -> float:
    try:
        return wording.read_sparsity(params.get("sparsity", str(DEFAULT_STOP)), run.weights)
    except PruneLabError as error:
        notes.append(f"{error} Showing {wording.sparsity(DEFAULT_STOP / 100)}.")
        return DEFAULT_STOP / 100


def current(store: RunStore) -> View | None:
    """The view of this page: that of its URL, else the visitor's last one. Completes the URL.

    Notes which parameters of a link were replaced. Without any run, shows a message and returns None.
    """
    given = {key: st.query_params[key] for key in KEYS if key in st.query_params}
    view = read(given or st.session_state.get("view", {}), store)
    if view is None:
        st.info("There is no run yet. Train a network first.", icon=":material/info:")
        link("train.py", "Train a network", ":material/model_training:")
        return None
    for text in view.notes:
        note(text)
    _keep(view.params)
    return view


def change(**params: str) -> None:
    """Change parameters of the view, from a widget's callback.

    Without parameters the view stays. Widgets that are not part of it call this too, because a slow browser may still
    send the previous address along with their change.
    """
    _keep({**st.session_state.get("view", {}), **params})


def note(text: str) -> None:
    """Note something in the link that could not be shown; it appears above the page when the page is complete."""
    st.session_state.setdefault("notes", []).append(text)


def show_notes(place: DeltaGenerator) -> None:
    """Show the notes at the end of a page, so that a rerun before it does not lose them."""
    with place:
        for text in st.session_state.pop("notes", []):
            say.warning(text, ":material/info:")


def _keep(params: dict[str, str]) -> None:
    st.session_state["view"] = params
    if {key: st.query_params.get(key) for key in params} != params:
        st.query_params.update(params)
