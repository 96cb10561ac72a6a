"""Everything that the slider drives for one profile: figures, readouts and sentences, one value for each stop.

The result is plain JSON for the live panel in the browser, which knows nothing of pruning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import figures, wording
from core.distributions import Distributions
from core.errors import PruningError
from core.evaluation import Comparison, Labels, confusion_matrix
from core.figures import LiveFigure
from core.profile import DEFAULT_STOP, TOLERANCE, Profile, marks
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
class Mark:
    """A stop that matters, and why."""

    stop: int
    label: str


@dataclass(frozen=True)
class Panel:
    """What the panel shows. `stops`, `answers` and `warnings` have a text for each of the S stops."""

    stops: tuple[str, ...]
    marks: tuple[Mark, ...]
    answers: tuple[str, ...]
    warnings: tuple[str, ...]
    readouts: tuple[Readout, ...]
    figures: tuple[Placed, ...]

    def to_json(self) -> dict[str, Any]:
        """As dictionaries, lists and scalars; not copied, which would take as long as drawing the figures."""
        return {
            **vars(self),
            "marks": [vars(mark) for mark in self.marks],
            "readouts": [vars(readout) for readout in self.readouts],
            "figures": [to_json(placed) for placed in self.figures],
        }


def to_json(placed: Placed) -> dict[str, Any]:
    """A figure as dictionaries, lists and scalars; not copied."""
    patches = [vars(patch) for patch in placed.figure.patches]
    return {"figure": {**vars(placed.figure), "patches": patches}, "span": placed.span}


def build(profile: Profile, weights: Weights, labels: Labels, classes: Sequence[str]) -> Panel:
    """The panel of one profile.

    Args:
        profile: the S stops; row 0 is the dense network.
        weights: the dense weights.
        labels: (n,) true classes of the test images.
        classes: their names.
    """
    comparisons = profile.comparisons(labels)
    parts = Distributions.of(weights, rank(weights, profile.pruning))
    return Panel(
        stops=tuple(
            f"{wording.sparsity(s)}, {wording.removed(k, profile.total)}"
            for s, k in zip(profile.sparsity, profile.k, strict=True)
        ),
        marks=_marks(profile, comparisons),
        answers=tuple(wording.answer(k, profile.total, c) for k, c in zip(profile.k, comparisons, strict=True)),
        warnings=tuple(_warning(parts, row) for row in profile.layer_k),
        readouts=_readouts(profile, comparisons),
        figures=_figures(profile, comparisons, parts, labels, classes),
    )


def kernels_of(layer: str, profile: Profile, weights: Weights) -> Placed:
    """The kernels of one convolution, as a further figure of the profile's panel.

    Raises:
        PruningError: the network has no convolution of that name.
    """
    known = convolutions({name: kernel.shape for name, kernel in weights.items()})
    if layer not in known:
        raise PruningError(f"There is no convolution {layer!r}; choose one of {', '.join(known)}.")
    order = rank(weights, profile.pruning).orders()[layer]
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    pruned = profile.layer_k[:, profile.names.index(layer)]
    since = np.searchsorted(pruned, place, side="right").reshape(weights[layer].shape)
    return Placed(figures.kernel_maps(layer, weights[layer], since), 12)


def convolutions(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Of a network's arrays by name, those that are kernels with a height and a width."""
    return tuple(name for name, shape in shapes.items() if len(shape) == 4)


def _marks(profile: Profile, comparisons: Sequence[Comparison]) -> tuple[Mark, ...]:
    """The stops that matter, in order."""
    found = marks(comparisons)
    one = next((i for i, k in enumerate(profile.k) if k == 1), None)
    tolerance = f"within ±{100 * TOLERANCE:g} pp up to"
    wanted = [
        (one, "one weight"),
        (profile.stop_index(DEFAULT_STOP), "default"),
        (found.first_change, "first changed answer"),
        (found.last_within, tolerance),
        (found.collapse, "collapse"),
    ]
    return tuple(
        Mark(stop, f"{label}: {wording.sparsity(float(profile.sparsity[stop]))}")
        for stop, label in sorted((stop, label) for stop, label in wanted if stop is not None)
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
) -> tuple[Placed, ...]:
    matrices = [confusion_matrix(labels, row, len(classes)) for row in profile.predicted]
    whole = [parts.at(k) for k in profile.layer_k]
    cuts = [parts.cuts(k) for k in profile.layer_k] if parts.has_cut else None
    zoom = [figures.around_the_cut([parts.near(k) for k in profile.layer_k], cuts)] if cuts else []
    return (
        Placed(figures.accuracy_curve(profile, comparisons), 7),
        Placed(figures.layer_shares(profile), 5),
        Placed(figures.distributions(whole, cuts), 12),
        *(Placed(figure, 12) for figure in zoom),
        Placed(figures.confusion("dense", "Confusion, dense", matrices[:1], classes), 4),
        Placed(figures.confusion("pruned", "Confusion, pruned", matrices, classes), 4),
        Placed(figures.confusion_difference([m - matrices[0] for m in matrices], classes), 4),
    )
