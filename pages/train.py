"""Train a network: recipe, job, live progress, run."""

from dataclasses import Field, fields
from datetime import datetime
from typing import Any, get_args

import streamlit as st

from core import data, wording
from core.config import Problem, RunConfig, TrainingConfig, shown_as
from core.data import Collection
from core.errors import DataError, PruneLabError
from core.recipes import DEFAULT_NETWORK, NETWORKS, recipe_for
from core.runs import Run
from pages.ui import picker, say, view
from pages.ui.links import link
from pages.ui.say import as_written
from pages.ui.services import collections, engine, owner, store
from pages.ui.table import Action, Cell, Row, table
from pages.ui.watching import watch
from pages.ui.words import meanings

# --- what to train ----------------------------------------------------------------------------------------------

TERMS = ("Convolution", "Batch normalisation", "Residual block", "Weight", "Recipe", "Seed")


def choose() -> RunConfig | None:
    """Data set, network, recipe, its values and the seed; None, with a message, for values that cannot be."""
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
        )
    with seed:
        _widget(RunConfig, next(f for f in fields(RunConfig) if f.name == "seed"), "seed")
    st.caption(NETWORKS[name].summary, help=meanings(*TERMS))
    with st.expander("Values of the recipe", icon=":material/tune:"):
        values = _values()
    try:
        training = TrainingConfig(**values)
        return RunConfig(network=name, training=training, data=of.config, seed=st.session_state["seed"])
    except PruneLabError as error:
        say.error(error)
        return None


def choose_data() -> dict[str, Collection]:
    """A select box of the data sets on this server, and what is wrong with folders that should be some; all by id."""
    found, problems = collections()
    sets = {of.id: of for of in found}
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
    """Each recipe has widgets of its own for its values: while another is on its way to a slow browser, what that still
    says of the last one's must not be taken for the new one's."""
    network, of = st.session_state["network"], st.session_state["data set"]
    return f"{name} of {network} {st.session_state[_recipe_key(network)]} on {of}"


def _load() -> None:
    """Put the recipe's values into their widgets."""
    network = st.session_state["network"]
    mirrored = any(of.mirrored for of in collections()[0] if of.id == st.session_state["data set"])
    recipe = recipe_for(NETWORKS[network].recipes[st.session_state[_recipe_key(network)]], mirrored=mirrored)
    for f in fields(recipe):
        st.session_state[_value_key(f.name)] = getattr(recipe, f.name)


def _values() -> dict[str, Any]:
    """The recipe's values as its widgets have them: those of the recipe when it is first shown or picked."""
    if _value_key("epochs") not in st.session_state:
        _load()
    columns = st.columns(3)
    for i, f in enumerate(fields(TrainingConfig)):
        with columns[i % 3]:
            _widget(TrainingConfig, f, _value_key(f.name))
    return {f.name: st.session_state[_value_key(f.name)] for f in fields(TrainingConfig)}


def _widget(config: type, f: Field[Any], key: str) -> None:
    """The widget that fits a field: its choices, a switch, or a number in its range."""
    how = shown_as(config, f.name)
    common: dict[str, Any] = {"label": how.label, "key": key, "persist_state": "session"}
    if get_args(f.type):
        st.selectbox(options=get_args(f.type), help=how.help or None, **common)
    elif f.type is bool:
        st.toggle(help=how.help or None, **common)
    else:
        number: Any = int if f.type is int else float
        steps = {"step": 1} if f.type is int else {"step": how.high / 100, "format": "%g"}
        limits = {"min_value": number(how.low), "max_value": number(how.high)}
        st.number_input(help=f"{how.help} From {how.span(number)}.".strip(), **limits, **steps, **common)


# --- training it ------------------------------------------------------------------------------------------------


def offer(config: RunConfig) -> None:
    """The button, or what stands in its way."""
    if store().has(config.run_id):
        done(store().get(config.run_id))
        return
    if not engine().training:
        st.info("Nothing is trained on this server. The runs below can be pruned, looked at and taken away.",
                icon=":material/visibility:")  # fmt: skip
        return
    no_data = _no_data(config)
    problem = no_data or store().problem() or engine().problem
    if problem:
        say.warning(f"Nothing can be trained just now. {problem}")
    st.caption(_estimate(config))
    if st.button("Train", icon=":material/play_arrow:", disabled=bool(no_data)):
        try:
            st.session_state["job"] = engine().train(config, owner())
        except PruneLabError as error:
            say.error(error)


def _no_data(config: RunConfig) -> str | None:
    """What is wrong with Fashion-MNIST, if it is to be trained on; another data set is offered only where it is."""
    if config.data.name != data.FASHION.id:
        return None
    try:
        data.check(config.data.name)
    except DataError as error:
        return str(error)
    return None


def _estimate(config: RunConfig) -> str:
    """How long it will take, from the last run of the same network; its speed is of the machine that trained it."""
    runs = [run for run in store().runs() if run.config.network == config.network and run.history]
    alike = [run for run in runs if run.config.data.name == config.data.name]
    if not alike:
        return f"{config.training.epochs} epochs. No run of this network yet to estimate the time from."
    own = [run for run in alike if not run.reference]
    last = (own or alike)[0]
    seconds = config.training.passes * sum(epoch.seconds for epoch in last.history) / last.config.training.passes
    where = "here" if own else "on the machine of the reference run"
    time = f"{config.training.epochs} epochs, about {wording.duration(seconds)}"
    return f"{time}, at the speed of the last run of this network {where}."


def done(run: Run) -> None:
    """A run that exists: its accuracy, and the way on."""
    st.success(
        f"This run is trained: {wording.accuracy(run.accuracy)} of the test images right.",
        icon=":material/check_circle:",
    )
    link("prune.py", "Prune it", ":material/content_cut:", {"run": run.id})


def follow() -> None:
    """Every training that waits or runs, whoever asked for it, and how this visitor's last one ended."""
    for state in engine().jobs():
        if state.kind == "train" and state.active and state.config:
            st.header(f"{NETWORKS[state.config.network].title}, seed {state.config.seed}")
            watch(state.id)
    last = engine().state(st.session_state.get("job", ""))
    if last is not None and last.status in ("failed", "cancelled"):
        say.error(last.message)


# --- runs so far ------------------------------------------------------------------------------------------------

COLUMNS = ("Run", "Test accuracy", "Weights", "File, kB", "Training", "Trained (UTC)", "Whose", "Id")


def runs_so_far() -> None:
    """All runs, sortable; each can be pruned, and a visitor's own deleted."""
    st.header("Runs so far")
    for run_id, reason in store().damaged():
        say.warning(f"Run {run_id} was set aside: {reason}")
    runs = store().runs()
    table(
        "All runs",
        COLUMNS,
        [_row(run) for run in runs],
        key="runs",
        terms=("Accuracy", "Weight", "Seed"),
        on_action=_act,
    )
    if gone := st.session_state.pop("to delete", None):
        _confirm(gone)


def _row(run: Run) -> Row:
    name = picker.title(run).rpartition(":")[0]
    mine = not run.reference and run.owner == owner()
    whose = "reference" if run.reference else "yours" if mine else "another visitor's"
    cells = (
        Cell.text(name),
        Cell(wording.percent(run.accuracy.value), run.accuracy.value),
        Cell(wording.count(run.weights), run.weights),
        Cell(wording.count(run.bytes / 1000), run.bytes),
        Cell(wording.duration(run.seconds), run.seconds),
        Cell(f"{datetime.fromisoformat(run.created):%Y-%m-%d %H:%M}", datetime.fromisoformat(run.created).timestamp()),
        Cell.text(whose),
        Cell.text(run.id),
    )
    prune, delete = (Action(verb.lower(), verb, f"{verb} {name}, {run.id}") for verb in ("Prune", "Delete"))
    return Row(run.id, cells, (prune, delete) if mine else (prune,))


def _act(action: str, run_id: str) -> None:
    """Only noted here: a page can neither be left nor covered from within a callback."""
    st.session_state["to prune" if action == "prune" else "to delete"] = run_id


@st.dialog("Delete this run?")
def _confirm(run_id: str) -> None:
    st.write(f"Run {as_written(run_id)}, its weights and its profiles are deleted for good.")
    if st.button("Delete it", icon=":material/delete:", on_click=_delete, args=(run_id,)):
        st.rerun()  # all of the page, which also closes the dialog


def _delete(run_id: str) -> None:
    try:
        store().delete(run_id, owner())
    except PruneLabError as error:
        st.session_state["delete problem"] = str(error)


if chosen := st.session_state.pop("to prune", None):
    st.switch_page("prune.py", query_params={"run": chosen})
st.title("Train a network")
here = view.current(store())
wanted = choose()
if wanted is not None:
    offer(wanted)
follow()
if problem := st.session_state.pop("delete problem", None):
    say.error(problem)
runs_so_far()
