"""Figures without a slider."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.figures.base import framed
from core.figures.colours import DENSE, GREY
from core.progress import Epoch


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
