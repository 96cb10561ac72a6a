"""The widgets of a view: run, criterion, scope, sparsity and repair."""

from collections.abc import Callable, Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import data
from core.errors import PruneLabError
from core.networks import recipe_name
from core.pruning import CRITERIA, REPAIRS, SCOPES, Criterion, Repair, Scope
from core.run import Run
from core.store.runs import RunStore
from core.words import own, wording
from pages.ui.view import address, say
from pages.ui.view.address import View
from pages.ui.view.say import as_written


def title(run: Run) -> str:
    """`ConvNet, thorough, seed 0: 94.55 %`; on a data set other than Fashion-MNIST `ConvNet on mnist, …`."""
    return f"{name(run)}: {own.right(run.accuracy, run.images)}"


def name(run: Run) -> str:
    """The same without the accuracy."""
    if run.brought:
        return f"{run.title} on {run.data_title}, brought"
    recipe = recipe_name(run.network, run.trained.training) or "own recipe"
    on = "" if run.data_set == data.FASHION.id else f" on {run.data_title}"
    return f"{run.title}{on}, {recipe}, seed {run.trained.seed}"


def choose(view: View, store: RunStore) -> DeltaGenerator:
    """Show all of them in one row, which takes a second line where the window is narrow; return the row."""
    row = choose_network(view, store)
    with row:
        how = "How the weights are ranked, and which compete with one another."
        with st.popover(_ranked(view), icon=":material/sort:", width="content", help=how):
            choose_criterion(view)
            choose_scope(view)
        type_sparsity(view)
    return row


def choose_network(view: View, store: RunStore) -> DeltaGenerator:
    """Show what a newcomer chooses, the run and what follows its pruning, in one row; return the row."""
    row = st.container(horizontal=True, vertical_alignment="bottom", key="picker")
    with row:
        choose_run(view, store)
        choose_repair(view)
    if view.run.sparse:
        st.caption(
            f"At least {wording.sparsity(view.run.sparse)} of this network's weights are zero since its training. "
            "By magnitude these go first, so up to there nothing changes."
        )
    return row


def _ranked(view: View) -> str:
    """`Magnitude, Global`."""
    return f"{view.pruning.ranks_by.title.partition(' (')[0]}, {view.pruning.within.title}"


def choose_run(view: View, store: RunStore) -> None:
    """A select box of all runs."""
    runs = {run.id: title(run) for run in store.runs()}
    _pick(st.selectbox, "run", view.run.id, runs, help="A trained network. Train more on the Train page.")


def choose_criterion(view: View) -> None:
    """A select box of the criteria."""
    titles = {name: criterion.title for name, criterion in CRITERIA.items()}
    ranks = "How the weights are ranked. The first in the ranking are set to zero first.\n\n"
    _pick(st.selectbox, "criterion", view.pruning.criterion, titles, help=ranks + _listed(CRITERIA))


def choose_scope(view: View) -> None:
    """Whether weights compete across the network or within their layer."""
    titles = {name: scope.title for name, scope in SCOPES.items()}
    _pick(st.segmented_control, "scope", view.pruning.scope, titles, required=True, help=_listed(SCOPES))


def choose_repair(view: View) -> None:
    """What follows the pruning, and a note where that changes nothing."""
    pruning, titles = view.pruning, {name: repair.title for name, repair in REPAIRS.items()}
    means = (
        f"{_listed(REPAIRS)}\n\nWhat was set to zero stays zero. Repair sees a sample of "
        f"{wording.count(pruning.sample)} training images without labels, drawn with seed {pruning.sample_seed}."
    )
    _pick(st.segmented_control, "repair", pruning.repair, titles, label="After pruning", required=True, help=means)
    if pruning.repaired and not pruning.followed_by.changes(view.run.normalised):
        st.caption("This network has no batch normalisation, so nothing is measured and it stays as it is.")


def _pick(
    widget: Callable[..., object], what: str, chosen: str, titles: Mapping[str, str], label: str = "", **how: object
) -> None:
    """Show a widget to choose one by its title; `what` is its parameter in the URL."""
    key = f"picked {what}"
    st.session_state[key] = chosen
    widget(
        label or what.capitalize(),
        [*titles],
        format_func=titles.__getitem__,
        key=key,
        on_change=lambda: address.change(**{what: st.session_state[key]}),
        **how,
    )


def _listed(choices: Mapping[str, Criterion] | Mapping[str, Scope] | Mapping[str, Repair]) -> str:
    """What each choice means, one line for each."""
    return "\n".join(f"- {as_written(choice.title)}: {as_written(choice.help)}" for choice in choices.values())


def type_sparsity(view: View) -> None:
    """The field for an exact sparsity. An invalid text stays in the field, with an error below it.

    When the slider moves, a field with a new key replaces this one. Until a slow browser shows the new field, it still
    sends the value of the old one, which must not count as newly typed.
    """
    problem = st.session_state.pop("sparsity problem", None)
    moves, shown = st.session_state.get("exact field", (0, view.params["sparsity"]))
    if shown != view.params["sparsity"]:
        moves += 1
    st.session_state["exact field"] = moves, view.params["sparsity"]
    if problem is None:
        st.session_state[_field(moves)] = view.params["sparsity"]
    st.text_input(
        "Exact sparsity, %",
        key=_field(moves),
        max_chars=40,
        on_change=_typed,
        args=(moves, view.run.weights),
        help="Any percentage from 0 to 100, or a number of weights such as “1 weight”.",
        width=168,
    )
    if problem:
        say.error(problem)


def _field(moves: int) -> str:
    return f"typed sparsity {moves}"


def _typed(moves: int, total: int) -> None:
    if moves != st.session_state["exact field"][0]:
        return  # this field has been replaced
    try:
        sparsity = address.percentage(wording.read_sparsity(st.session_state[_field(moves)], total))
    except PruneLabError as error:
        st.session_state["sparsity problem"] = str(error)
        address.change()
    else:
        st.session_state["exact field"] = moves, sparsity
        address.change(sparsity=sparsity)
