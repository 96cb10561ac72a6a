"""The Study page's part about optimizers: whose networks can be pruned further, and why."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from core import figures, study
from core.config import RunConfig
from core.study import Band
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.view.lines import counted, downloads, offer, show_table, sum_up
from pages.ui.view.words import meanings

NAMES = {"muon": "Muon", "sgd": "SGD", "muon lamp": "Muon, LAMP", "sgd lamp": "SGD, LAMP"}
HALF = 0.5
"""The sparsity at which it is shown where the zeros are."""


def show(networks: Mapping[str, Sequence[RunConfig]]) -> None:
    """What each optimizer leaves to prune, of networks by name."""
    lines = {name: study.by_optimizer(configs) for name, configs in networks.items()}
    groups = {name: bands for name, part in lines.items() if (bands := sum_up(part))}
    if groups:
        margin = wording.points(study.MARGIN, 1).removeprefix("+")
        st.header(f"Weights that can go within {margin}: {bearable(groups, '')}.")
        st.markdown(f"{WHY} Ranked by LAMP, there can go {bearable(groups, ' lamp')}.")
        for place, (name, bands) in zip(st.columns(len(groups)), groups.items(), strict=True):
            with place:
                show_lines(name, bands, networks[name])
        st.caption(NOTE.format(n=counted(groups)), help=meanings("Muon and SGD", "LAMP and Taylor", "95 % interval"))
        show_table("Optimizer", groups, NAMES, (0.2, 0.5, 0.8))
    offer([line for part in lines.values() for line in part])


WHY = (
    "Both optimizers train the same networks on the same images. Magnitude compares the weights of all layers. SGD "
    "leaves the weights of some layers larger than those of others, so that most zeros fall in layers that can spare "
    "them. Muon makes the weights of the layers it trains about equally large, so that zeros fall where they do harm. "
    "The lower figures show where. LAMP is the test: it compares a weight only with those of its own layer."
)
NOTE = (
    "All weights compete, without retraining. The networks differ in their optimizer, learning rate and weight decay "
    "alone. Lines are means over {n}, bands the 95 % intervals of those means (Student). The lower figures are of "
    "magnitude; the dotted line is where all layers would be if each lost the same share."
)


def bearable(groups: Mapping[str, Sequence[Band]], criterion: str) -> str:
    """How much of the networks of each optimizer can go by a criterion, in words; lines are named after both."""
    parts = []
    for name, bands in groups.items():
        of = {line.name: study.bearable(line) for line in bands}
        said = [
            f"{wording.sparsity(share) if (share := of[line]) else 'nothing'} with {NAMES[optimizer]}"
            for optimizer in study.OPTIMIZERS
            if (line := f"{optimizer}{criterion}") in of
        ]
        parts += [f"{wording.listed(said)} ({name})"] if said else []
    return "; ".join(parts) or "nothing is computed yet"


def show_lines(name: str, bands: Sequence[Band], networks: Sequence[RunConfig]) -> None:
    """The figures of a network."""
    st.subheader(name)
    figure = partial(figures.bands, bands, NAMES)
    chart(figure, f"optimizers {name}", f"Accuracy over sparsity by optimizer, {name}.")
    plain = [band for band in bands if band.name in study.OPTIMIZERS]
    if plain:
        zeros = partial(figures.where, plain, study.layers(networks), NAMES, HALF)
        chart(zeros, f"where {name}", f"Share of each layer that is zero, by optimizer, {name}.")
    downloads(bands, figure, f"optimizers-{name}")
