"""Single weights beside whole filters: accuracy over bytes, and over time."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from core.cost.tradeoff import EPOCHS, Method, Point, Tradeoff
from core.figures.base import DENSE, PRUNED, framed
from core.words import wording

FILTERS = "#56B4E9"

METHODS: dict[Method, str] = {"weights": "Single weights", "filters": "Whole filters"}
"""Ways to prune as they are called on the screen."""

_STYLES: dict[Method, tuple[str, str]] = {"weights": (PRUNED, "circle"), "filters": (FILTERS, "square")}


def accuracy_over_bytes(found: Tradeoff) -> go.Figure:
    """Accuracy of every network over the bytes of its kernels in the compact encoding."""
    figure = _lines(found, lambda point: point.compact, lambda point: wording.size(point.compact))
    return figure.update_xaxes(title={"text": "Bytes, compact (log scale)"}, exponentformat="power", dtick=1)


def accuracy_over_time(found: Tradeoff, batch: int) -> go.Figure:
    """Accuracy of the networks that were timed, over their time in times of the unpruned network's."""

    def told(point: Point) -> str:
        least, times, most = (wording.decimal(value, 2) for value in point.times[batch])
        return f"{times} times the unpruned network's time ({least} to {most})"

    timed = Tradeoff([p for p in found.points if p.times], found.total, found.threads, found.machine)
    figure = _lines(timed, lambda point: point.times[batch][1], told)
    figure.add_vline(1, line={"color": DENSE, "dash": "dot", "width": 1.5})
    images = "1 image" if batch == 1 else f"{batch} images"
    ticks = [n * 10.0**power for power in range(-3, 4) for n in (1, 2, 5)]
    return figure.update_xaxes(
        title={"text": f"Time for {images}, unpruned = 1"},
        tickvals=ticks,
        ticktext=[f"{t:g}" for t in ticks],
    )


def _lines(found: Tradeoff, place: Callable[[Point], float], told: Callable[[Point], str]) -> go.Figure:
    figure = go.Figure()
    for method, name in METHODS.items():
        for retrained in (False, True):
            line = found.line(method, retrained=retrained)
            how = f"{name}, {f'{EPOCHS} epochs of retraining' if retrained else 'one-shot'}"
            colour, symbol = _STYLES[method]
            figure.add_scatter(
                x=[place(p) for p in line], y=[100 * p.comparison.pruned.value for p in line], name=how,
                mode="lines+markers", line={"color": colour, "dash": "dash" if retrained else "solid", "width": 2},
                marker={"symbol": f"{symbol}-open" if retrained else symbol, "size": 9 if retrained else 7},
                text=_said(line, told), hovertemplate=f"{how}<br>%{{text}}<extra></extra>",
            )  # fmt: skip
    dense = found.points[0].comparison.dense.value
    figure.add_hline(100 * dense, line={"color": DENSE, "dash": "dot", "width": 1.5})
    framed(figure, 400).update_xaxes(type="log", tickangle=0)
    figure.update_yaxes(title={"text": "Accuracy, %"}, range=[0, 102])
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.25}, margin={"t": 12})


def _said(line: Sequence[Point], told: Callable[[Point], str]) -> list[str]:
    return [
        f"{wording.percent(p.share, 0)} pruned: {wording.percent(p.comparison.pruned.value)}<br>{told(p)}" for p in line
    ]
