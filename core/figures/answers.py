"""Answers: of a class, of one image over all stops, and where each image's answer changes first."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures.base import LEGEND, LiveFigure, Patch, Spec, frame, framed, live, plain_axis, upright
from core.figures.colours import DENSE, GREY, after
from core.figures.labels import categories, labels, largest, names_axis, some_of, titled
from core.pruning import AS_IS
from core.words import repair as repairs
from core.words import wording

_TOP = 132
"""Right end of the axis of percentages; the differences are written beyond 100."""


def rates(name: str, title: str, dense: Sequence[float | None], pruned: Sequence[Sequence[float | None]],
          differences: Sequence[Sequence[str]], classes: Sequence[str], repair: str = AS_IS) -> LiveFigure:  # fmt: skip
    """A share of each of C classes, dense and pruned at each of S stops, and the text of their difference.

    Shares are fractions, None where there is none.
    """
    start, names = [_share(value) for value in dense], labels(classes)
    text = {"mode": "text", "textposition": "middle left", "textfont": {"size": 11}}
    traces: list[Spec] = [
        {"type": "scatter", "y": [name for name in names for _ in range(3)], "mode": "lines", "line": {"color": GREY}},
        {
            "type": "scatter",
            "name": "dense",
            "x": start,
            "y": names,
            "text": [_percent(value) for value in dense],
            "mode": "markers",
            "marker": {"color": DENSE, "size": 10},
        },
        {
            "type": "scatter",
            "name": repairs.network(repair),
            "y": names,
            "mode": "markers",
            "marker": {"color": after(repair), "size": 10, "symbol": "diamond"},
        },
        {"type": "scatter", "x": [_TOP] * len(names), "y": names, **text},
    ]
    for trace in traces:
        hover = f"{trace['name']} %{{y}}: %{{text}}<extra></extra>" if "name" in trace else None
        trace |= {"hovertemplate": hover} if hover else {"hoverinfo": "skip", "showlegend": False}
    layout = frame(
        110 + 28 * len(classes),
        xaxis=plain_axis("%", range=[-2, _TOP], tickvals=[0, 25, 50, 75, 100]),
        yaxis=names_axis(classes, down=True),
        **LEGEND,
    )

    def patch(i: int) -> Patch:
        shares = [_share(value) for value in pruned[i]]
        line = [end for pair in zip(start, shares, strict=True) for end in (*pair, None)]
        texts = [_percent(value) for value in pruned[i]]
        return Patch({0: {"x": line}, 2: {"x": shares, "text": texts}, 3: {"text": [*differences[i]]}})

    return live(name, title, traces, layout, patch, len(pruned))


def _share(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 3)


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else wording.percent(fraction)


# --- one image over all stops -----------------------------------------------------------------------------------


def probabilities(probability: NDArray[np.float32], classes: Sequence[str], repair: str = AS_IS) -> LiveFigure:
    """The answers (S, C) to one image: each class's probability, dense above pruned (or repaired).

    Of more than `WHOLE` classes, those of `_likely` are shown.
    """
    title, shown = titled("Class probabilities", len(classes), "the most likely"), _likely(probability)
    probability, classes = probability[:, shown], [classes[c] for c in shown]
    dense, *_ = probability
    bars = [
        {"type": "bar", "orientation": "h", "y": labels(classes), "marker": {"color": colour}, "name": name,
         "textposition": "outside", "cliponaxis": False, "textfont": {"size": 10}, "hoverinfo": "skip", **_bars(values)}
        for name, colour, values in (("dense", DENSE, dense), (repairs.network(repair), after(repair), dense))
    ]  # fmt: skip
    layout = frame(
        90 + 40 * len(classes),
        xaxis=plain_axis("Probability, %", range=[0, 118], tickvals=[0, 25, 50, 75, 100]),
        yaxis=names_axis(classes, autorange="reversed"),
        barmode="group",
        bargap=0.25,
        **LEGEND,
    )

    def patch(i: int) -> Patch:
        return Patch({1: _bars(probability[i])})

    return live("probabilities", title, bars, layout, patch, len(probability))


def _likely(probability: NDArray[np.float32]) -> list[int]:
    """Of (S, C), the classes that are shown: those that are the answer at a stop, then the largest at any stop."""
    answered = np.bincount(probability.argmax(axis=1), minlength=probability.shape[1]) > 0
    return largest(probability.max(axis=0) + answered)


def _bars(values: NDArray[np.float32]) -> Spec:
    shares = [100 * float(v) for v in values]
    return {
        "x": [round(share, 2) for share in shares],
        "text": [wording.bounded(share, 1, 100.0) if share >= 0.05 else "" for share in shares],
    }


def story(
    probability: NDArray[np.float32], sparsity: NDArray[np.float64], classes: Sequence[str], repair: str = AS_IS
) -> LiveFigure:
    """The answers (S, C) to one image over all stops as a heat map; a line follows the class that is answered.

    Of more than `WHOLE` classes, those of `_likely` are shown. The line has a gap where another class is answered.
    """
    title, shown = titled("Answer at every stop", len(classes), "the most likely"), _likely(probability)
    classes = [classes[c] for c in shown]
    x, names = [*range(len(sparsity))], labels(classes)
    name_of = dict(zip(shown, names, strict=True))
    answered = [name_of.get(c) for c in probability.argmax(axis=1).tolist()]
    probability = probability[:, shown]
    stops = [wording.sparsity(float(s)) for s in sparsity]
    cells = {
        "type": "heatmap", "z": np.round(100 * probability.T, 2).tolist(), "x": x, "y": names, "zmin": 0,
        "zmax": 100, "colorscale": [[0, "rgba(0, 114, 178, 0)"], [1, "rgba(0, 114, 178, 0.85)"]], "showscale": False,
        "ygap": 1, "text": [stops] * len(names), "hovertemplate": "%{y} at %{text}: %{customdata}<extra></extra>",
        "customdata": [[wording.probability(p) for p in row] for row in probability.T.tolist()],
    }  # fmt: skip
    path = {
        "type": "scatter", "x": x, "y": answered, "mode": "lines+markers",
        "line": {"color": after(repair), "shape": "hvh"}, "marker": {"size": 4}, "hovertext": stops,
        "hovertemplate": "answers %{y} at %{hovertext}<extra></extra>",
    }  # fmt: skip
    narrow = {f"xaxis.{name}": value for name, value in _ticks(stops, 8).items()}
    layout = frame(
        90 + 40 * len(classes),
        xaxis=plain_axis("Sparsity", range=[-0.6, len(x) - 0.4], tickangle=-60, showgrid=False, **_ticks(stops, 4)),
        yaxis=names_axis(classes, down=True),
        shapes=[upright(0, after(repair), "")],
    )

    def patch(i: int) -> Patch:
        return Patch({}, {"shapes[0].x0": i, "shapes[0].x1": i})

    return live("story", title, [cells, path], layout, patch, len(x), narrow, stops_of=(0, 1))


def _ticks(stops: Sequence[str], every: int) -> Spec:
    """Every so many-th stop, and the last."""
    shown = [*range(0, len(stops) - every // 2, every), len(stops) - 1]
    return {"tickvals": shown, "ticktext": [stops[i] for i in shown]}


def feature_maps(sources: Sequence[str], shape: tuple[int, int], repair: str = AS_IS, some: str = "") -> LiveFigure:
    """The first convolution's feature maps, dense next to pruned: for each stop the URI of a picture of this shape.

    If these are only some of its feature maps, `some` says so: `64 of 512`.
    """
    title = f"{some} feature maps of the first convolution" if some else "Feature maps of the first convolution"
    height, width = shape
    traces = [
        {"type": "image", "source": sources[0], "xaxis": f"x{n}", "yaxis": f"y{n}", "hoverinfo": "skip"}
        for n in ("", "2")
    ]
    hidden = {"visible": False, "constrain": "domain"}
    layout = frame(
        280,
        xaxis={**hidden, "domain": [0, 0.49], "anchor": "y", "range": [-0.5, width - 0.5]},
        yaxis={**hidden, "anchor": "x", "range": [height - 0.5, -0.5], "scaleanchor": "x"},
        xaxis2={**hidden, "domain": [0.51, 1], "anchor": "y2", "range": [-0.5, width - 0.5]},
        yaxis2={**hidden, "anchor": "x2", "range": [height - 0.5, -0.5], "scaleanchor": "x2"},
        annotations=[_above("dense", 0.245), _above(repairs.network(repair), 0.755)],
    )
    narrow = {
        "height": 360,
        **{f"xaxis{n}.domain": [0, 1] for n in ("", "2")},
        "yaxis.domain": [0.55, 1],
        "yaxis2.domain": [0, 0.45],
        **{f"annotations[{i}].x": 0.5 for i in (0, 1)},
        "annotations[1].y": 0.45,
    }

    def patch(i: int) -> Patch:
        return Patch({1: {"source": sources[i]}})

    return live("maps", title, traces, layout, patch, len(sources), narrow)


def _above(text: str, x: float) -> Spec:
    return {
        "text": text, "showarrow": False, "x": x, "xanchor": "center", "xref": "paper", "y": 1, "yanchor": "bottom",
        "yref": "paper", "font": {"size": 13},
    }  # fmt: skip


# --- where answers change first ---------------------------------------------------------------------------------


def first_changes(
    counts: NDArray[np.int64],
    sparsity: NDArray[np.float64],
    classes: Sequence[str],
    chosen: int | None = None,
    repair: str = AS_IS,
) -> go.Figure:
    """Images (C, S + 1) by class and by the stop at which their answer changes first; above, of all or one class.

    Of more than `WHOLE` classes, the one class and those with the most images whose answer has changed, summed over the
    stops, have a row.
    """
    x = [*(wording.sparsity(float(s)) for s in sparsity), "never"]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.34, 0.66], vertical_spacing=0.03)
    above = counts.sum(axis=0) if chosen is None else counts[chosen]
    figure.add_bar(
        x=x, y=above, marker_color=after(repair), hovertemplate="%{y:,} images at %{x}<extra></extra>", row=1, col=1
    )
    shown, of = largest(_changed(counts, chosen)), len(classes)
    counts, classes = counts[shown], [classes[c] for c in shown]
    z = np.log10(np.maximum(counts, 0.5))
    figure.add_heatmap(
        x=x, y=labels(classes), z=z, zmin=np.log10(0.5), zmax=z.max(), showscale=False, xgap=1, ygap=1,
        customdata=counts,
        colorscale=[[0, "rgba(0, 114, 178, 0)"], [1, "rgba(0, 114, 178, 0.9)"]],
        hovertemplate="%{y}: %{customdata:,} images at %{x}<extra></extra>", row=2, col=1,
    )  # fmt: skip
    figure.update_xaxes(categories(x), showgrid=False)
    figure.update_xaxes(title="Sparsity at which the answer changes first", tickangle=-60, nticks=16, row=2, col=1)
    figure.update_yaxes(title="Images", row=1, col=1)
    figure.update_yaxes(names_axis(classes, some_of(of), down=True), row=2, col=1)
    return framed(figure, 500)


def _changed(counts: NDArray[np.int64], chosen: int | None) -> NDArray[np.float64]:
    """For each class the images whose answer has changed by a stop, summed over the stops; most for the chosen one."""
    scores = counts[:, :-1].cumsum(axis=1).sum(axis=1).astype(np.float64)
    if chosen is not None:
        scores[chosen] = np.inf
    return np.asarray(scores)
