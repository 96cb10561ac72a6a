"""The Study page's part about retraining: the ways to retrain, on two kinds of networks with the same budget."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from core import figures, study
from core.config import RunConfig
from core.study import PUBLISHED, Band
from core.words import wording
from pages.ui.view.lines import downloads, noted, offer, show_table, sum_up

NAMES = {
    "none": "One-shot, no retraining",
    "fine-tune": "One-shot, then fine-tuning",
    "iterative": "Iterative, with fine-tuning",
    "rewind": "Iterative, rewinding to early weights",
}
SAID = study.RETRAINED.index(0.95)
"""The place of the sparsity that the headline is about."""


def show(networks: Mapping[str, Sequence[RunConfig]]) -> None:
    """Magnitude pruning with and without retraining, of networks by name."""
    lines = {name: study.by_retraining(configs) for name, configs in networks.items()}
    groups = {name: bands for name, part in lines.items() if (bands := sum_up(part))}
    if groups:
        at = wording.sparsity(study.RETRAINED[SAID])
        st.header(f"At {at} sparsity, {wording.listed([kept(*group) for group in groups.items()])}.")
        for place, (name, bands) in zip(st.columns(len(groups)), groups.items(), strict=True):
            with place:
                show_lines(name, bands)
        st.caption(about_published())
        show_table("Strategy", groups, NAMES, (0.8, 0.95, 0.98))
    offer([line for part in lines.values() for line in part])


def kept(name: str, bands: Sequence[Band]) -> str:
    """What the best way to retrain leaves of a network's accuracy, in words."""
    best = max(bands, key=lambda line: float(line.mean[SAID]))
    left, dense = (wording.percent(float(values)) for values in (best.mean[SAID], best.dense.mean()))
    return f"“{NAMES[best.name].lower()}” keeps {left} of the {dense} of {name}"


def show_lines(name: str, bands: Sequence[Band]) -> None:
    """The figure of a network, with what is to be known about it."""
    st.subheader(name)
    figure = partial(figures.bands, bands, NAMES, published=PUBLISHED)
    note = (
        f"Magnitude, global. All strategies but the first retrain for {study.EPOCHS} epochs of the network's recipe at "
        f"each sparsity; the iterative ones divide these epochs among {study.ROUNDS} rounds. Rewinding starts each "
        "round from the weights after the first epoch of training. Pruned weights stay zero through every step. Lines "
        f"are means over {bands[0].n} networks, bands the 95 % intervals of those means (Student)."
    )
    alt = f"Accuracy over sparsity after retraining, {name}."
    noted(figure, f"retraining {name}", alt, note, "Retraining", "Rewinding", "Epoch", "95 % interval")
    downloads(bands, figure, f"retraining {name}")


def about_published() -> str:
    """What the published figures are, and where they stand."""
    parts = [
        f"{one.name} ({wording.percent(one.dense)} before pruning): {one.how}; [{one.source}]({one.link})"
        for one in PUBLISHED
    ]
    return (
        f"Rings and squares are published, for one network each, without spread. {'. '.join(parts)}. Those networks "
        "are larger and were trained in other ways: landmarks, not a comparison."
    )
