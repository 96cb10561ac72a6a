"""Train a network: recipe, job, live progress, run."""

import math
from datetime import datetime

import streamlit as st

from core import data
from core.config import RunConfig
from core.errors import DataError, PruneLabError
from core.networks import NETWORKS, multiplications
from core.run import Run, Training
from core.words import own, wording
from pages.ui.components.table import Action, Row, TableCell, table
from pages.ui.server.services import engine, owner, results, store
from pages.ui.view import address, bring, picker, recipe, say
from pages.ui.view.head import head
from pages.ui.view.links import link
from pages.ui.view.say import as_written
from pages.ui.view.watching import watch

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
    """How long the training will take, at the speed of the last run of the same network on these images.

    If there is none, at that of the network whose number of multiplications is most similar.
    """
    epochs, before = f"{config.training.epochs} epochs", _before(config)
    runs = [run for run in store().runs() if not run.brought and run.history and run.data_set == config.data.name]
    if not runs:
        return f"{epochs}. The time is unknown: there is no run on these images yet.{before}"
    last = min(runs, key=lambda run: (abs(math.log(_work(config, run) / multiplications(run.kernels))), run.reference))
    more = config.training.passes * _work(config, last) / (last.trained.training.passes * multiplications(last.kernels))
    seconds = more * sum(epoch.seconds for epoch in last.history)
    of = "this network" if last.network == config.network else NETWORKS[last.network].title
    where = "on the machine of the reference run" if last.reference else "here"
    return f"{epochs}, about {wording.duration(seconds)}, at the speed of the last run of {of} {where}.{before}"


def _work(config: RunConfig, like: Run) -> int:
    """Multiplications for one of the images of a run, by the network of another."""
    return multiplications(NETWORKS[config.network].kernels(like.problem))


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
wanted = recipe.choose()
if wanted is not None:
    offer(wanted)
follow()
bring.show()
if problem := st.session_state.pop("delete problem", None):
    say.error(problem)
show_runs()
