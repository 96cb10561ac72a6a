"""Train a network: recipe, job, live progress, run."""

from dataclasses import Field, fields
from typing import Any, get_args

import streamlit as st

from core import data, wording
from core.config import RunConfig, TrainingConfig, shown_as
from core.errors import DataError, PruneLabError
from core.recipes import DEFAULT_NETWORK, NETWORKS
from core.runs import Run
from pages.ui import picker, view
from pages.ui.services import engine, owner, store
from pages.ui.watching import watch

# --- what to train ----------------------------------------------------------------------------------------------


def choose() -> RunConfig | None:
    """Network, recipe, its values and the seed; None, with a message, for values that cannot be."""
    if "network" not in st.session_state:
        st.session_state["network"] = DEFAULT_NETWORK
        _first_recipe()
    network, recipe, seed = st.columns([3, 3, 2])
    with network:
        name = st.selectbox(
            "Network",
            [*NETWORKS],
            format_func=_network,
            key="network",
            on_change=_first_recipe,
            persist_state="session",
        )
    with recipe:
        st.segmented_control(
            "Recipe", [*NETWORKS[name].recipes], key="recipe", required=True, on_change=_load, persist_state="session"
        )
    with seed:
        _widget(RunConfig, next(f for f in fields(RunConfig) if f.name == "seed"))
    st.caption(NETWORKS[name].summary)
    with st.expander("Values of the recipe", icon=":material/tune:"):
        values = _values()
    try:
        return RunConfig(network=name, training=TrainingConfig(**values), seed=st.session_state["seed"])
    except PruneLabError as error:
        st.error(str(error), icon=":material/error:")
        return None


def _network(name: str) -> str:
    return f"{NETWORKS[name].title} ({wording.count(NETWORKS[name].weights)} weights)"


def _first_recipe() -> None:
    st.session_state["recipe"] = next(iter(NETWORKS[st.session_state["network"]].recipes))
    st.session_state.setdefault("seed", 0)
    _load()


def _load() -> None:
    """Put the recipe's values into their widgets."""
    recipe = NETWORKS[st.session_state["network"]].recipes[st.session_state["recipe"]]
    for f in fields(recipe):
        st.session_state[f.name] = getattr(recipe, f.name)


def _values() -> dict[str, Any]:
    columns = st.columns(3)
    for i, f in enumerate(fields(TrainingConfig)):
        with columns[i % 3]:
            _widget(TrainingConfig, f)
    return {f.name: st.session_state[f.name] for f in fields(TrainingConfig)}


def _widget(config: type, f: Field[Any]) -> None:
    """The widget that fits a field: its choices, a switch, or a number in its range."""
    how = shown_as(config, f.name)
    common: dict[str, Any] = {"label": how.label, "key": f.name, "persist_state": "session"}
    if get_args(f.type):
        st.selectbox(options=get_args(f.type), help=how.help or None, **common)
    elif f.type is bool:
        st.toggle(help=how.help or None, **common)
    else:
        number: Any = int if f.type is int else float
        steps = {"step": 1} if f.type is int else {"step": how.high / 100, "format": "%g"}
        limits = {"min_value": number(how.low), "max_value": number(how.high)}
        st.number_input(help=f"{how.help} From {how.low:g} to {how.high:g}.".strip(), **limits, **steps, **common)


# --- training it ------------------------------------------------------------------------------------------------


def offer(config: RunConfig) -> None:
    """The button, or what stands in its way."""
    if store().has(config.run_id):
        done(store().get(config.run_id))
        return
    no_data = _no_data()
    problem = no_data or store().problem() or engine().problem
    if problem:
        st.warning(f"Nothing can be trained just now. {problem}", icon=":material/warning:")
    st.caption(_estimate(config))
    if st.button("Train", icon=":material/play_arrow:", disabled=bool(no_data)):
        try:
            st.session_state["job"] = engine().train(config, owner())
        except PruneLabError as error:
            st.error(str(error), icon=":material/error:")


def _no_data() -> str | None:
    try:
        data.locate()
    except DataError as error:
        return str(error)
    return None


def _estimate(config: RunConfig) -> str:
    """How long it will take, from the last run of the same network; its speed is of the machine that trained it."""
    alike = [run for run in store().runs() if run.config.network == config.network and run.history]
    if not alike:
        return f"{config.training.epochs} epochs. No run of this network yet to estimate the time from."
    own = [run for run in alike if not run.reference]
    last = (own or alike)[0]
    seconds = config.training.epochs * sum(epoch.seconds for epoch in last.history) / len(last.history)
    where = "here" if own else "on the machine of the reference run"
    time = f"{config.training.epochs} epochs, about {wording.duration(seconds)}"
    return f"{time}, at the speed of the last run of this network {where}."


def done(run: Run) -> None:
    """A run that exists: its accuracy, and the way on."""
    st.success(
        f"This run is trained: {wording.accuracy(run.accuracy)} of the test images right.",
        icon=":material/check_circle:",
    )
    st.page_link("prune.py", label="Prune it", icon=":material/content_cut:", query_params={"run": run.id})


def follow() -> None:
    """Every training that waits or runs, whoever asked for it, and how this visitor's last one ended."""
    for state in engine().jobs():
        if state.kind == "train" and state.active and state.config:
            st.header(f"{_network(state.config.network)}, seed {state.config.seed}")
            watch(state.id)
    last = engine().state(st.session_state.get("job", ""))
    if last is not None and last.status in ("failed", "cancelled"):
        st.error(last.message, icon=":material/error:")


# --- runs so far ------------------------------------------------------------------------------------------------


def runs_so_far() -> None:
    """All runs, sortable; one can be chosen, and a visitor's own deleted."""
    st.header("Runs so far")
    for run_id, reason in store().damaged():
        st.warning(f"Run {run_id} was set aside: {reason}", icon=":material/warning:")
    runs = store().runs()
    table = st.dataframe(
        [_row(run) for run in runs],
        hide_index=True,
        key="runs",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Test accuracy, %": st.column_config.NumberColumn(format="%.2f"),
            "Trained": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "File, kB": st.column_config.NumberColumn(format="localized"),
            "Weights": st.column_config.NumberColumn(format="localized"),
        },
        alt="Runs with their test accuracy, size and date",
    )
    chosen = [runs[i] for i in table["selection"]["rows"] if i < len(runs)]
    for run in chosen:
        _act(run)
    if not chosen:
        st.caption("Select a row to prune that run, or to delete one of your own.")


def _row(run: Run) -> dict[str, Any]:
    return {
        "Run": picker.title(run).rpartition(":")[0],
        "Test accuracy, %": 100 * run.accuracy.value,
        "Weights": run.weights,
        "File, kB": round(run.bytes / 1000),
        "Seconds": round(run.seconds),
        "Trained": run.created,
        "Whose": "reference" if run.reference else "yours" if run.owner == owner() else "another visitor's",
        "Id": run.id,
    }


def _act(run: Run) -> None:
    with st.container(horizontal=True):
        st.page_link("prune.py", label="Prune this run", icon=":material/content_cut:", query_params={"run": run.id})
        if not run.reference and run.owner == owner():
            st.button("Delete this run", icon=":material/delete:", key="delete", on_click=_delete, args=(run.id,))


def _delete(run_id: str) -> None:
    try:
        store().delete(run_id, owner())
    except PruneLabError as error:
        st.session_state["delete problem"] = str(error)


st.title("Train a network")
here = view.current(store())
wanted = choose()
if wanted is not None:
    offer(wanted)
follow()
if problem := st.session_state.pop("delete problem", None):
    st.error(problem, icon=":material/error:")
runs_so_far()
