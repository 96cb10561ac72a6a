"""Single weights against whole filters: accuracy over bytes, and over time."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from core.cost.tradeoff import EPOCHS, Method, Point, Tradeoff
from core.figures.base import framed
from core.figures.colours import DENSE, GREY, PRUNED
from core.words import wording

METHODS: dict[Method, str] = {"weights": "Single weights", "filters": "Whole filters"}
"""Ways to prune as they are called on the screen."""

_STYLES: dict[Method, tuple[str, str]] = {"weights": (PRUNED, "circle"), "filters": (GREY, "square")}


def accuracy_over_bytes(tradeoff: Tradeoff) -> go.Figure:
    """Accuracy of every network over the bytes of its kernels in the compact encoding."""
    figure = _lines(tradeoff, lambda point: point.compact, lambda point: wording.size(point.compact))
    return figure.update_xaxes(title={"text": "Bytes, compact (log scale)"}, exponentformat="power", dtick=1)


def accuracy_over_time(tradeoff: Tradeoff, batch: int) -> go.Figure:
    """Accuracy of the networks that were timed, over their time relative to the unpruned network's."""

    def time(point: Point) -> str:
        least, times, most = (wording.decimal(value, 2) for value in point.times[batch])
        return f"{times} times the unpruned network's time ({least} to {most})"

    timed = Tradeoff([p for p in tradeoff.points if p.times], tradeoff.total, tradeoff.threads, tradeoff.machine)
    figure = _lines(timed, lambda point: point.times[batch][1], time)
    figure.add_vline(1, line={"color": DENSE, "dash": "dot", "width": 1.5})
    images = "1 image" if batch == 1 else f"{batch} images"
    ticks = [n * 10.0**power for power in range(-3, 4) for n in (1, 2, 5)]
    return figure.update_xaxes(
        title={"text": f"Time for {images}, unpruned = 1"},
        tickvals=ticks,
        ticktext=[f"{t:g}" for t in ticks],
    )


def _lines(tradeoff: Tradeoff, place: Callable[[Point], float], note: Callable[[Point], str]) -> go.Figure:
    figure = go.Figure()
    for method, name in METHODS.items():
        for retrained in (False, True):
            line = tradeoff.line(method, retrained=retrained)
            how = f"{name}, {f'{EPOCHS} epochs of retraining' if retrained else 'one-shot'}"
            colour, symbol = _STYLES[method]
            figure.add_scatter(
                x=[place(p) for p in line], y=[100 * p.comparison.pruned.value for p in line], name=how,
                mode="lines+markers", line={"color": colour, "dash": "dash" if retrained else "solid", "width": 2},
                marker={"symbol": f"{symbol}-open" if retrained else symbol, "size": 9 if retrained else 7},
                text=_hover(line, note), hovertemplate=f"{how}<br>%{{text}}<extra></extra>",
            )  # fmt: skip
    dense = tradeoff.points[0].comparison.dense.value
    figure.add_hline(100 * dense, line={"color": DENSE, "dash": "dot", "width": 1.5})
    framed(figure, 400).update_xaxes(type="log", tickangle=0)
    figure.update_yaxes(title={"text": "Accuracy, %"}, range=[0, 102])
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.25}, margin={"t": 12})


def _hover(line: Sequence[Point], note: Callable[[Point], str]) -> list[str]:
    return [
        f"{wording.percent(p.share, 0)} pruned: {wording.percent(p.comparison.pruned.value)}<br>{note(p)}" for p in line
    ]
