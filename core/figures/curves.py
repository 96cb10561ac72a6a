"""What moves with the sparsity: accuracy, its difference, and the share of each layer."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation import Comparison, Proportion
from core.evaluation.profile import Profile
from core.figures.base import (
    LEGEND,
    LiveFigure,
    Patch,
    SparsityAxis,
    Spec,
    frame,
    hundredths,
    live,
    plain_axis,
    upright,
)
from core.figures.colours import CUT, GREY, MENDED, PRUNED, after
from core.figures.labels import labels, names_axis
from core.figures.layers import MANY, shortened, titles
from core.figures.lines import dense_level, diamond, repair_dash, repair_line
from core.pruning import AS_IS, REPAIRS
from core.words import wording

Beside = Mapping[str, Sequence[Comparison | None]]
"""Other repairs of the same pruned network by name: at each stop their comparison, None where they have none."""


def accuracy_curve(profile: Profile, comparisons: Sequence[Comparison], beside: Beside | None = None) -> LiveFigure:
    """Accuracy with its Wilson band above the paired difference with its interval, which has its own finer scale.

    The other repairs are thinner lines without a band, named in a legend; a click on them chooses a stop too.
    """
    beside, repair = beside or {}, profile.pruning.repair
    axis = SparsityAxis.over(profile.sparsity)
    x = [axis.place(s) for s in profile.sparsity]
    accuracy = [hundredths(c.pruned.value) for c in comparisons]
    difference = [hundredths(c.difference) for c in comparisons]
    floor, ceiling = _difference_range(comparisons, profile.sparsity)
    dense = comparisons[0].dense

    others = [line for name, at in beside.items() for line in _thin_lines(name, x, profile, at)]
    first = len(others)  # of the traces of the chosen one, which lie above the others
    traces = [
        *others,
        *_band(repair, x, accuracy, [c.pruned for c in comparisons], _accuracy_hover(profile, comparisons), ""),
        *_band(repair, x, difference, comparisons, _difference_hover(profile, comparisons), "2"),
        diamond(repair, x[0], accuracy[0], ""),
        diamond(repair, x[0], difference[0], "2"),
    ]
    levels = dense_level(hundredths(dense.value), ""), dense_level(0, "2")
    named = {
        "showarrow": False, "text": f"dense {wording.percent(dense.value)}", "x": axis.low, "y": accuracy[0],
        "xanchor": "left", "yanchor": "top", "xref": "x", "yref": "y",
    }  # fmt: skip
    layout = frame(
        440,
        xaxis=axis.layout(anchor="y", matches="x2", showticklabels=False),
        yaxis=plain_axis("Accuracy, %", anchor="x", domain=[0.47, 1], range=[0, 104]),
        xaxis2=axis.layout("Sparsity, % (logit scale)", anchor="y2"),
        yaxis2=plain_axis("Difference, pp", anchor="x2", domain=[0, 0.38], range=[floor, ceiling]),
        shapes=[*(upright(x[0], after(repair), n) for n in ("", "2")), *levels],
        annotations=[named],
        **(LEGEND if beside else {}),
    )

    def patch(i: int) -> Patch:
        marks = {first + 4: accuracy[i], first + 5: min(max(difference[i], floor), ceiling)}
        moved = {f"shapes[{line}].{end}": x[i] for line in (0, 1) for end in ("x0", "x1")}
        return Patch({trace: {"x": [x[i]], "y": [y]} for trace, y in marks.items()}, moved)

    narrow, over_stops = axis.narrow("xaxis", "xaxis2"), (*range(first), first + 1, first + 3)
    return live("curve", "Accuracy over sparsity", traces, layout, patch, len(x), narrow, stops_of=over_stops)


def _thin_lines(repair: str, x: list[float], profile: Profile, at: Sequence[Comparison | None]) -> tuple[Spec, Spec]:
    """Accuracy and difference of another repair over the stops."""
    accuracy = [None if c is None else hundredths(c.pruned.value) for c in at]
    difference = [None if c is None else hundredths(c.difference) for c in at]
    hover = [
        f"{REPAIRS[repair].title}, {wording.sparsity(s)}<br>{wording.accuracy(c.pruned)}<br>{wording.difference(c)}"
        if c
        else ""
        for s, c in zip(profile.sparsity, at, strict=True)
    ]
    line = {"x": x, "hovertext": hover, "mode": "lines", "connectgaps": True}
    first, second = (repair_line(repair, axes, dash=repair_dash(repair, "dashdot"), width=1.5) for axes in ("", "2"))
    return first | line | {"y": accuracy}, second | line | {"y": difference}


def _band(
    repair: str, x: list[float], y: list[float], intervals: Sequence[Proportion | Comparison], hover: list[str],
    axes: str,
) -> tuple[Spec, Spec]:  # fmt: skip
    low, high = [hundredths(i.low) for i in intervals], [hundredths(i.high) for i in intervals]
    band = {
        "type": "scatter", "xaxis": f"x{axes}", "yaxis": f"y{axes}", "x": [*x, *x[::-1]], "y": [*high, *low[::-1]],
        "mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": CUT if repair == AS_IS else MENDED,
        "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip
    line = {"x": x, "y": y, "mode": "lines+markers", "marker": {"size": 5}, "hovertext": hover}
    return band, repair_line(repair, axes, dash=repair_dash(repair, "solid"), width=2) | line


def _accuracy_hover(profile: Profile, comparisons: Sequence[Comparison]) -> list[str]:
    return [
        f"{wording.sparsity(s)}: {wording.removed(k, profile.total)}<br>{wording.accuracy(c.pruned)}"
        for s, k, c in zip(profile.sparsity, profile.k, comparisons, strict=True)
    ]


def _difference_hover(profile: Profile, comparisons: Sequence[Comparison]) -> list[str]:
    return [
        f"{wording.sparsity(s)}: {wording.difference(c)}<br>{c.lost:,} lost, {c.gained:,} gained of {c.n:,}"
        for s, c in zip(profile.sparsity, comparisons, strict=True)
    ]


def _difference_range(comparisons: Sequence[Comparison], sparsity: NDArray[np.float64]) -> tuple[float, float]:
    """Limits of the difference's axis in pp: all intervals up to 20 % sparsity fit, and at least -1 to 0.5."""
    early = [c for c, s in zip(comparisons, sparsity, strict=True) if s <= 0.2]
    return 1.15 * min(-1.0, *(100 * c.low for c in early)), 1.15 * max(0.5, *(100 * c.high for c in early))


def layer_shares(profile: Profile) -> LiveFigure:
    """The share of each of L layers' weights that is pruned, a dot a layer; the whole network's as a line.

    With more than `layers.MANY` layers the dots are smaller, not all are named, and numbers are said on hover only.
    """
    shares = profile.layer_k / profile.sizes
    axis = SparsityAxis.over(np.column_stack([shares, profile.sparsity]))
    names, many = titles(profile.names), len(profile.names) > MANY
    layers, short = labels(names), labels(shortened(names))
    parts = [range(len(layers))] if many else [range(j, j + 1) for j in range(len(layers))]
    height = min(440 + 6 * (len(layers) - MANY), _TALLEST) if many else 440
    said = {"hovertext": layers, "hovertemplate": "%{hovertext}<br>%{text}<extra></extra>"}
    dots = {
        "type": "scatter", "x": [axis.low] * len(layers), "y": layers, "mode": "markers" if many else "markers+text",
        "marker": {"color": PRUNED, "size": 5 if many else 10},
        **(said if many or short != layers else {"hoverinfo": "skip"}),
    }  # fmt: skip
    layout = frame(
        height,
        xaxis=axis.layout("Share of the layer pruned, % (logit scale)"),
        yaxis=names_axis(names, down=True, range=[-0.6, len(layers) - 0.3], **_named(layers, short)),
        shapes=[upright(axis.low, GREY, "", dash="dot", width=1.5)],
    )

    def patch(i: int) -> Patch:
        x = [axis.place(share) for share in shares[i]]
        counts = [f"{k:,} of {n:,}" for k, n in zip(profile.layer_k[i], profile.sizes, strict=True)]
        overall = axis.place(profile.k[i] / profile.total)
        sides = ["top left" if place > (axis.low + axis.high) / 2 else "top right" for place in x]
        moved: dict[int, Spec] = {
            j: {"x": _ends(axis.low, [x[layer] for layer in part])} for j, part in enumerate(parts)
        }
        moved[len(parts)] = {"x": x, "text": counts} | ({} if many else {"textposition": sides})
        return Patch(moved, {"shapes[0].x0": overall, "shapes[0].x1": overall})

    traces = [*(_stems(axis.low, [layers[j] for j in part]) for part in parts), dots]
    return live("layers", "Share pruned per layer", traces, layout, patch, len(profile.k), axis.narrow("xaxis"))


_TALLEST = 900
"""Pixels of the shares over layers, at most."""
_MOST_NAMED = 40
"""Names that stand below each other in it without touching."""


def _named(layers: Sequence[str], short: Sequence[str]) -> Spec:
    """Names next to an axis of these labels: of all layers, or of every n-th from the first on."""
    step = math.ceil(len(layers) / _MOST_NAMED)
    return {"tickvals": [*layers[::step]][::-1], "ticktext": [*short[::step]][::-1]}


def _stems(low: float, layers: Sequence[str]) -> Spec:
    """A line from 0 % to the dot of each of these layers."""
    line, pale = {"color": PRUNED, "width": 2 if len(layers) == 1 else 1}, {} if len(layers) == 1 else {"opacity": 0.4}
    y = [place for layer in layers for place in (layer, layer, None)][:-1]
    x = _ends(low, [low] * len(layers))
    return {"type": "scatter", "x": x, "y": y, "mode": "lines", "line": line, "hoverinfo": "skip", **pale}


def _ends(low: float, places: Sequence[float]) -> list[float | None]:
    """The ends of these lines, with a gap between two."""
    return [end for place in places for end in (low, place, None)][:-1]
