"""Everything that the slider drives for one profile: figures, readouts and sentences, one value for each stop.

The result is plain JSON for the live panel in the browser, which knows nothing of pruning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import figures, wording
from core.distributions import Distributions
from core.evaluation import Comparison, Labels, confusion_matrix
from core.figures import LiveFigure
from core.profile import Profile
from core.pruning import Weights, rank


@dataclass(frozen=True)
class Readout:
    """One number in the row above the figures: a value and a note for each stop."""

    label: str
    values: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """A figure and the share of the row's width that it takes, in twelfths."""

    figure: LiveFigure
    span: int


@dataclass(frozen=True)
class Panel:
    """What the panel shows. `stops`, `answers` and `warnings` have a text for each of the S stops."""

    stops: tuple[str, ...]
    answers: tuple[str, ...]
    warnings: tuple[str, ...]
    readouts: tuple[Readout, ...]
    figures: tuple[Placed, ...]

    def to_json(self) -> dict[str, Any]:
        """As dictionaries, lists and scalars; not copied, which would take as long as drawing the figures."""
        return {
            **vars(self),
            "readouts": [vars(readout) for readout in self.readouts],
            "figures": [{"figure": _plain(placed.figure), "span": placed.span} for placed in self.figures],
        }


def _plain(figure: LiveFigure) -> dict[str, Any]:
    return {**vars(figure), "patches": [vars(patch) for patch in figure.patches]}


def build(profile: Profile, weights: Weights, labels: Labels, classes: Sequence[str], *, log: bool = False) -> Panel:
    """The panel of one profile.

    Args:
        profile: the S stops; row 0 is the dense network.
        weights: the dense weights.
        labels: (n,) true classes of the test images.
        classes: their names.
        log: draw the weight distributions' counts on a logarithmic axis.
    """
    comparisons = profile.comparisons(labels)
    parts = Distributions.of(weights, rank(weights, profile.pruning))
    return Panel(
        stops=tuple(
            f"{wording.sparsity(s)}, {wording.removed(k, profile.total)}"
            for s, k in zip(profile.sparsity, profile.k, strict=True)
        ),
        answers=tuple(wording.answer(k, profile.total, c) for k, c in zip(profile.k, comparisons, strict=True)),
        warnings=tuple(_warning(parts, row) for row in profile.layer_k),
        readouts=_readouts(profile, comparisons),
        figures=_figures(profile, comparisons, parts, labels, classes, log),
    )


def _readouts(profile: Profile, comparisons: Sequence[Comparison]) -> tuple[Readout, ...]:
    n = wording.count(comparisons[0].n)
    dense = wording.percent(comparisons[0].dense.value)
    return (
        Readout(
            "Weights set to zero",
            tuple(f"{wording.count(k)} of {wording.count(profile.total)}" for k in profile.k),
            tuple(wording.sparsity(k / profile.total) for k in profile.k),
        ),
        Readout(
            "Threshold",
            tuple(wording.magnitude(float(t)) for t in profile.threshold),
            tuple("largest |w| removed" if k else "nothing removed" for k in profile.k),
        ),
        Readout(
            "Accuracy, dense → pruned",
            tuple(f"{dense} → {wording.percent(c.pruned.value)}" for c in comparisons),
            tuple(f"{wording.count(c.pruned.right)} of {n} test images" for c in comparisons),
        ),
        Readout(
            "Difference",
            tuple(wording.difference(c) for c in comparisons),
            tuple(f"95 % paired interval; McNemar p {wording.relation(c.p_value)}" for c in comparisons),
        ),
        Readout(
            "Lost, gained",
            tuple(f"{wording.count(c.lost)} lost, {wording.count(c.gained)} gained" for c in comparisons),
            tuple(f"right answers, of {n}" for c in comparisons),
        ),
        Readout(
            "Churn",
            tuple(wording.percent(c.churn) for c in comparisons),
            tuple(f"{wording.count(c.changed)} of {n} answers changed" for c in comparisons),
        ),
    )


def _warning(parts: Distributions, layer_k: Sequence[int]) -> str:
    """Which layers, and else which filters, are all zero; empty when none is."""
    zeroed = {
        figures.layer_title(layer.name): (layer.filters_zeroed(int(k)), len(layer.filters_gone))
        for layer, k in zip(parts.layers, layer_k, strict=True)
    }
    gone = [layer for layer, (zero, of) in zeroed.items() if zero == of]
    if gone:
        return f"All weights are zero in {wording.listed(gone)}: nothing of the image passes such a layer."
    filters = [
        f"{wording.count(zero)} of {wording.count(of)} in {layer}" for layer, (zero, of) in zeroed.items() if zero
    ]
    return f"Filters that are all zero: {wording.listed(filters)}." if filters else ""


def _figures(
    profile: Profile,
    comparisons: Sequence[Comparison],
    parts: Distributions,
    labels: Labels,
    classes: Sequence[str],
    log: bool,
) -> tuple[Placed, ...]:
    matrices = [confusion_matrix(labels, row, len(classes)) for row in profile.predicted]
    whole = [parts.at(k) for k in profile.layer_k]
    cuts = [parts.cuts(k) for k in profile.layer_k] if parts.has_cut else None
    zoom = [figures.around_the_cut([parts.near(k) for k in profile.layer_k], cuts, log=log)] if cuts else []
    return (
        Placed(figures.accuracy_curve(profile, comparisons), 7),
        Placed(figures.layer_shares(profile), 5),
        Placed(figures.distributions(whole, cuts, log=log), 12),
        *(Placed(figure, 12) for figure in zoom),
        Placed(figures.confusion("dense", "Confusion, dense", matrices[:1], classes), 4),
        Placed(figures.confusion("pruned", "Confusion, pruned", matrices, classes), 4),
        Placed(figures.confusion_difference([m - matrices[0] for m in matrices], classes), 4),
    )
