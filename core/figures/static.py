"""Figures without a slider, made by plotly.py."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import wording
from core.figures.base import DENSE, GREY, PRUNED, framed
from core.figures.labels import label, names_axis
from core.progress import Epoch


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
    steps = max(1, round(max(of, 2) / 8))
    figure.update_xaxes(title="Epoch", range=[0.5, max(of, 2) + 0.5], tick0=0, dtick=steps, showgrid=False)
    if not epochs:
        figure.update_yaxes(range=[0, 2.5], col=1).update_yaxes(range=[0, 100], col=2)
        for axis in ("", "2"):
            place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0.5, "y": 0.5}
            figure.add_annotation(text="after the first epoch", showarrow=False, **place)
    return framed(figure, 330).update_layout(showlegend=True, legend={"orientation": "h", "y": -0.3})


@dataclass(frozen=True)
class BeforeAfter:
    """Accuracy before and after pruning, fractions, each with its interval where one is known.

    The label has two short lines, for a phone.
    """

    label: str
    before: float
    after: float
    before_interval: tuple[float, float] | None = None
    after_interval: tuple[float, float] | None = None


def before_after(rows: Sequence[BeforeAfter]) -> go.Figure:
    """Dense beside pruned accuracy, a panel a row; all panels are equally wide in pp, so that distances compare."""
    figure = make_subplots(
        rows=len(rows),
        cols=1,
        subplot_titles=[label(r.label).replace("\n", "<br>") for r in rows],
        vertical_spacing=0.5 / len(rows),
    )
    half = 0.8 + 50 * max(abs(r.after - r.before) for r in rows)
    for i, r in enumerate(rows, start=1):
        middle = 50 * (r.before + r.after)
        _point(figure, "dense", r.before, r.before_interval, DENSE, "circle", row=i)
        _point(figure, "pruned", r.after, r.after_interval, PRUNED, "diamond", row=i)
        figure.update_xaxes(range=[middle - half, middle + half], ticksuffix="", row=i, col=1)
    figure.update_yaxes(names_axis(["dense", "pruned"], down=True, range=[-0.5, 1.9]))
    figure.update_xaxes(title="Accuracy, %", row=len(rows), col=1)
    figure.update_annotations(x=0, xanchor="left", xshift=-50, align="left", font_size=12)
    return framed(figure, 70 + 150 * len(rows)).update_layout(margin_t=44)


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
