"""Results in, plotly figures out.

A figure that the slider drives is a `LiveFigure`: a base, and for each stop a patch with what differs there. The panel
applies patches in the browser, `LiveFigure.at` applies them here. They are written in plotly.js's own form, because
plotly.py takes most of a second to check them; the tests do that.

Colours have roles, the same in every figure and both modes. Grounds are transparent, fonts are left to the theme and
colour scales run through transparency, so one figure serves light and dark. Every coloured mark also has a number,
a sign or a label.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core import wording
from core.distributions import ZOOM, ZOOM_BINS, Histogram
from core.evaluation import Comparison, Proportion
from core.profile import Profile
from core.progress import Epoch

DENSE = "#0072B2"
PRUNED = "#D55E00"
GAINED = "#009E73"
GREY = "#8A8F98"
CUT = "rgba(213, 94, 0, 0.18)"
GRID = "rgba(138, 143, 152, 0.25)"

TICKS = (0.001, 0.01, 0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9)
NARROW_TICKS = (0.01, 1.0, 50.0, 99.0)
_BEYOND = 1.5
"""How far outside the outermost sparsity 0 % and 100 % stand on the logit axis."""

Spec = dict[str, Any]


@dataclass(frozen=True)
class Patch:
    """What one stop changes: attributes of traces, by the trace's index, and of the layout, by their path."""

    data: Mapping[int, Spec]
    layout: Spec = field(default_factory=dict)


@dataclass(frozen=True)
class LiveFigure:
    """A figure over all stops; without patches, the same at each.

    Attributes:
        narrow: its layout on a small screen.
        options: for each option by name, the layout with it and without it.
        stops_of: traces whose points are the stops, in order, so that a click on one chooses it.
        since: for a trace with `z`, the stop at which each of its cells appears.
    """

    name: str
    title: str
    base: Spec
    patches: tuple[Patch, ...] = ()
    narrow: Spec = field(default_factory=dict)
    options: Mapping[str, tuple[Spec, Spec]] = field(default_factory=dict)
    stops_of: tuple[int, ...] = ()
    since: Mapping[int, list[list[int | None]]] = field(default_factory=dict)

    def at(self, stop: int, *options: str) -> go.Figure:
        """The whole figure at one stop with these options, as the panel shows it."""
        figure = go.Figure(self.base)
        for name, (chosen, otherwise) in self.options.items():
            figure.plotly_relayout(chosen if name in options else otherwise)
        patch = self.patches[stop] if self.patches else Patch({})
        for index, changes in patch.data.items():
            figure.data[index].update(changes)
        for index, since in self.since.items():
            figure.data[index].z = [[1 if at is not None and at <= stop else None for at in row] for row in since]
        figure.plotly_relayout(dict(patch.layout))
        return figure


def _live(
    name: str,
    title: str,
    traces: list[Spec],
    layout: Spec,
    patch: Callable[[int], Patch],
    stops: int,
    narrow: Spec | None = None,
    **more: Any,
) -> LiveFigure:
    base = {"data": traces, "layout": layout}
    return LiveFigure(name, title, base, tuple(map(patch, range(stops))), narrow or {}, **more)


AXIS: Spec = {"automargin": True, "gridcolor": GRID, "zeroline": False}


def _frame(height: int, **layout: Any) -> Spec:
    """The layout that all figures share: a fixed height, no ground of their own."""
    clear = "rgba(0,0,0,0)"
    return {
        "height": height,
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "hovermode": "closest",
        "showlegend": False,
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
        "font": {"size": 12},
        "dragmode": False,
        "uirevision": True,
        **layout,
    }


def _axis(title: str = "", **rest: Any) -> Spec:
    return {**AXIS, "title": {"text": title}, **rest}


def _framed(figure: go.Figure, height: int) -> go.Figure:
    """The frame around a figure of plotly.py's."""
    return figure.update_layout(_frame(height)).update_xaxes(AXIS).update_yaxes(AXIS)


# --- the axis of sparsity ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SparsityAxis:
    """The logit axis, log(s / (1 - s)): 0.001 % and 99 % get the same room.

    0 % and 100 % lie at infinity; they are drawn at the two ends.
    """

    low: float
    high: float

    @classmethod
    def over(cls, sparsity: NDArray[np.float64]) -> "SparsityAxis":
        """The axis that shows all of `sparsity`, fractions in an array of any shape."""
        inner = sparsity[(sparsity > 0) & (sparsity < 1)]
        low, high = max(inner.min(initial=1e-5), 1e-10), min(inner.max(initial=0.999), 1 - 1e-10)
        return cls(_logit(low) - _BEYOND, _logit(high) + _BEYOND)

    def place(self, sparsity: float) -> float:
        """Where a sparsity in [0, 1] stands on the axis."""
        if not 0 < sparsity < 1:
            return self.low if sparsity <= 0 else self.high
        return min(max(_logit(sparsity), self.low), self.high)

    def layout(self, title: str = "", **rest: Any) -> Spec:
        """The axis as plotly layout."""
        return _axis(title, range=[self.low - 0.4, self.high + 0.4], tickangle=0, **self._ticks(TICKS), **rest)

    def narrow(self, *axes: str) -> Spec:
        """The same for a small screen: fewer ticks on the named axes."""
        ticks = self._ticks(NARROW_TICKS).items()
        return {f"{axis}.{name}": value for axis in axes for name, value in ticks}

    def _ticks(self, percents: Sequence[float]) -> Spec:
        return {
            "tickvals": [self.low, *(_logit(p / 100) for p in percents), self.high],
            "ticktext": ["0", *(f"{p:g}" for p in percents), "100"],
        }


def _logit(fraction: float) -> float:
    return math.log(fraction / (1 - fraction))


# --- accuracy over sparsity -------------------------------------------------------------------------------------


def accuracy_curve(profile: Profile, comparisons: Sequence[Comparison]) -> LiveFigure:
    """Accuracy with its Wilson band above the paired difference with its interval, which has its own finer scale."""
    axis = SparsityAxis.over(profile.sparsity)
    x = [axis.place(s) for s in profile.sparsity]
    accuracy = [100 * c.pruned.value for c in comparisons]
    difference = [100 * c.difference for c in comparisons]
    floor, ceiling = _difference_range(comparisons, profile.sparsity)
    dense = comparisons[0].dense

    traces = [
        *_band(x, accuracy, [c.pruned for c in comparisons], _accuracy_hover(profile, comparisons), ""),
        *_band(x, difference, comparisons, _difference_hover(profile, comparisons), "2"),
        _mark(x[0], accuracy[0], ""),
        _mark(x[0], difference[0], "2"),
    ]
    named = {
        "showarrow": False, "text": f"dense {wording.percent(dense.value)}", "x": axis.low, "y": 100 * dense.value,
        "xanchor": "left", "yanchor": "top", "xref": "x", "yref": "y",
    }  # fmt: skip
    layout = _frame(
        440,
        xaxis=axis.layout(anchor="y", matches="x2", showticklabels=False),
        yaxis=_axis("Accuracy, %", anchor="x", domain=[0.47, 1], range=[0, 104]),
        xaxis2=axis.layout("Sparsity, % (logit scale)", anchor="y2"),
        yaxis2=_axis("Difference, pp", anchor="x2", domain=[0, 0.38], range=[floor, ceiling]),
        shapes=[_upright(x[0], PRUNED, ""), _upright(x[0], PRUNED, "2"), _level(100 * dense.value, ""), _level(0, "2")],
        annotations=[named],
    )

    def patch(i: int) -> Patch:
        marks = {4: accuracy[i], 5: min(max(difference[i], floor), ceiling)}
        moved = {f"shapes[{line}].{end}": x[i] for line in (0, 1) for end in ("x0", "x1")}
        return Patch({trace: {"x": [x[i]], "y": [y]} for trace, y in marks.items()}, moved)

    narrow = axis.narrow("xaxis", "xaxis2")
    return _live("curve", "Accuracy over sparsity", traces, layout, patch, len(x), narrow, stops_of=(1, 3))


def _band(
    x: list[float], y: list[float], intervals: Sequence[Proportion | Comparison], hover: list[str], axes: str
) -> tuple[Spec, Spec]:
    low, high = [100 * i.low for i in intervals], [100 * i.high for i in intervals]
    place = {"type": "scatter", "xaxis": f"x{axes}", "yaxis": f"y{axes}"}
    band = {
        "x": [*x, *x[::-1]], "y": [*high, *low[::-1]], "mode": "lines", "line": {"width": 0},
        "fill": "toself", "fillcolor": CUT, "hoverinfo": "skip",
    }  # fmt: skip
    line = {
        "x": x, "y": y, "mode": "lines+markers", "line": {"color": PRUNED, "width": 2}, "marker": {"size": 5},
        "name": "stops", "hovertext": hover, "hoverinfo": "text",
    }  # fmt: skip
    return place | band, place | line


def _mark(x: float, y: float, axes: str) -> Spec:
    diamond = {"color": PRUNED, "size": 13, "symbol": "diamond", "line": {"color": "white", "width": 1.5}}
    return {
        "type": "scatter", "x": [x], "y": [y], "xaxis": f"x{axes}", "yaxis": f"y{axes}", "mode": "markers",
        "marker": diamond, "hoverinfo": "skip", "name": "mark",
    }  # fmt: skip


def _upright(x: float, colour: str, axes: str, **line: Any) -> Spec:
    """A vertical line over the whole height of one panel."""
    span = {"x0": x, "x1": x, "xref": f"x{axes}", "y0": 0, "y1": 1, "yref": f"y{axes} domain"}
    return {"type": "line", "line": {"color": colour, "width": 1, **line}, **span}


def _level(y: float, axes: str) -> Spec:
    """The dense network's level, a horizontal line over the whole width of one panel."""
    span = {"x0": 0, "x1": 1, "xref": f"x{axes} domain", "y0": y, "y1": y, "yref": f"y{axes}"}
    return {"type": "line", "line": {"color": DENSE, "dash": "dot", "width": 1.5}, **span}


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


# --- share pruned per layer -------------------------------------------------------------------------------------


def layer_shares(profile: Profile) -> LiveFigure:
    """The share of each layer's weights that is pruned, a dot a layer; the whole network's as a line."""
    shares = profile.layer_k / profile.sizes
    axis = SparsityAxis.over(np.column_stack([shares, profile.sparsity]))
    layers = [layer_title(name) for name in profile.names]
    dots = {
        "type": "scatter", "x": [axis.low] * len(layers), "y": layers, "mode": "markers+text",
        "marker": {"color": PRUNED, "size": 10}, "hoverinfo": "skip",
    }  # fmt: skip
    layout = _frame(
        440,
        xaxis=axis.layout("Share of the layer pruned, % (logit scale)"),
        yaxis=_axis(categoryorder="array", categoryarray=layers[::-1], range=[-0.6, len(layers) - 0.3], showgrid=False),
        shapes=[_upright(axis.low, GREY, "", dash="dot", width=1.5)],
    )

    def patch(i: int) -> Patch:
        x = [axis.place(share) for share in shares[i]]
        labels = [f"{k:,} of {n:,}" for k, n in zip(profile.layer_k[i], profile.sizes, strict=True)]
        overall = axis.place(profile.k[i] / profile.total)
        sides = ["top left" if place > (axis.low + axis.high) / 2 else "top right" for place in x]
        moved: dict[int, Spec] = {j: {"x": [axis.low, place]} for j, place in enumerate(x)}
        moved[len(layers)] = {"x": x, "text": labels, "textposition": sides}
        return Patch(moved, {"shapes[0].x0": overall, "shapes[0].x1": overall})

    traces = [*(_stem(axis.low, layer) for layer in layers), dots]
    return _live("layers", "Share pruned per layer", traces, layout, patch, len(profile.k), axis.narrow("xaxis"))


def _stem(x: float, layer: str) -> Spec:
    line = {"color": PRUNED, "width": 2}
    return {"type": "scatter", "x": [x, x], "y": [layer, layer], "mode": "lines", "line": line, "hoverinfo": "skip"}


def layer_title(name: str) -> str:
    """The layer's name as shown: `conv1` for `conv1.conv.weight`, `fc` for `fc.weight`."""
    return name.removesuffix(".weight").removesuffix(".conv")


# --- layerwise weight distributions -----------------------------------------------------------------------------


Cuts = Sequence[Sequence[float]]
"""At each of S stops, the magnitude up to which weights are removed from each of L layers; 0 where none is."""


LOG, COMMON = "log", "common"
"""Options of the distributions: counts on a logarithmic axis; one weight axis for all layers."""


def distributions(rows: Sequence[Sequence[Histogram]], cuts: Cuts | None = None) -> LiveFigure:
    """Signed weights of each layer at each of S stops, (S, L) histograms: removed below, kept above, the cut a band."""
    reach = max(h.edges[-1] for h in rows[0])
    axes = [{"nticks": 4, "tickangle": 0, "range": [h.edges[0], h.edges[-1]]} for h in rows[0]]
    traces = [bars for j, h in enumerate(rows[0]) for bars in _bars(j, h, h.centres, "%{x:.3g}")]
    layout, narrow = _multiples(rows[0], axes)
    layout["shapes"] = [_cut(j, 0.0) for j in range(len(axes))] if cuts else []
    common = {f"xaxis{_nth(j)}.range": [-reach, reach] for j in range(len(axes))}
    own = {f"xaxis{_nth(j)}.range": axis["range"] for j, axis in enumerate(axes)}

    def patch(i: int) -> Patch:
        moved = {f"shapes[{j}].{end}": x for j, cut in enumerate(cuts[i] if cuts else ()) for end, x in _ends(cut)}
        return Patch(_stacks(rows[i]), moved | _counted(rows[i]))

    options = {LOG: _count_axes(len(axes)), COMMON: (common, own)}
    return _live("distributions", "Weights of each layer", traces, layout, patch, len(rows), narrow, options=options)


def around_the_cut(rows: Sequence[Sequence[Histogram]], cuts: Cuts) -> LiveFigure:
    """The same weights close to zero, in multiples of the cut: visible also where the cut is thinner than a bar.

    The axes stand still and are labelled anew at each stop.
    """
    centres = (np.arange(ZOOM_BINS) + 0.5) * 2 * ZOOM / ZOOM_BINS - ZOOM
    axes: list[Spec] = [{"range": [-ZOOM, ZOOM], "tickvals": [-3, 0, 3], "tickangle": 0} for _ in rows[0]]
    traces = [bars for j, h in enumerate(rows[0]) for bars in _bars(j, h, centres, "%{x:.2f} × %{meta}")]
    layout, narrow = _multiples(rows[0], axes)
    layout["shapes"] = [_cut(j, 1.0) for j in range(len(axes))]

    def patch(i: int) -> Patch:
        units = [float(h.edges[-1]) / ZOOM for h in rows[i]]
        data = {j: {"meta": wording.magnitude(units[j // 2]), **y} for j, y in _stacks(rows[i]).items()}
        seen = {f"shapes[{j}].visible": cut > 0 for j, cut in enumerate(cuts[i])}
        ends = (wording.magnitude(3 * unit) for unit in units)
        ticks = {f"xaxis{_nth(j)}.ticktext": [f"{wording.MINUS}{end}", "0", end] for j, end in enumerate(ends)}
        return Patch(data, seen | ticks)

    options = {LOG: _count_axes(len(axes))}
    return _live("zoom", "Around the cut", traces, layout, patch, len(rows), narrow, options=options)


WIDE, NARROW = 6, 2
"""Columns of small multiples on a wide and on a narrow screen, at most."""
_TITLE = 66
"""Pixels between two rows of them, for the upper one's ticks and the lower one's title."""


def _multiples(histograms: Sequence[Histogram], axes: Sequence[Spec]) -> tuple[Spec, Spec]:
    """The layout of small multiples, a panel a layer, and what differs on a narrow screen."""
    height, cells = _cells(len(histograms), WIDE)
    layout = _frame(height, barmode="stack", bargap=0, annotations=[], margin={"l": 8, "r": 8, "t": 40, "b": 8})
    for j, (h, axis, (x, y)) in enumerate(zip(histograms, axes, cells, strict=True)):
        n = _nth(j)
        layout[f"xaxis{n}"] = _axis(anchor=f"y{n}", domain=x, showgrid=False, **axis)
        layout[f"yaxis{n}"] = _axis(anchor=f"x{n}", domain=y, nticks=4, rangemode="tozero")
        place = {"x": sum(x) / 2, "xanchor": "center", "xref": "paper", "y": y[1], "yanchor": "bottom", "yref": "paper"}
        layout["annotations"].append({"text": layer_title(h.name), "showarrow": False, "font": {"size": 13}, **place})
    narrow: Spec = {}
    narrow["height"], cells = _cells(len(histograms), NARROW)
    for j, (x, y) in enumerate(cells):
        narrow |= {f"xaxis{_nth(j)}.domain": x, f"yaxis{_nth(j)}.domain": y}
        narrow |= {f"annotations[{j}].x": sum(x) / 2, f"annotations[{j}].y": y[1]}
    return layout, narrow


def _count_axes(layers: int) -> tuple[Spec, Spec]:
    """The layout with logarithmic counts, and with linear ones."""
    log, linear = ({f"yaxis{_nth(j)}.type": kind for j in range(layers)} for kind in ("log", "linear"))
    return log, linear


def _counted(histograms: Sequence[Histogram]) -> Spec:
    """The layers' titles, with how many of the weights drawn are removed, and how many exact zeros are not drawn."""
    texts = {}
    for j, h in enumerate(histograms):
        removed, of = (wording.count(int(n)) for n in (h.removed.sum(), h.removed.sum() + h.kept.sum()))
        zeros = f", {wording.count(h.zeros)} exact zeros apart" if h.zeros else ""
        texts[f"annotations[{j}].text"] = f"{layer_title(h.name)}<br><sup>{removed} of {of} removed{zeros}</sup>"
    return texts


def _cells(layers: int, columns: int) -> tuple[int, list[tuple[list[float], list[float]]]]:
    """The figure's height, and for each layer the horizontal and the vertical domain of its panel."""
    rows = math.ceil(layers / columns)
    columns = math.ceil(layers / rows)
    height = _TITLE + (120 + _TITLE) * rows
    across, down = _spans(min(columns, layers), 0.2 / columns), _spans(rows, _TITLE / height)[::-1]
    return height, [(across[j % columns], down[j // columns]) for j in range(layers)]


def _spans(parts: int, gap: float) -> list[list[float]]:
    """`parts` equal spans of 0 to 1 with gaps between them."""
    length = (1 - gap * (parts - 1)) / parts
    return [[round(i * (length + gap), 4), round(i * (length + gap) + length, 4)] for i in range(parts)]


def _nth(j: int) -> str:
    """The number of an axis in plotly's names: the first has none."""
    return str(j + 1) if j else ""


def _bars(j: int, h: Histogram, x: NDArray[np.float64], where: str) -> tuple[Spec, Spec]:
    """Removed and kept weights of the j-th layer; `where` says x when hovered."""
    removed, kept = (
        {
            "type": "bar", "x": x.tolist(), "y": counts.tolist(), "width": float(x[1] - x[0]), "xaxis": f"x{_nth(j)}",
            "yaxis": f"y{_nth(j)}", "marker": {"color": colour, "line": {"width": 0}},
            "hovertemplate": f"%{{y:,}} {what} at {where}<extra>{layer_title(h.name)}</extra>",
        }
        for counts, colour, what in ((h.removed, PRUNED, "removed"), (h.kept, GREY, "kept"))
    )  # fmt: skip
    return removed, kept


def _cut(j: int, cut: float) -> Spec:
    """A band over the weights up to the cut in the j-th layer."""
    span = {"xref": f"x{_nth(j)}", "y0": 0, "y1": 1, "yref": f"y{_nth(j)} domain"}
    return {"type": "rect", "fillcolor": CUT, "line": {"color": PRUNED, "width": 1}, **span, **dict(_ends(cut))}


def _ends(cut: float) -> tuple[tuple[str, Any], ...]:
    """The attributes of a band that the cut moves; without a cut there is none."""
    return ("x0", -cut), ("x1", cut), ("visible", cut > 0)


def _stacks(histograms: Sequence[Histogram]) -> dict[int, Spec]:
    counts = (c.tolist() for h in histograms for c in (h.removed, h.kept))
    return {trace: {"y": y} for trace, y in enumerate(counts)}


# --- kernels ----------------------------------------------------------------------------------------------------


KERNELS = 24
"""So many filters and so many of their inputs are drawn, from the first on; more would be smaller than a pixel."""


def kernel_maps(name: str, kernel: NDArray[np.float32], since: NDArray[np.int64]) -> LiveFigure:
    """The kernels of a convolution as heat maps: a row a filter, a column an input; pruned weights are covered.

    Filters of a single input stand side by side.

    Args:
        name: the layer's.
        kernel: (F, C, H, W) dense weights.
        since: (F, C, H, W), the stop from which on each weight is pruned.
    """
    f, c = (min(n, KERNELS) for n in kernel.shape[:2])
    rows, columns = ("Filter", f), ("Input", c)
    shown, when = kernel[:f, :c], since[:f, :c]
    if kernel.shape[1] == 1:
        shown, when, rows, columns = shown.swapaxes(0, 1), when.swapaxes(0, 1), columns, rows
    reach = float(np.abs(shown).max()) or 1.0
    weights = {
        "type": "heatmap", "z": _tiled(shown), "zmin": -reach, "zmax": reach, "showscale": False, "hoverongaps": False,
        "colorscale": [[0, DENSE], [0.5, "rgba(138, 143, 152, 0.12)"], [1, GAINED]],
        "hovertemplate": "weight %{z:.3g}<extra></extra>",
    }  # fmt: skip
    pruned = {
        "type": "heatmap", "z": [], "zmin": 0, "zmax": 1, "showscale": False, "hoverinfo": "skip", "name": "pruned",
        "colorscale": [[0, PRUNED], [1, PRUNED]],
    }  # fmt: skip
    height, width = kernel.shape[2] + 1, kernel.shape[3] + 1
    square = {"showgrid": False, "constrain": "domain"}
    layout = _frame(
        70 + max(8 * rows[1] * height, 40),
        xaxis=_axis(columns[0], **square, **_numbered(columns[1], width)),
        yaxis=_axis(rows[0], **square, **_numbered(rows[1], height), autorange="reversed", scaleanchor="x"),
    )
    title = f"Kernels of {layer_title(name)}: filters 1 to {f} of {len(kernel)}, inputs 1 to {c} of {kernel.shape[1]}"
    return LiveFigure("kernels", title, {"data": [weights, pruned], "layout": layout}, since={1: _tiled(when)})


def _tiled(kernels: NDArray[Any]) -> list[list[Any]]:
    """(F, C, H, W) side by side as rows, with an empty row and column between two kernels."""
    f, c, h, w = kernels.shape
    tiles = np.full((f, h + 1, c, w + 1), None, object)
    tiles[:, :h, :, :w] = kernels.transpose(0, 2, 1, 3).astype(object)
    rows: list[list[Any]] = tiles.reshape(f * (h + 1), c * (w + 1))[:-1, :-1].tolist()
    return rows


def _numbered(n: int, pitch: int) -> Spec:
    """Ticks under the middles of the first, and of every eighth, of `n` kernels."""
    shown = [1, *range(8, n + 1, 8)]
    return {"tickvals": [(i - 1) * pitch + pitch / 2 - 1 for i in shown], "ticktext": [str(i) for i in shown]}


# --- confusion matrices -----------------------------------------------------------------------------------------


def confusion(name: str, title: str, matrices: Sequence[NDArray[np.int64]], classes: Sequence[str]) -> LiveFigure:
    """Counts (C, C) at each stop: true class down, predicted across; shade by logarithm, so that single errors show."""
    top = int(max(m.sum(axis=1).max() for m in matrices))
    return _matrix(name, title, matrices, classes, (0, top), _log_scale("0, 114, 178", top), wording.count)


def confusion_difference(matrices: Sequence[NDArray[np.int64]], classes: Sequence[str]) -> LiveFigure:
    """Pruned minus dense (C, C) at each stop: more is vermillion and +, fewer is blue and −, on a symmetric scale."""
    top = int(max(np.abs(m).max() for m in matrices)) or 1
    fewer, more = _log_scale("0, 114, 178", top), _log_scale("213, 94, 0", top)
    scale = [[0.5 - at / 2, colour] for at, colour in fewer[::-1]] + [[0.5 + at / 2, colour] for at, colour in more[1:]]
    return _matrix(
        "difference", "Difference, pruned minus dense", matrices, classes, (-top, top), scale, wording.signed
    )


def _log_scale(rgb: str, top: int) -> list[list[Any]]:
    """A colour scale from 0 to `top` whose opacity grows with the logarithm of the count."""
    stops = np.unique(np.concatenate([[0.0], np.geomspace(1, max(top, 2), 16)])) / max(top, 2)
    return [[float(s), f"rgba({rgb}, {0.7 * math.log1p(s * top) / math.log1p(top):.3f})"] for s in stops]


def _matrix(
    name: str, title: str, matrices: Sequence[NDArray[np.int64]], classes: Sequence[str], limits: tuple[int, int],
    scale: list[list[Any]], say: Callable[[int], str],
) -> LiveFigure:  # fmt: skip
    names = list(classes)
    shades = {
        "type": "heatmap", "z": matrices[0].tolist(), "x": names, "y": names, "colorscale": scale, "zmin": limits[0],
        "zmax": limits[1], "showscale": False, "xgap": 1, "ygap": 1,
        "hovertemplate": f"true %{{y}}, predicted %{{x}}: %{{z:{'+' if limits[0] else ''},}}<extra></extra>",
    }  # fmt: skip
    counts = {
        "type": "scatter", "x": names * len(names), "y": [name for name in names for _ in names], "mode": "text",
        "textfont": {"size": 10}, "hoverinfo": "skip",
    }  # fmt: skip
    middle = {
        "text": "",
        "showarrow": False,
        "font": {"size": 14},
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
    }
    order = {"showgrid": False, "categoryorder": "array"}
    layout = _frame(
        430,
        xaxis=_axis("Predicted", tickangle=-60, categoryarray=names, **order),
        yaxis=_axis("True", categoryarray=names[::-1], **order),
        annotations=[middle],
    )

    def patch(i: int) -> Patch:
        text = [say(int(v)) if v else "" for v in matrices[i].ravel()]
        empty = {"annotations[0].text": "" if matrices[i].any() else "No count differs"}
        return Patch({0: {"z": matrices[i].tolist()}, 1: {"text": text}}, empty)

    counts.update(patch(0).data[1])
    return _live(name, title, [shades, counts], layout, patch, len(matrices) if len(matrices) > 1 else 0)


# --- training ---------------------------------------------------------------------------------------------------


def learning_curves(epochs: Sequence[Epoch], of: int) -> go.Figure:
    """Loss and accuracy over epochs, training beside validation, on an axis as long as the whole training."""
    titles = ["Loss (cross-entropy)", "Accuracy, %"]
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    x = [e.number for e in epochs]
    lines = (
        (1, "training", GREY, "dot", [e.loss for e in epochs]),
        (1, "validation", DENSE, "solid", [e.validation_loss for e in epochs]),
        (2, "training", GREY, "dot", [100 * e.train_accuracy for e in epochs]),
        (2, "validation", DENSE, "solid", [100 * e.validation_accuracy for e in epochs]),
    )
    for col, name, colour, dash, y in lines:
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            showlegend=col == 1,
            row=1,
            col=col,
        )
    figure.update_xaxes(title="Epoch", range=[0.5, max(of, 2) + 0.5], tickformat="d", showgrid=False)
    return _framed(figure, 330).update_layout(showlegend=True, legend={"orientation": "h", "y": -0.3})


# --- overview ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BeforeAfter:
    """Accuracy before and after pruning, fractions, each with its interval where one is known."""

    label: str
    before: float
    after: float
    before_interval: tuple[float, float] | None = None
    after_interval: tuple[float, float] | None = None


def before_after(rows: Sequence[BeforeAfter]) -> go.Figure:
    """Dense beside pruned accuracy, a panel a row; all panels are equally wide in pp, so that distances compare."""
    figure = make_subplots(
        rows=len(rows), cols=1, subplot_titles=[r.label for r in rows], vertical_spacing=0.45 / len(rows)
    )
    half = 0.8 + 50 * max(abs(r.after - r.before) for r in rows)
    for i, r in enumerate(rows, start=1):
        middle = 50 * (r.before + r.after)
        _point(figure, "dense", r.before, r.before_interval, DENSE, "circle", row=i)
        _point(figure, "pruned", r.after, r.after_interval, PRUNED, "diamond", row=i)
        figure.update_xaxes(range=[middle - half, middle + half], ticksuffix="", row=i, col=1)
    figure.update_yaxes(showgrid=False, categoryorder="array", categoryarray=["pruned", "dense"], range=[-0.5, 1.9])
    figure.update_xaxes(title="Accuracy, %", row=len(rows), col=1)
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    return _framed(figure, 60 + 135 * len(rows))


def _point(
    figure: go.Figure,
    what: str,
    value: float,
    limits: tuple[float, float] | None,
    colour: str,
    symbol: str,
    *,
    row: int,
) -> None:
    bars = limits and {
        "type": "data",
        "symmetric": False,
        "array": [100 * (limits[1] - value)],
        "arrayminus": [100 * (value - limits[0])],
    }
    figure.add_scatter(
        x=[100 * value],
        y=[what],
        error_x=bars,
        mode="markers+text",
        text=[wording.percent(value)],
        textposition="top center",
        marker={"color": colour, "symbol": symbol, "size": 11},
        hovertemplate=f"{what} %{{text}}<extra></extra>",
        row=row,
        col=1,
    )
