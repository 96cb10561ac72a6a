"""The choice of a training on the Train page: data set, network, recipe, and its values."""

from dataclasses import Field, fields
from typing import Any, get_args

import streamlit as st

from core import data
from core.config import Compression, Problem, RunConfig, TrainingConfig, shown_as
from core.data import Collection
from core.errors import PruneLabError
from core.networks import DEFAULT_NETWORK, NETWORKS, recipe_for
from core.words import wording
from pages.ui.server.services import collections
from pages.ui.view import say
from pages.ui.view.words import meanings

TERMS = ("Convolution", "Batch normalisation", "Residual block", "Weight", "Recipe", "Seed")
SMALLER = ("Sparsity", "Gradual pruning", "Retraining", "Scope", "LAMP and Taylor", "Rounded weights", "Teacher")

MEANWHILE = (
    "Weights are pruned during the training, so that the others can take over what they did. "
    "A teacher is another network, trained before, whose answers are learned as well as the labels."
)


def choose() -> RunConfig | None:
    """Choose data set, network, recipe, its values and the seed; None, with a message, for invalid values."""
    sets = choose_data()
    of = sets[st.session_state["data set"]]
    st.session_state.setdefault("network", DEFAULT_NETWORK)
    st.session_state.setdefault("seed", 0)
    network, recipe, seed = st.columns([3, 3, 2])
    with network:
        name = st.selectbox(
            "Network",
            [*NETWORKS],
            format_func=lambda name: _network(name, of.problem),
            key="network",
            persist_state="session",
        )
    with recipe:
        st.session_state.setdefault(_recipe_key(name), next(iter(NETWORKS[name].recipes)))
        st.segmented_control(
            "Recipe",
            [*NETWORKS[name].recipes],
            key=_recipe_key(name),
            required=True,
            on_change=_load,
            persist_state="session",
            wrap=True,
        )
    with seed:
        _widget(RunConfig, next(f for f in fields(RunConfig) if f.name == "seed"), "seed")
    st.caption(NETWORKS[name].summary, help=meanings(*TERMS))
    with st.expander("Values of the recipe", icon=":material/tune:"):
        values = _values(TrainingConfig)
    with st.expander("Make it small or teach it while it is trained", icon=":material/compress:"):
        st.caption(MEANWHILE, help=meanings(*SMALLER))
        smaller = _values(Compression)
    try:
        training = TrainingConfig(**values, compression=Compression(**smaller).plain())
        return RunConfig(network=name, training=training, data=of.config, seed=st.session_state["seed"])
    except PruneLabError as error:
        say.error(error)
        return None


def choose_data() -> dict[str, Collection]:
    """Show a select box of the data sets and why others cannot be used; return the data sets by id."""
    usable, problems = collections()
    sets = {of.id: of for of in usable}
    if st.session_state.get("data set") not in sets:
        st.session_state["data set"] = data.FASHION.id
    for problem in problems:
        say.warning(f"A data set cannot be used. {problem}")
    if len(sets) > 1:
        st.selectbox("Data set", [*sets], format_func=lambda name: _data_set(sets[name]), key="data set",
                     persist_state="session")  # fmt: skip
    return sets


def _data_set(of: Collection) -> str:
    side, colours = of.problem.side, "colours" if of.problem.channels > 1 else "grey"
    images = f"{wording.count(of.images)} training images of {side} × {side}, {colours}"
    return f"{of.title}: {images}, {of.problem.classes} classes"


def _network(name: str, problem: Problem) -> str:
    return f"{NETWORKS[name].title} ({wording.count(NETWORKS[name].weights(problem))} weights)"


def _recipe_key(network: str) -> str:
    return f"recipe of {network}"


def _value_key(name: str) -> str:
    """A key for each recipe: a slow browser that still shows the last recipe must not change the values of the new."""
    network, of = st.session_state["network"], st.session_state["data set"]
    return f"{name} of {network} {st.session_state[_recipe_key(network)]} on {of}"


def _load() -> None:
    """Set the widgets to the recipe's values."""
    network = st.session_state["network"]
    mirrored = any(of.mirrored for of in collections()[0] if of.id == st.session_state["data set"])
    recipe = recipe_for(NETWORKS[network].recipes[st.session_state[_recipe_key(network)]], mirrored=mirrored)
    for values in (recipe, recipe.compression):
        for f in _choices(type(values)):
            st.session_state[_value_key(f.name)] = getattr(values, f.name)


def _values(config: type) -> dict[str, Any]:
    """The values in the widgets, which start as the recipe's own when it is first shown or chosen."""
    if _value_key("epochs") not in st.session_state:
        _load()
    choices = _choices(config)
    unused = _unused() if config is Compression else set()
    for i, f in enumerate(choices):
        if i % 3 == 0:
            columns = st.columns(3)  # a row of its own, so that a phone shows them in order
        with columns[i % 3]:
            _widget(config, f, _value_key(f.name), disabled=f.name in unused)
    return {f.name: st.session_state[_value_key(f.name)] for f in choices}


def _unused() -> set[str]:
    """The values of the compression that have no effect."""
    try:
        return Compression(**{f.name: st.session_state[_value_key(f.name)] for f in _choices(Compression)}).unused
    except PruneLabError:
        return set()


def _choices(config: type) -> list[Field[Any]]:
    """The fields that a widget shows."""
    return [f for f in fields(config) if "shown" in f.metadata]


def _widget(config: type, f: Field[Any], key: str, disabled: bool = False) -> None:
    """The widget for a field: a select box, a switch, or a number in its range."""
    how = shown_as(config, f.name)
    common: dict[str, Any] = {"label": how.label, "key": key, "persist_state": "session", "disabled": disabled}
    if get_args(f.type):
        st.selectbox(options=get_args(f.type), help=how.help or None, **common)
    elif f.type is bool:
        st.toggle(help=how.help or None, **common)
    else:
        number: Any = int if f.type is int else float
        steps = {"step": 1} if f.type is int else {"step": float(f"{how.high / 100:.1g}"), "format": "%g"}
        limits = {"min_value": number(how.low), "max_value": number(how.high)}
        st.number_input(help=f"{how.help} From {how.span(number)}.".strip(), **limits, **steps, **common)
