"""Figures without a slider."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.figures.base import AXIS, Spec, frame, framed, nth
from core.figures.colours import DENSE, GREY, after
from core.figures.labels import label, names_axis
from core.progress import Epoch
from core.pruning import AS_IS
from core.words import repair as repairs
from core.words import wording


def learning_curves(epochs: Sequence[Epoch], total: int) -> go.Figure:
    """Loss and accuracy over epochs, training and validation, on an axis for all `total` epochs."""
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
    steps = max(1, round(max(total, 2) / 8))
    figure.update_xaxes(title="Epoch", range=[0.5, max(total, 2) + 0.5], tick0=0, dtick=steps, showgrid=False)
    if not epochs:
        figure.update_yaxes(range=[0, 2.5], col=1).update_yaxes(range=[0, 100], col=2)
        for axis in ("", "2"):
            place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0.5, "y": 0.5}
            figure.add_annotation(text="after the first epoch", showarrow=False, **place)
    return framed(figure, 330).update_layout(showlegend=True, legend={"orientation": "h", "y": -0.3})


@dataclass(frozen=True)
class BeforeAfter:
    """Accuracy before and after pruning and a repair, fractions, each with its interval where one is known.

    The label has two short lines, for a phone.
    """

    label: str
    before: float
    after: float
    before_interval: tuple[float, float] | None = None
    after_interval: tuple[float, float] | None = None
    repair: str = AS_IS


def before_after(rows: Sequence[BeforeAfter]) -> Spec:
    """Dense and pruned accuracy, one panel per row; all panels are equally wide in pp, so distances compare.

    In plotly.js's own form, because it is built at every stop.
    """
    half = 0.8 + 50 * max(abs(r.after - r.before) for r in rows)
    gap = 0.5 / len(rows)
    height = (1 - gap * (len(rows) - 1)) / len(rows)
    traces, titles, axes = [], [], dict[str, Spec]()
    for i, r in enumerate(rows):
        bottom, middle = (len(rows) - 1 - i) * (height + gap), 50 * (r.before + r.after)
        last = {"title": {"text": "Accuracy, %"}} if r is rows[-1] else {}
        axes[f"xaxis{nth(i)}"] = {
            **AXIS, "anchor": f"y{nth(i)}", "domain": [0, 1], "range": [middle - half, middle + half],
            "ticksuffix": "", **last,
        }  # fmt: skip
        place: Spec = {"anchor": f"x{nth(i)}", "domain": [bottom, bottom + height]}
        network = repairs.network(r.repair)
        axes[f"yaxis{nth(i)}"] = names_axis(["dense", network], down=True, range=[-0.5, 1.9], **place)
        titles.append(_title(label(r.label).replace("\n", "<br>"), bottom + height))
        traces.append(_point("dense", r.before, r.before_interval, DENSE, "circle", nth(i)))
        traces.append(_point(network, r.after, r.after_interval, after(r.repair), "diamond", nth(i)))
    layout = frame(70 + 150 * len(rows), **axes, annotations=titles)
    return {"data": traces, "layout": {**layout, "margin": {**layout["margin"], "t": 44}}}


def _title(text: str, y: float) -> Spec:
    """What stands above a panel, at its left."""
    return {
        "text": text, "showarrow": False, "align": "left", "font": {"size": 12}, "x": 0, "xanchor": "left",
        "xref": "paper", "xshift": -50, "y": y, "yanchor": "bottom", "yref": "paper",
    }  # fmt: skip


def _point(what: str, value: float, limits: tuple[float, float] | None, colour: str, symbol: str, axes: str) -> Spec:
    bars = {} if limits is None else {
        "error_x": {
            "type": "data", "symmetric": False, "array": [100 * (limits[1] - value)],
            "arrayminus": [100 * (value - limits[0])],
        }
    }  # fmt: skip
    return {
        "type": "scatter", "x": [100 * value], "y": [what], "xaxis": f"x{axes}", "yaxis": f"y{axes}",
        "mode": "markers+text", "text": [wording.percent(value)], "textposition": "top center",
        "marker": {"color": colour, "symbol": symbol, "size": 11},
        "hovertemplate": f"{what} %{{text}}<extra></extra>", **bars,
    }  # fmt: skip
