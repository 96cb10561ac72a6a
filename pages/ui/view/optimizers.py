"""The Study page's part about optimizers: whose networks can be pruned further, and why."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import starmap

import numpy as np
import streamlit as st

from core import figures, study
from core.config import RunConfig
from core.study import Band
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.view.lines import counted, downloads, offer, show_table, sum_up
from pages.ui.view.words import meanings

NAMES = {"muon": "Muon", "sgd": "SGD"}
HALF = 0.5
"""The sparsity at which the sums of squares are told."""


def show(networks: Mapping[str, Sequence[RunConfig]]) -> None:
    """What each optimizer leaves to prune, of networks by name."""
    lines = {name: study.by_optimizer(configs) for name, configs in networks.items()}
    groups = {name: bands for name, part in lines.items() if (bands := sum_up(part))}
    if groups:
        margin = wording.points(study.MARGIN, 1).removeprefix("+")
        st.header(f"Weights that can go within {margin}: {'; '.join(starmap(bearable, groups.items()))}.")
        st.markdown(WHY)
        for place, (name, bands) in zip(st.columns(len(groups)), groups.items(), strict=True):
            with place:
                show_lines(name, bands, networks[name])
        st.caption(NOTE.format(n=counted(groups)), help=meanings("Muon and SGD", "95 % interval", "Stable rank"))
        show_table("Optimizer", groups, NAMES, (0.2, 0.5, 0.8))
    offer([line for part in lines.values() for line in part])


WHY = (
    "Both optimizers train the same networks on the same images. Muon takes a step of the same size in every direction "
    "of a kernel, so its networks come to use many directions, each a little. SGD takes large steps only where the "
    "loss is steep, so its networks use few directions, but those much. Pruning changes a kernel a little in all "
    "directions: beside a few strong ones this is hardly noticed, among many weak ones it is."
)


NOTE = (
    "Magnitude, global, without retraining. The networks differ in their optimizer, learning rate and weight decay "
    "alone. Lines are means over {n}, bands the 95 % intervals of those means (Student). Stable rank: the sum of a "
    "kernel's squared singular values over the largest of them, before pruning, as the mean over networks."
)


def bearable(name: str, bands: Sequence[Band]) -> str:
    """How much of the networks of each optimizer can go, in words."""
    shares = [(NAMES[line.name], study.bearable(line)) for line in bands]
    said = [f"{wording.sparsity(share) if share else 'nothing'} with {optimizer}" for optimizer, share in shares]
    return f"{wording.listed(said)} ({name})"


def show_lines(name: str, bands: Sequence[Band], networks: Sequence[RunConfig]) -> None:
    """The figures of a network."""
    st.subheader(name)
    figure = partial(figures.bands, bands, NAMES)
    chart(figure, f"optimizers {name}", f"Accuracy over sparsity by optimizer, {name}.")
    measured = [line for line in bands if not np.isnan(line.ranks).any()]
    if measured:
        ranks = partial(figures.directions, measured, study.layers(networks), NAMES)
        chart(ranks, f"directions {name}", f"Stable rank of each layer by optimizer, {name}.")
        st.markdown(squares(measured))
    downloads(bands, figure, f"optimizers-{name}")


def squares(lines: Sequence[Band]) -> str:
    """How much the weights that are pruned weigh, in words: it does not differ as accuracy does."""
    place = int(abs(lines[0].sparsity - HALF).argmin())
    said = [f"{wording.percent(float(line.squares[place]), 1)} with {NAMES[line.name]}" for line in lines]
    at = wording.sparsity(float(lines[0].sparsity[place]))
    return f"At {at}, the pruned weights have {wording.listed(said)} of the sum of squared weights."
