"""The Study page's part about retraining: the ways to retrain, on two kinds of networks with the same budget."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import starmap

import streamlit as st

from core import figures, study
from core.config import RunConfig
from core.study import PUBLISHED, Band
from core.words import wording
from pages.ui.components.chart import chart
from pages.ui.view.lines import counted, downloads, offer, show_table, sum_up
from pages.ui.view.words import meanings

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
        st.header(f"At {at} sparsity, the best retraining keeps {wording.listed([*starmap(kept, groups.items())])}.")
        for place, (name, bands) in zip(st.columns(len(groups)), groups.items(), strict=True):
            with place:
                st.subheader(name)
                figure = partial(figures.bands, bands, NAMES, published=PUBLISHED, errors=span(groups))
                chart(figure, f"retraining {name}", f"Accuracy over sparsity after retraining, {name}.")
                downloads(bands, figure, f"retraining-{name}")
        st.caption(NOTE.format(n=counted(groups)), help=meanings("Retraining", "Rewinding", "Epoch", "95 % interval"))
        st.caption(about_published())
        show_table("Strategy", groups, NAMES, (0.8, 0.95, 0.98))
    offer([line for part in lines.values() for line in part])


NOTE = (
    f"Magnitude, global. All strategies but the first retrain for {study.EPOCHS} epochs of the network's recipe at "
    f"each sparsity; the iterative ones divide these epochs among {study.ROUNDS} rounds. Rewinding starts each round "
    "from the weights after the first epoch of training. Pruned weights stay zero through every step. Lines are means "
    "over {n}, bands the 95 % intervals of those means (Student). Each halving of the errors has the same room."
)


def kept(name: str, bands: Sequence[Band]) -> str:
    """How much accuracy the best way to retrain leaves, in words."""
    best = max(bands, key=lambda line: float(line.mean[SAID]))
    left, dense = (wording.percent(float(values)) for values in (best.mean[SAID], best.dense.mean()))
    return f"{left} of {dense} ({name})"


def span(groups: Mapping[str, Sequence[Band]]) -> tuple[float, float]:
    """The lowest and the highest accuracy that is drawn, so that all figures have the same axis."""
    lines = [line for bands in groups.values() for line in bands]
    published = [accuracy for one in PUBLISHED for _, accuracy in one.points]
    low = min(*(float(line.low.min()) for line in lines), *published)
    high = max(*(float(max(line.high.max(), line.dense.mean())) for line in lines), *published)
    return low, high


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
