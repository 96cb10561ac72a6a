"""What the figures share: the live figure and its patches, colours, frame and the axis of sparsity."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.colours import GREY, GRID, PRUNED

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
        stops_of: traces whose points are the stops, in order, so a click on one chooses it.
        picks: traces whose clicks are sent to the page.
        since: for a trace with `z`, the stop at which each of its cells appears.
    """

    name: str
    title: str
    base: Spec
    patches: tuple[Patch, ...] = ()
    narrow: Spec = field(default_factory=dict)
    options: Mapping[str, tuple[Spec, Spec]] = field(default_factory=dict)
    stops_of: tuple[int, ...] = ()
    picks: tuple[int, ...] = ()
    since: Mapping[int, list[list[int | None]]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As dictionaries, lists and scalars; not copied."""
        return {**vars(self), "patches": [vars(patch) for patch in self.patches]}

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


def live(
    name: str,
    title: str,
    traces: list[Spec],
    layout: Spec,
    patch: Callable[[int], Patch],
    stops: int,
    narrow: Spec | None = None,
    **more: Any,
) -> LiveFigure:
    """A figure whose patches are made stop by stop."""
    base = {"data": [*map(_written, traces)], "layout": layout}
    patches = (
        Patch({trace: _written(changes) for trace, changes in made.data.items()}, made.layout)
        for made in map(patch, range(stops))
    )
    return LiveFigure(name, title, base, tuple(patches), narrow or {}, **more)


def _written(trace: Spec) -> Spec:
    """A space for each empty text: plotly.js takes the node of an empty one away, and misses it when a text comes."""
    texts = trace.get("text")
    if not isinstance(texts, list):
        return trace
    return {**trace, "text": ["\N{NO-BREAK SPACE}" if text == "" else text for text in texts]}


AXIS: Spec = {"automargin": True, "gridcolor": GRID, "zeroline": False}


def frame(height: int, **layout: Any) -> Spec:
    """The layout that all figures share: a fixed height, no background of their own."""
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
        "modebar": {"bgcolor": clear, "color": GREY, "activecolor": PRUNED},
        "uirevision": True,
        **layout,
    }


LEGEND: Spec = {
    "showlegend": True,
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal", "itemclick": False,
               "itemdoubleclick": False},
}  # fmt: skip
"""The layout of a legend above the figure, which hides nothing."""


def plain_axis(title: str = "", **rest: Any) -> Spec:
    return {**AXIS, "title": {"text": title, "standoff": 8}, **rest}


def framed(figure: go.Figure, height: int) -> go.Figure:
    """The shared layout for a figure of plotly.py."""
    return figure.update_layout(frame(height)).update_xaxes(AXIS).update_yaxes(AXIS)


@dataclass(frozen=True)
class SparsityAxis:
    """The logit axis, log(s / (1 - s)): 0.001 % and 99 % get the same space.

    0 % and 100 % lie at infinity; they are drawn at the two ends.
    """

    low: float
    high: float

    @classmethod
    def over(cls, sparsity: NDArray[np.float64]) -> "SparsityAxis":
        """The axis that shows all of `sparsity`, fractions in an array of any shape."""
        inner = sparsity[(sparsity > 0) & (sparsity < 1)]
        low, high = max(inner.min(initial=1e-5), 1e-10), min(inner.max(initial=0.999), 1 - 1e-10)
        return cls(_place(low) - _BEYOND, _place(high) + _BEYOND)

    def place(self, sparsity: float) -> float:
        """Where a sparsity in [0, 1] stands on the axis."""
        if not 0 < sparsity < 1:
            return self.low if sparsity <= 0 else self.high
        return min(max(_place(sparsity), self.low), self.high)

    def layout(self, title: str = "", **rest: Any) -> Spec:
        """The axis as plotly layout."""
        return plain_axis(title, range=[self.low - 0.4, self.high + 0.4], tickangle=0, **self.ticks(TICKS), **rest)

    def narrow(self, *axes: str) -> Spec:
        """The same for a small screen: fewer ticks on the named axes."""
        ticks = self.ticks(NARROW_TICKS).items()
        return {f"{axis}.{name}": value for axis in axes for name, value in ticks}

    def ticks(self, percents: Sequence[float]) -> Spec:
        """Ticks at these percents and at the two ends, as plotly layout of the axis."""
        return {
            "tickvals": [self.low, *(_place(p / 100) for p in percents), self.high],
            "ticktext": ["0", *(f"{p:g}" for p in percents), "100"],
        }


def _place(fraction: float) -> float:
    """Its logit, to five decimals, which is finer than a screen and short to send."""
    return round(math.log(fraction / (1 - fraction)), 5)


_ACCURACIES = (10, 30, 50, 70, 80, 85, 90, 93, 95, 97, 98, 99, 99.5, 99.9)


def height(accuracy: float) -> float:
    """Where an accuracy below 1 stands on an axis that gives each halving of the errors the same room."""
    return round(-math.log10(1 - accuracy), 4)


def error_axis(low: float, high: float) -> Spec:
    """That axis from one height to another, as plotly layout."""
    ticks = [percent for percent in _ACCURACIES if low <= height(percent / 100) <= high]
    places, names = [height(percent / 100) for percent in ticks], [f"{percent:g}" for percent in ticks]
    return plain_axis("Accuracy, % (errors logarithmic)", tickvals=places, ticktext=names, range=[low, high])


def upright(x: float, colour: str, axes: str, **line: Any) -> Spec:
    """A vertical line over the whole height of one panel."""
    span = {"x0": x, "x1": x, "xref": f"x{axes}", "y0": 0, "y1": 1, "yref": f"y{axes} domain"}
    return {"type": "line", "line": {"color": colour, "width": 1, **line}, **span}


def layer_title(name: str) -> str:
    """The layer's name as shown: `conv1` for `conv1.conv.weight`, `fc` for `fc.weight`; never empty."""
    return name.removesuffix(".weight").removesuffix(".conv") or name


def hundredths(fraction: float) -> float:
    """In percent (or percentage points), to four decimals, which is finer than a screen and short to send."""
    return round(100 * fraction, 4)


def nth(j: int) -> str:
    """The number of an axis in plotly's names: the first has none."""
    return str(j + 1) if j else ""
