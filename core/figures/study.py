"""Results of a study: accuracy over sparsity as lines with bands, and layers as a heat map."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.base import SparsityAxis, Spec, error_axis, framed, height, layer_title
from core.figures.colours import DENSE, GREY, PRUNED, SERIES
from core.figures.labels import categories, label, labels, names_axis
from core.study import Band, Published
from core.study.audit import REPORTED, Summary
from core.words import wording

_TICKS = (0.01, 1.0, 10.0, 50.0, 90.0, 99.0)
"""Percents with a tick where a figure has the same layout on every screen."""

_BEST = 0.9995
"""The highest accuracy on an axis of errors; an interval of a mean may end above 100 %."""

_ROOM = 0.05
"""Beyond the lowest and the highest accuracy on that axis, in powers of ten of the errors."""

_OTHERS = ("circle-open", "square-open")
"""Symbols of published networks."""


def bands(
    lines: Sequence[Band],
    names: Mapping[str, str],
    alone: str = "",
    published: Sequence[Published] = (),
    errors: tuple[float, float] | None = None,
) -> go.Figure:
    """Mean accuracy over sparsity, a line for each band, with Student's 95 % interval of the mean over networks.

    `names` says how each band is called on the screen, and its order gives a name the same colour in every figure;
    `published` is of networks of others; `errors` are the lowest and the highest accuracy, fractions, of an axis on
    which errors are logarithmic. Without it accuracy is drawn from 0 to 100 %.
    """
    up = _by_errors if errors else _in_percent
    order = [*names]
    stops = np.concatenate([line.sparsity for line in lines])
    axis = SparsityAxis.over(stops)
    reach = [axis.place(float(stops.min())) - 0.4, axis.place(float(stops.max())) + 0.4]
    figure = go.Figure()
    for i, line in enumerate(lines):
        place = order.index(line.name) if line.name in names else i
        colour, dash, symbol = SERIES[place % len(SERIES)]
        x = [axis.place(s) for s in line.sparsity]
        name = label(names.get(line.name, line.name))
        ends = [*map(up, line.high), *map(up, line.low[::-1])]
        figure.add_scatter(
            x=[*x, *x[::-1]], y=ends, fill="toself", fillcolor=_pale(colour), mode="none", hoverinfo="skip",
            legendgroup=line.name, showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=x, y=[*map(up, line.mean)], mode="lines+markers", name=name, legendgroup=line.name, text=_hover(line),
            line={"color": colour, "dash": dash, "width": 2}, marker={"symbol": symbol, "size": 7},
            hovertemplate=f"{name}, %{{text}}<extra></extra>",
        )  # fmt: skip
    for one, symbol in zip(published, _OTHERS, strict=False):
        figure.add_scatter(
            x=[axis.place(s) for s, _ in one.points], y=[up(accuracy) for _, accuracy in one.points], mode="markers",
            name=one.name, marker={"symbol": symbol, "size": 11, "color": GREY, "line": {"width": 2}},
            text=[f"{wording.sparsity(s)}: {wording.percent(accuracy)}" for s, accuracy in one.points],
            hovertemplate=f"{one.name}, %{{text}}<extra></extra>",
        )  # fmt: skip
    figure.add_hline(up(float(np.mean(lines[0].dense))), line={"color": DENSE, "dash": "dot", "width": 1.5})
    layout = framed(figure, 480).update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": -0.2},
        xaxis={**axis.layout(f"Sparsity{alone}, % (logit scale)"), "range": reach, **_few(axis, stops)},
        yaxis=error_axis(up(errors[0]) - _ROOM, up(errors[1]) + _ROOM) if errors else _PLAIN,
        margin={"t": 12},
    )
    return layout


_PLAIN = {"title": {"text": "Accuracy, %"}, "range": [0, 102]}


def _in_percent(accuracy: float) -> float:
    return 100 * accuracy


def _by_errors(accuracy: float) -> float:
    return height(min(accuracy, _BEST))


def _few(axis: SparsityAxis, stops: NDArray[np.float64]) -> Spec:
    """Ticks at the sparsities themselves, where these are few; else so few that a small screen has room for them."""
    each = np.unique(stops)
    if len(each) > 6:
        return axis.ticks(_TICKS)
    return {
        "tickvals": [axis.place(s) for s in each],
        "ticktext": [wording.sparsity(s).partition(wording.NBSP)[0] for s in each],
    }


def _hover(line: Band) -> list[str]:
    ends = zip(line.sparsity, line.mean, line.low, line.high, strict=True)
    return [
        f"{wording.sparsity(s)}: {wording.percent(mean)}, 95 % interval {wording.percents(low, high)}"
        f" of the mean over {line.n} networks"
        for s, mean, low, high in ends
    ]


def _pale(colour: str) -> str:
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r}, {g}, {b}, 0.16)"


def sensitivity(lines: Sequence[Band]) -> go.Figure:
    """How much the mean accuracy falls when one layer alone is pruned: layers down, sparsities of it across."""
    layers = [layer_title(line.name) for line in lines]
    fall = np.array([100 * (line.mean - line.dense.mean()) for line in lines])
    texts = [[wording.points(float(value) / 100, 1) for value in row] for row in fall]
    stops = [wording.sparsity(s) for s in lines[0].sparsity]
    falls = [-80, -60, -40, -20, 0]
    shades = go.Heatmap(
        z=fall, x=stops, y=labels(layers), zmin=-85, zmax=0, xgap=1, ygap=1, text=texts,
        colorscale=[[0, "rgba(213, 94, 0, 0.9)"], [1, "rgba(213, 94, 0, 0.0)"]],
        colorbar={"tickvals": falls, "ticktext": [wording.points(f / 100, 0) for f in falls], "thickness": 10,
                  "outlinewidth": 0},
        hovertemplate="%{y} pruned to %{x}: %{text}<extra></extra>",
    )  # fmt: skip
    figure = framed(go.Figure(shades), 110 + 36 * len(lines)).update_yaxes(names_axis(layers, down=True))
    ticks = [wording.sparsity(percent / 100) for percent in _TICKS if percent != 1]  # next to 10 on a small screen
    return figure.update_xaxes(
        categories(stops), title={"text": "Sparsity of that layer", "standoff": 8}, showgrid=False,
        tickvals=[tick for tick in ticks if tick in stops], tickangle=0,
    )  # fmt: skip


def where(lines: Sequence[Band], layers: Sequence[str], names: Mapping[str, str], at: float) -> go.Figure:
    """Where the zeros are at a sparsity: the share of each layer, from the input down, a mark for each line."""
    titles, order, figure = [layer_title(layer) for layer in layers], [*names], go.Figure()
    for line in lines:
        colour, _, symbol = SERIES[order.index(line.name)]
        shares = line.zeros[int(abs(line.sparsity - at).argmin())]
        name = label(names[line.name])
        figure.add_scatter(
            x=100 * shares, y=labels(titles), mode="markers", name=name, text=[wording.percent(s, 1) for s in shares],
            marker={"color": colour, "symbol": symbol, "size": 11},
            hovertemplate=f"{name}: %{{text}} of %{{y}}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(100 * at, line={"color": GREY, "width": 1, "dash": "dot"})
    framed(figure, 140 + 34 * len(titles)).update_yaxes(names_axis(titles, down=True))
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    title = f"Share of the layer that is zero at {wording.sparsity(at)}, %"
    return figure.update_xaxes(title={"text": title, "standoff": 8}, range=[0, 102], tickangle=0)


def readings(summaries: Sequence[Summary]) -> go.Figure:
    """The difference that each reading of the claim gives, network by network, and the reported one."""
    titles = ["<br>".join(wrap(s.reading.title.replace(" %", f"{wording.NBSP}%"), 30)) for s in summaries]
    seen = 100 * np.concatenate([s.differences for s in summaries])
    figure = go.Figure()
    for title, s in zip(titles, summaries, strict=True):
        figure.add_scatter(
            x=[100 * s.low, 100 * s.high], y=[title] * 2, mode="lines", line={"color": GREY, "width": 6}, opacity=0.45,
            text=[wording.points(s.low), wording.points(s.high)],
            hovertemplate="95 % prediction interval: %{text}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=100 * s.differences, y=[title] * len(s.differences), mode="markers",
            marker={"color": PRUNED, "symbol": "diamond", "size": 9, "line": {"color": "white", "width": 1}},
            text=[wording.points(float(d)) for d in s.differences],
            hovertemplate="one network: %{text}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(0, line={"color": GREY, "width": 1})
    figure.add_vline(
        100 * REPORTED, line={"color": DENSE, "dash": "dash", "width": 2},
        annotation={"text": f"reported: {wording.points(REPORTED)}", "yanchor": "bottom", "y": 1, "xanchor": "right"},
    )  # fmt: skip
    framed(figure, 110 + 52 * len(summaries)).update_yaxes(categories(titles[::-1]), showgrid=False)
    reach = [min(seen.min(), 100 * REPORTED) - 1, max(seen.max(), 0) + 1]
    return figure.update_xaxes(title={"text": "Difference, pp", "standoff": 8}, range=reach, tickangle=0)
