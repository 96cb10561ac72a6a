"""How far can I prune? Everything that the slider drives for one profile."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core import figures
from core.errors import PruningError
from core.evaluation import Labels
from core.evaluation.profile import Profile
from core.evaluation.repaired import Spread
from core.figures import Counts
from core.figures.layers import largest, shortened, titles
from core.panels.base import Panel, Placed, answers_in_words, beside, comparison_readouts, stop_marks, stop_texts
from core.panels.confidence import confidence
from core.panels.confusions import confusions
from core.pruning import Ranking, Weights
from core.pruning.distributions import Distributions, Histogram
from core.words import wording


def pruning(
    profile: Profile,
    weights: Weights,
    ranking: Ranking,
    labels: Labels,
    classes: Sequence[str],
    others: Sequence[Profile] = (),
    refitted: Spread | None = None,
) -> Panel:
    """The panel of one profile.

    Args:
        profile: the S stops; row 0 is the dense network.
        weights: the dense weights.
        ranking: theirs, which the profile follows.
        labels: (n,) true classes of the test images.
        classes: their names.
        others: the same weights pruned, followed by other repairs.
        refitted: where the refitted weights lie, if they are refitted and that is known.
    """
    comparisons, also = profile.comparisons(labels), beside(profile, others, labels)
    parts = Distributions.of(weights, ranking)
    calibration, sure = confidence(profile, labels, others)
    names = [wording.isolated(name) for name in shortened(titles([layer.name for layer in parts.layers]))]
    curve, shares = figures.accuracy_curve(profile, comparisons, also), figures.layer_shares(profile)
    return Panel(
        stops=stop_texts(profile),
        marks=stop_marks(profile, comparisons, len(classes), also),
        answers=answers_in_words(profile, labels, others),
        warnings=tuple(_warning(parts, row, names) for row in profile.layer_k),
        readouts=(*comparison_readouts(profile, comparisons), calibration),
        figures=(
            Placed(curve, 7),
            *sure,
            Placed(shares, 12),
            *_figures(profile, parts, refitted, labels, classes),
        ),
        beside=True,
    )


def kernels(
    layer: str,
    profile: Profile,
    weights: Weights,
    ranking: Ranking,
    first: tuple[int, int] = (0, 0),
) -> Placed:
    """The kernels of one convolution from filter and input `first` on, as a further figure of the profile's panel.

    Raises:
        PruningError: the network has no convolution of that name, or it no such filter or input.
    """
    known = convolutions({name: kernel.shape for name, kernel in weights.items()})
    if layer not in known:
        raise PruningError(f"There is no convolution {layer!r}; choose one of {', '.join(known)}.")
    filters, inputs = weights[layer].shape[:2]
    if not (0 <= first[0] < filters and 0 <= first[1] < inputs):
        raise PruningError(f"{layer} has filters 1 to {filters} and inputs 1 to {inputs}; choose among them.")
    when = since(layer, profile, weights, ranking)
    return Placed(figures.kernel_maps(layer, weights[layer], when, first, profile.pruning.repair), 12)


def since(layer: str, profile: Profile, weights: Weights, ranking: Ranking) -> NDArray[np.int64]:
    """The stop from which on each weight of a layer is pruned, in the shape of its kernel."""
    order = ranking.orders()[layer]
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    pruned = profile.layer_k[:, profile.names.index(layer)]
    return np.searchsorted(pruned, place, side="right").reshape(weights[layer].shape)


def convolutions(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Of a network's arrays by name, those that are kernels with a height and a width."""
    return tuple(name for name, shape in shapes.items() if len(shape) == 4 and name.endswith(".weight"))


def _warning(parts: Distributions, layer_k: Sequence[int], names: Sequence[str]) -> str:
    """Which layers, or else which filters, are all zero; empty if none is. `names` are the layers' as shown."""
    zeroed = {
        name: (layer.filters_zeroed(int(k)), len(layer.filters_gone))
        for name, layer, k in zip(names, parts.layers, layer_k, strict=True)
    }
    gone = [layer for layer, (zero, filters) in zeroed.items() if zero == filters]
    if gone:
        return f"All weights are zero in {_some(gone)}: no information passes through."
    zeroed_filters = [
        f"{wording.count(zero)} of {wording.count(filters)} in {layer}"
        for layer, (zero, filters) in zeroed.items()
        if zero
    ]
    return f"Filters that are all zero: {_some(zeroed_filters)}." if zeroed_filters else ""


_LISTED, _FEW = 8, 6
"""So many layers are all listed; of more, the first few."""


def _some(layers: Sequence[str]) -> str:
    """`conv1, conv2 and fc`, or the first few of many."""
    return wording.listed(layers) if len(layers) <= _LISTED else wording.few(layers, _FEW)


def _refitted(profile: Profile, known: Spread | None, layers: Sequence[int]) -> tuple[Counts | None, Counts | None]:
    """The counts of these layers' refitted weights at each stop, of all and of those close to zero."""
    if known is None:
        return None, None
    rows = [known.row(sparsity) for sparsity in profile.sparsity]
    whole, near = (
        [None if row is None else counts[row][list(layers)] for row in rows] for counts in (known.whole, known.near)
    )
    return whole, near


def _figures(
    profile: Profile, parts: Distributions, refitted: Spread | None, labels: Labels, classes: Sequence[str]
) -> tuple[Placed, ...]:
    """Weights, of the layers with most weights if they are many, and confusion matrices."""
    shown, of = largest(profile.sizes), len(profile.sizes)
    some, name = replace(parts, layers=tuple(parts.layers[j] for j in shown)), profile.pruning.repair
    whole, near = _refitted(profile, refitted, shown)
    cuts = [np.array(parts.cuts(k))[shown].tolist() for k in profile.layer_k] if parts.has_cut else None
    rows = [some.at(k) for k in profile.layer_k[:, shown]]
    drawn = [figures.distributions(rows, cuts, name, whole, of)]
    if cuts:
        close = [_close(some, k, cut) for k, cut in zip(profile.layer_k[:, shown], cuts, strict=True)]
        drawn.append(figures.around_the_cut(close, cuts, name, near, of))
    return (*(Placed(figure, 12) for figure in drawn), *confusions(profile, labels, classes))


def _close(parts: Distributions, layer_k: Sequence[int], cuts: Sequence[float]) -> list[Histogram]:
    """`Distributions.near` with these cuts, which may be those of a larger network."""
    each = zip(parts.layers, layer_k, cuts, strict=True)
    return [layer.near(int(k), cut or layer.smallest) for layer, k, cut in each]
