"""Train a network: recipe, job, live progress, run."""

from dataclasses import Field, fields
from datetime import datetime
from typing import Any, get_args

import streamlit as st

from core import data
from core.config import Compression, Problem, RunConfig, TrainingConfig, shown_as
from core.data import Collection
from core.errors import DataError, PruneLabError
from core.networks import DEFAULT_NETWORK, NETWORKS, recipe_for
from core.run import Run, Training
from core.words import own, wording
from pages.ui.components.table import Action, Row, TableCell, table
from pages.ui.server.services import collections, engine, owner, results, store
from pages.ui.view import address, bring, picker, say
from pages.ui.view.head import head
from pages.ui.view.links import link
from pages.ui.view.say import as_written
from pages.ui.view.watching import watch
from pages.ui.view.words import meanings

# --- what to train ----------------------------------------------------------------------------------------------

TERMS = ("Convolution", "Batch normalisation", "Residual block", "Weight", "Recipe", "Seed")
SMALLER = ("Sparsity", "Gradual pruning", "Retraining", "Scope", "LAMP and Taylor", "Rounded weights", "Teacher")


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
        )
    with seed:
        _widget(RunConfig, next(f for f in fields(RunConfig) if f.name == "seed"), "seed")
    st.caption(NETWORKS[name].summary, help=meanings(*TERMS))
    with st.expander("Values of the recipe", icon=":material/tune:"):
        values = _values(TrainingConfig)
    with st.expander("Make it small while it is trained", icon=":material/compress:"):
        st.caption("Weights are pruned during the training, so that the others can take over what they did.",
                   help=meanings(*SMALLER))  # fmt: skip
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


# --- training it ------------------------------------------------------------------------------------------------


def offer(config: RunConfig) -> None:
    """The button to train, or why it is not available."""
    if store().has(config.run_id):
        done(store().get(config.run_id))
        return
    if not engine().limits.training:
        st.info("Training is switched off on this server. You can prune, view and download the runs below.",
                icon=":material/visibility:")  # fmt: skip
        return
    no_data = _no_data(config)
    problem = no_data or store().problem() or engine().problem
    if problem:
        say.warning(f"Training is not possible at the moment. {problem}")
    st.caption(_estimate(config))
    if st.button("Train", icon=":material/play_arrow:", disabled=bool(no_data)):
        try:
            st.session_state["job"] = engine().submit(Training(config=config, owner=owner()), owner())
        except PruneLabError as error:
            say.error(error)


def _no_data(config: RunConfig) -> str | None:
    """Why Fashion-MNIST cannot be used, if it is chosen; other data sets are offered only if they can be used."""
    if config.data.name != data.FASHION.id:
        return None
    try:
        data.check(config.data.name)
    except DataError as error:
        return str(error)
    return None


def _estimate(config: RunConfig) -> str:
    """How long the training will take, at the speed of the last run of the same network and the machine it ran on."""
    runs = [run for run in store().runs() if not run.brought and run.network == config.network and run.history]
    alike = [run for run in runs if run.data_set == config.data.name]
    if not alike:
        return f"{config.training.epochs} epochs. The time is unknown: there is no run of this network yet."
    own = [run for run in alike if not run.reference]
    last = (own or alike)[0]
    seconds = config.training.passes * sum(epoch.seconds for epoch in last.history) / last.trained.training.passes
    where = "here" if own else "on the machine of the reference run"
    time = f"{config.training.epochs} epochs, about {wording.duration(seconds)}"
    return f"{time}, at the speed of the last run of this network {where}.{_before(config)}"


def _before(config: RunConfig) -> str:
    """What is trained before, because the training needs it."""
    missing = [need.config for need in Training(config=config).needs if not results().has(need)]
    named = [f"{NETWORKS[of.network].title} (seed {of.seed}, {of.training.epochs} epochs)" for of in missing]
    return f" Before it, {wording.listed(named)} will be trained." if named else ""


def done(run: Run) -> None:
    """An existing run: its accuracy, and a link to prune it."""
    st.success(
        f"This run is trained. Test accuracy: {wording.accuracy(run.accuracy)}.",
        icon=":material/check_circle:",
    )
    link("prune.py", "Prune it", ":material/content_cut:", {"run": run.id})


def follow() -> None:
    """All visitors' trainings that wait or run, and why this visitor's last one failed or was stopped."""
    for state in engine().jobs():
        if isinstance(state.job, Training) and state.active:
            config = state.job.config
            st.header(f"{NETWORKS[config.network].title}, seed {config.seed}")
            for need in state.job.needs:
                if (before := engine().state(need.id)) is not None and before.active:
                    st.caption("Its teacher is trained first.")
                    watch(need.id)
            watch(state.id)
    last = engine().state(st.session_state.get("job", ""))
    if last is not None and last.status in ("failed", "cancelled"):
        say.error(last.message)


# --- all runs ---------------------------------------------------------------------------------------------------

COLUMNS = ("Run", "Test accuracy", "Weights", "File, kB", "Training time", "Trained (UTC)", "Owner", "Id")


def show_runs() -> None:
    """All runs in a sortable table; each can be pruned, and a visitor's own runs deleted."""
    st.header("All runs")
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
    name = picker.name(run)
    mine = not run.reference and run.owner == owner()
    owned_by = "reference" if run.reference else "you" if mine else "another visitor"
    cells = (
        TableCell.text(name),
        TableCell(own.right(run.accuracy, run.images), run.accuracy.value),
        TableCell(wording.count(run.weights), run.weights),
        TableCell(wording.count(run.bytes / 1000), run.bytes),
        TableCell("brought" if run.brought else wording.duration(run.seconds), run.seconds),
        TableCell(
            f"{datetime.fromisoformat(run.created):%Y-%m-%d %H:%M}", datetime.fromisoformat(run.created).timestamp()
        ),
        TableCell.text(owned_by),
        TableCell.text(run.id),
    )
    prune, delete = (Action(verb.lower(), verb, f"{verb} {name}, {run.id}") for verb in ("Prune", "Delete"))
    return Row(run.id, cells, (prune, delete) if mine else (prune,))


def _act(action: str, run_id: str) -> None:
    """Only noted here: a callback can neither switch the page nor open a dialog."""
    st.session_state["to prune" if action == "prune" else "to delete"] = run_id


@st.dialog("Delete this run?")
def _confirm(run_id: str) -> None:
    st.write(f"This deletes run {as_written(run_id)}, its weights and its profiles permanently.")
    if st.button("Delete it", icon=":material/delete:", on_click=_delete, args=(run_id,)):
        st.rerun()  # the whole page, which also closes the dialog


def _delete(run_id: str) -> None:
    try:
        store().delete(run_id, owner())
    except PruneLabError as error:
        st.session_state["delete problem"] = str(error)


if chosen := st.session_state.pop("to prune", None):
    st.switch_page("prune.py", query_params={"run": chosen})
head(__file__)
here = address.current(store())
wanted = choose()
if wanted is not None:
    offer(wanted)
follow()
bring.show()
if problem := st.session_state.pop("delete problem", None):
    say.error(problem)
show_runs()
