"""Results in, plotly figures out.

A figure that the slider drives is a `LiveFigure`: a base, and for each stop a patch with what differs there. The panel
applies patches in the browser, `LiveFigure.at` applies them here.

Colours have roles, the same in every figure and both modes. Grounds are transparent, fonts are left to the theme and
colour scales run through transparency, so one figure serves light and dark. Every coloured mark also has a number,
a sign or a label.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core import wording
from core.distributions import ZOOM, Histogram
from core.evaluation import Comparison, Proportion
from core.profile import Profile
from core.progress import Epoch

DENSE = "#0072B2"
PRUNED = "#D55E00"
GREY = "#8A8F98"
CUT = "rgba(213, 94, 0, 0.18)"
GRID = "rgba(138, 143, 152, 0.25)"

TICKS = (0.001, 0.01, 0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9)
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
    """A figure over all stops; without patches, the same at each. `narrow` is its layout on a small screen."""

    name: str
    title: str
    base: Spec
    patches: tuple[Patch, ...]
    narrow: Spec = field(default_factory=dict)

    def at(self, stop: int) -> go.Figure:
        """The whole figure at one stop, as the panel shows it."""
        figure = go.Figure(self.base)
        patch = self.patches[stop] if self.patches else Patch({})
        for index, changes in patch.data.items():
            figure.data[index].update(changes)
        figure.plotly_relayout(dict(patch.layout))
        return figure


def _live(
    name: str, title: str, figure: go.Figure, patch: Callable[[int], Patch], stops: int, narrow: Spec | None = None
) -> LiveFigure:
    base = json.loads(figure.to_json())
    base["layout"].pop("template", None)
    return LiveFigure(name, title, base, tuple(patch(i) for i in range(stops)), narrow or {})


def _framed(figure: go.Figure, height: int) -> go.Figure:
    """What all figures share: a fixed height, no ground of their own, quiet axes."""
    clear = "rgba(0,0,0,0)"
    figure.update_layout(
        height=height, paper_bgcolor=clear, plot_bgcolor=clear, hovermode="closest", showlegend=False,
        margin={"l": 8, "r": 8, "t": 24, "b": 8}, font_size=12, dragmode=False,
    )  # fmt: skip
    figure.update_xaxes(automargin=True, gridcolor=GRID, zeroline=False)
    figure.update_yaxes(automargin=True, gridcolor=GRID, zeroline=False)
    return figure


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
        """The axis that shows all of `sparsity`, (S,) fractions."""
        inner = sparsity[(sparsity > 0) & (sparsity < 1)]
        return cls(_logit(min(inner.min(initial=1e-5), 1e-5)) - _BEYOND, _logit(max(inner.max(initial=0.999), 0.999)) + _BEYOND)

    def place(self, sparsity: float) -> float:
        """Where a sparsity in [0, 1] stands on the axis."""
        if not 0 < sparsity < 1:
            return self.low if sparsity <= 0 else self.high
        return min(max(_logit(sparsity), self.low), self.high)

    def layout(self, title: str) -> Spec:
        """The axis as plotly layout."""
        return {
            "title": title,
            "range": [self.low - 0.4, self.high + 0.4],
            "tickvals": [self.low, *(_logit(t / 100) for t in TICKS), self.high],
            "ticktext": ["0", *(f"{t:g}" for t in TICKS), "100"],
            "tickangle": 0,
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

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.58, 0.42], vertical_spacing=0.09)
    _band(figure, x, accuracy, [c.pruned for c in comparisons], _accuracy_hover(profile, comparisons), row=1)
    _band(figure, x, difference, comparisons, _difference_hover(profile, comparisons), row=2)
    for row, level in ((1, 100 * dense.value), (2, 0.0)):
        figure.add_hline(y=level, line={"color": DENSE, "dash": "dot", "width": 1.5}, row=row, col=1)
        _mark(figure, x[0], level, row=row)
    figure.add_annotation(
        x=axis.low, y=100 * dense.value, text=f"dense {wording.percent(dense.value)}", font_color=DENSE,
        xanchor="left", yanchor="top", showarrow=False, row=1, col=1,
    )  # fmt: skip
    figure.update_xaxes(axis.layout(""))
    figure.update_xaxes(title="Sparsity, % (logit scale)", row=2, col=1)
    figure.update_yaxes(title="Accuracy, %", range=[0, 101], row=1, col=1)
    figure.update_yaxes(title="Difference, pp", range=[floor, ceiling], row=2, col=1)
    _framed(figure, 440)
    marks = [i for i, trace in enumerate(figure.data) if trace.name == "mark"]
    lines = [i for i, shape in enumerate(figure.layout.shapes) if shape.name == "mark"]

    def patch(i: int) -> Patch:
        heights = (accuracy[i], min(max(difference[i], floor), ceiling))
        moved = {f"shapes[{line}].{end}": x[i] for line in lines for end in ("x0", "x1")}
        return Patch({mark: {"x": [x[i]], "y": [y]} for mark, y in zip(marks, heights, strict=True)}, moved)

    return _live("curve", "Accuracy over sparsity", figure, patch, len(x))


def _band(
    figure: go.Figure, x: list[float], y: list[float], intervals: Sequence[Proportion | Comparison], hover: list[str], *, row: int
) -> None:  # fmt: skip
    low, high = [100 * i.low for i in intervals], [100 * i.high for i in intervals]
    figure.add_scatter(
        x=[*x, *x[::-1]], y=[*high, *low[::-1]], fill="toself", fillcolor=CUT, line_width=0, mode="lines", hoverinfo="skip",
        row=row, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=y, mode="lines+markers", line={"color": PRUNED, "width": 2}, marker_size=5, name="stops", hovertext=hover, hoverinfo="text",
        row=row, col=1,
    )  # fmt: skip


def _mark(figure: go.Figure, x: float, y: float, *, row: int) -> None:
    figure.add_vline(x=x, line={"color": PRUNED, "width": 1}, name="mark", row=row, col=1)
    diamond = {"color": PRUNED, "size": 13, "symbol": "diamond", "line": {"color": "white", "width": 1.5}}
    figure.add_scatter(x=[x], y=[y], mode="markers", marker=diamond, hoverinfo="skip", name="mark", row=row, col=1)


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
    axis, sizes = SparsityAxis.over(profile.sparsity), profile.sizes
    layers = [layer_title(name) for name in profile.names]
    figure = go.Figure()
    for layer in layers:
        figure.add_scatter(
            x=[axis.low, axis.low], y=[layer, layer], mode="lines", line={"color": PRUNED, "width": 2}, hoverinfo="skip"
        )
    figure.add_scatter(x=[axis.low] * len(layers), y=layers, mode="markers+text", marker={"color": PRUNED, "size": 10}, hoverinfo="skip")
    figure.add_vline(x=axis.low, line={"color": GREY, "dash": "dot", "width": 1.5})
    figure.update_xaxes(axis.layout("Share of the layer pruned, % (logit scale)"))
    figure.update_yaxes(categoryorder="array", categoryarray=layers[::-1], range=[-0.6, len(layers) - 0.3], showgrid=False)
    _framed(figure, 440)

    def patch(i: int) -> Patch:
        x = [axis.place(s) for s in profile.layer_k[i] / sizes]
        labels = [f"{k:,} of {n:,}" for k, n in zip(profile.layer_k[i], sizes, strict=True)]
        overall = axis.place(profile.k[i] / profile.total)
        sides = ["top left" if place > (axis.low + axis.high) / 2 else "top right" for place in x]
        dots = {len(layers): {"x": x, "text": labels, "textposition": sides}}
        stems = {j: {"x": [axis.low, place]} for j, place in enumerate(x)}
        return Patch(stems | dots, {"shapes[0].x0": overall, "shapes[0].x1": overall})

    return _live("layers", "Share pruned per layer", figure, patch, len(profile.k))


def layer_title(name: str) -> str:
    """The layer's name as shown: `conv1` for `conv1.weight`."""
    return name.removesuffix(".weight")


# --- layerwise weight distributions -----------------------------------------------------------------------------


def distributions(rows: Sequence[Sequence[Histogram]], thresholds: NDArray[np.float32], *, log: bool = False) -> LiveFigure:
    """Signed weights of each layer at each of S stops, (S, L) histograms: removed below, kept above, the cut a band."""
    first = rows[0]
    figure, narrow = _multiples(first, log)
    for h, place in zip(first, _places(len(first)), strict=True):
        figure.update_xaxes(range=[h.edges[0], h.edges[-1]], **place)
        figure.add_vrect(x0=0, x1=0, fillcolor=CUT, line={"color": PRUNED, "width": 1}, **place)

    def patch(i: int) -> Patch:
        cut = float(thresholds[i])
        edges = {f"shapes[{j}].{end}": side * cut for j in range(len(first)) for end, side in (("x0", -1), ("x1", 1))}
        return Patch(_stacks(rows[i]), edges)

    return _live("distributions", "Weights of each layer", figure, patch, len(rows), narrow)


def around_the_cut(rows: Sequence[Sequence[Histogram]], *, log: bool = False) -> LiveFigure:
    """The same weights close to zero, in multiples of the cut: visible also where the cut is thinner than a bar."""
    first = rows[0]
    units = [(h.centres / h.edges[-1] * ZOOM).tolist() for h in first]
    figure, narrow = _multiples(first, log)
    for place in _places(len(first)):
        figure.update_xaxes(range=[-ZOOM, ZOOM], tickvals=[-3, -1, 1, 3], **place)
        figure.add_vrect(x0=-1, x1=1, fillcolor=CUT, line={"color": PRUNED, "width": 1}, **place)
    for i, trace in enumerate(figure.data):
        trace.update(x=units[i // 2], width=2 * ZOOM / len(units[i // 2]))

    def patch(i: int) -> Patch:
        return Patch(_stacks(rows[i]))

    return _live("zoom", "Around the cut", figure, patch, len(rows), narrow)


WIDE, NARROW = 5, 2
"""Columns of small multiples on a wide and on a narrow screen."""


def _places(layers: int, columns: int = WIDE) -> list[dict[str, int]]:
    return [{"row": i // columns + 1, "col": i % columns + 1} for i in range(layers)]


def _multiples(histograms: Sequence[Histogram], log: bool) -> tuple[go.Figure, Spec]:
    """Small multiples with a removed and a kept trace per layer, and the layout of the same on a narrow screen."""
    figure, small = (_grid(histograms, columns, log) for columns in (WIDE, NARROW))
    for h, place in zip(histograms, _places(len(histograms)), strict=True):
        for counts, colour, what in ((h.removed, PRUNED, "removed"), (h.kept, GREY, "kept")):
            figure.add_bar(
                x=h.centres.tolist(), y=counts.tolist(), width=h.width, marker={"color": colour, "line_width": 0},
                hovertemplate=f"%{{y:,}} {what} at %{{x:.3g}}<extra>{layer_title(h.name)}</extra>", **place,
            )  # fmt: skip
    layout = json.loads(small.to_json())["layout"]
    axes = {f"{k}.domain": v["domain"] for k, v in layout.items() if k[1:5] == "axis"}
    titles = {f"annotations[{i}].{c}": a[c] for i, a in enumerate(layout["annotations"]) for c in ("x", "y")}
    return figure, {"height": layout["height"], **axes, **titles}


def _grid(histograms: Sequence[Histogram], columns: int, log: bool) -> go.Figure:
    rows = math.ceil(len(histograms) / columns)
    height = 56 + 170 * rows
    figure = make_subplots(
        rows=rows, cols=min(columns, len(histograms)), subplot_titles=[layer_title(h.name) for h in histograms],
        horizontal_spacing=0.2 / columns, vertical_spacing=56 / height if rows > 1 else 0,
    )  # fmt: skip
    figure.update_xaxes(nticks=5, showgrid=False)
    figure.update_yaxes(type="log" if log else "linear", nticks=4, rangemode="tozero")
    figure.update_annotations(font_size=13)
    return _framed(figure, height).update_layout(barmode="stack", bargap=0)


def _stacks(histograms: Sequence[Histogram]) -> dict[int, Spec]:
    counts = (c.tolist() for h in histograms for c in (h.removed, h.kept))
    return {trace: {"y": y} for trace, y in enumerate(counts)}


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
    return _matrix("difference", "Difference, pruned minus dense", matrices, classes, (-top, top), scale, wording.signed)


def _log_scale(rgb: str, top: int) -> list[list[Any]]:
    """A colour scale from 0 to `top` whose opacity grows with the logarithm of the count."""
    stops = np.unique(np.concatenate([[0.0], np.geomspace(1, max(top, 2), 16)])) / max(top, 2)
    return [[float(s), f"rgba({rgb}, {0.7 * math.log1p(s * top) / math.log1p(top):.3f})"] for s in stops]


def _matrix(
    name: str, title: str, matrices: Sequence[NDArray[np.int64]], classes: Sequence[str], limits: tuple[int, int],
    scale: list[list[Any]], say: Callable[[int], str],
) -> LiveFigure:  # fmt: skip
    names = list(classes)
    figure = go.Figure(
        go.Heatmap(
            z=matrices[0].tolist(), x=names, y=names, colorscale=scale, zmin=limits[0], zmax=limits[1], showscale=False, xgap=1, ygap=1,
            hovertemplate="true %{y}, predicted %{x}: %{z:,}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_scatter(
        x=names * len(names), y=[t for t in names for _ in names], mode="text", textfont_size=10, hoverinfo="skip"
    )
    figure.update_xaxes(title="Predicted", tickangle=-60, showgrid=False, categoryorder="array", categoryarray=names)
    figure.update_yaxes(title="True", showgrid=False, categoryorder="array", categoryarray=names[::-1])

    def patch(i: int) -> Patch:
        text = [say(int(v)) if v else "" for v in matrices[i].ravel()]
        return Patch({0: {"z": matrices[i].tolist()}, 1: {"text": text}})

    figure.data[1].update(patch(0).data[1])
    return _live(name, title, _framed(figure, 430), patch, len(matrices) if len(matrices) > 1 else 0)


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
            x=x, y=y, name=name, mode="lines+markers", line={"color": colour, "dash": dash}, showlegend=col == 1, row=1, col=col
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
    figure = make_subplots(rows=len(rows), cols=1, subplot_titles=[r.label for r in rows], vertical_spacing=0.45 / len(rows))
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
    figure: go.Figure, what: str, value: float, limits: tuple[float, float] | None, colour: str, symbol: str, *, row: int
) -> None:  # fmt: skip
    bars = limits and {
        "type": "data", "symmetric": False, "array": [100 * (limits[1] - value)], "arrayminus": [100 * (value - limits[0])],
    }  # fmt: skip
    figure.add_scatter(
        x=[100 * value], y=[what], error_x=bars, mode="markers+text", text=[wording.percent(value)], textposition="top center",
        marker={"color": colour, "symbol": symbol, "size": 11}, hovertemplate=f"{what} %{{text}}<extra></extra>", row=row, col=1,
    )  # fmt: skip
