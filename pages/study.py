"""Is magnitude a good metric? Criteria, layers and retraining on several networks of one recipe."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from core import figures, study
from core.config import RunConfig
from core.data import Collection
from core.networks import NETWORKS
from core.pruning import AS_IS, CRITERIA, REPAIRS, SCOPES, PruningConfig
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.server.services import collections
from pages.ui.view import claim, linked, optimizers, retraining
from pages.ui.view.head import head
from pages.ui.view.lines import downloads, noted, offer, show_table, sum_up


def named(network: str, recipe: str) -> str:
    """What the networks of a recipe are called."""
    return f"{NETWORKS[network].title}, {recipe}"


STUDIED = {
    named(name, recipe): (name, recipe) for name, network in reversed(NETWORKS.items()) for recipe in network.dense
}
"""What can be studied: each network with each recipe that leaves it dense."""

FIRST = "LeNet-5, quick"
"""What is studied at first."""

NAMES = {name: criterion.short for name, criterion in CRITERIA.items()}
TERMS = ("LAMP and Taylor", "Wanda and OBS")
"""The glossary's terms for criteria."""


def show_criteria(network: str, recipe: str, of: Collection) -> None:
    """All criteria on the same networks."""
    networks = study.networks(network, recipe, of)
    scope, repair = choose_pruning(networks)
    lines = study.by_criterion(networks, scope, repair)
    bands = sum_up(lines)
    if bands:
        st.header(study.verdict(bands[0], NAMES))
        st.markdown(study.comparison(bands, NAMES))
        say_enough(networks, scope)
        figure = partial(figures.bands, bands, NAMES)
        note = (
            f"Each line is the mean over {bands[0].n} networks that differ in their seed; the band is the 95 % "
            "interval of that mean (Student). All criteria prune the same networks at the same sparsities, without "
            f"retraining{repaired(repair)}. Accuracy is measured on the test images, in float32."
        )
        noted(figure, "criteria", "Accuracy over sparsity.", note, "Criterion", *TERMS, "Scope", "95 % interval")
        show_table("Criterion", {network: bands}, NAMES, (0.5, 0.8, 0.9))
        downloads(bands, figure, "criteria")
    offer(lines)


def choose_pruning(networks: Sequence[RunConfig]) -> tuple[str, str]:
    """The scope, and what follows the pruning, by name."""
    scopes = {scope.title: name for name, scope in SCOPES.items()}
    repairs = {REPAIRS[name].title: name for name in study.repairs(networks)}
    with st.container(horizontal=True):
        scope = linked.choice(
            st.segmented_control, "Scope", [*scopes], default="Global", key="competing", required=True,
            help="Where the weights compete: in the whole network, or within each layer for its share.",
        )  # fmt: skip
        repair = linked.choice(
            st.segmented_control, "After pruning", [*repairs], default=REPAIRS[AS_IS].title, key="after", required=True,
            help="\n".join(f"- {REPAIRS[name].title}: {REPAIRS[name].help}" for name in repairs.values()),
        )  # fmt: skip
    return scopes[scope], repairs[repair]


def repaired(repair: str) -> str:
    """What follows the pruning, for the note about the lines."""
    if repair == AS_IS:
        return ""
    sample = wording.count(PruningConfig().sample)
    return f", each {REPAIRS[repair].done} on {sample} training images without labels"


def say_enough(networks: Sequence[RunConfig], scope: str) -> None:
    """Whether magnitude is enough, after each repair whose lines are computed."""
    found = []
    for name in study.repairs(networks):
        lines = study.by_criterion(networks, scope, name)
        bands = sum_up(lines)
        if bands and len(bands) == len(lines) and (says := study.enough(bands, NAMES)):
            found.append(f"- **{REPAIRS[name].title}**: {says}")
    if found:
        st.markdown("**When is magnitude enough?**\n\n" + "\n".join(found))


def show_layers(network: str, recipe: str, of: Collection) -> None:
    """One layer pruned at a time."""
    lines = study.by_layer(study.networks(network, recipe, of))
    bands = sum_up(lines)
    if bands:
        names = {line.name: figures.layer_title(line.name) for line in bands}
        weakest = min(bands, key=lambda line: float(line.areas.mean()))
        i = int(abs(weakest.sparsity - 0.95).argmin())
        fall = wording.points(float(weakest.mean[i] - weakest.dense.mean()), 1)
        at = wording.sparsity(float(weakest.sparsity[i]))
        st.header(f"{names[weakest.name]} is the most sensitive layer: {fall} when {at} of it alone is pruned.")
        chart(partial(figures.sensitivity, bands), "sensitivity", "Fall in accuracy by layer.")
        figure = partial(figures.bands, bands, names, " of one layer")
        note = (
            f"One layer is pruned by magnitude; the others stay dense. Lines are means over {bands[0].n} networks, "
            "bands the 95 % intervals of those means (Student)."
        )
        noted(figure, "layers", "Accuracy over the sparsity of one layer.", note, "Kernel", "95 % interval")
        show_table("Layer", {network: bands}, names, (0.5, 0.9, 0.99))
        downloads(bands, figure, "layers")
    offer(lines)


PARTS = {"Criteria": show_criteria, "One layer at a time": show_layers}
"""What is shown of the networks of one recipe."""

PAIRED = {
    "Retraining": (retraining.show, "ConvNet, quick"),
    "Optimizers": (optimizers.show, "Small ConvNet, quick"),
}
"""What is shown of the networks of two recipes, and which stand beside the first unless others are chosen."""


def beside(first: str, part: str) -> str:
    """The other networks: those that are chosen to stand beside the first."""
    others, (_, usual) = [name for name in STUDIED if name != first], PAIRED[part]
    index = others.index(usual if first != usual else FIRST)
    return linked.choice(st.selectbox, "Beside them", others, index=index, key=f"beside-{part.lower()}")


def only(label: str, options: Sequence[str], **how: object) -> str:
    """The only option, without a widget."""
    return options[0]


def choose_data() -> Collection:
    """The data set; the widget is shown only if there is another one besides Fashion-MNIST."""
    sets = {of.id: of for of in collections()[0]}
    widget: Any = st.selectbox if len(sets) > 1 else only
    return sets[linked.choice(widget, "Data set", [*sets], title=lambda name: sets[name].title, key="data")]


head(__file__)
st.markdown(
    "Magnitude pruning zeroes the smallest weights. Does the choice matter? Here several networks of one recipe, which "
    "differ only in their seed, are pruned in each way, and their remaining accuracies are compared."
)
shown = linked.choice(
    st.segmented_control, "Show", [*PARTS, *PAIRED, claim.TITLE], default=next(iter(PARTS)), key="part", required=True
)
if shown == claim.TITLE:
    claim.show()
else:
    left, right = st.columns(2)
    with left:
        one = linked.choice(st.selectbox, "Networks", [*STUDIED], index=[*STUDIED].index(FIRST), key="networks")
    with right:
        other = beside(one, shown) if shown in PAIRED else None
        of = choose_data()
    if other:
        PAIRED[shown][0]({name: study.networks(*STUDIED[name], of) for name in (one, other)})
    else:
        PARTS[shown](*STUDIED[one], of)
