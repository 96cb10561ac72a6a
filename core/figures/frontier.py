"""The frontier: whole networks as points, bytes across and accuracy up, with the Pareto line through the best."""

import math
from collections.abc import Sequence

from core.cost.frontier import Landmark, Line, Point, pareto
from core.evaluation import Proportion
from core.figures.base import LEGEND, LiveFigure, Spec, error_axis, frame, height, plain_axis
from core.figures.colours import GREY, PRUNED, SERIES
from core.figures.labels import label
from core.words import wording

_STYLES = [style for style in SERIES if style[0] not in (GREY, PRUNED)]
"""Of the runs; landmarks and the Pareto line are grey, and the mark has the colour of what is pruned."""

_BYTES = {
    100: "100 B",
    1_000: "1 kB",
    10_000: "10 kB",
    100_000: "100 kB",
    10**6: "1 MB",
    10**7: "10 MB",
    10**8: "100 MB",
}
_NARROW_BYTES = (10**3, 10**5, 10**7)
_ROOM = 0.12
"""Beyond the outermost points, in powers of ten."""
_NEAR = 0.8
"""Names of landmarks that are closer would overlap; powers of ten across."""
_LETTER, _LINE = 0.09, 0.09
"""The size of a letter of such a name on a phone's figure: powers of ten across and of the errors."""


def frontier(lines: Sequence[Line], landmarks: Sequence[Landmark]) -> LiveFigure:
    """All points of the lines, which can be picked by their `ids`; the last trace is for a mark, and empty."""
    points = [point for line in lines for point in line.points]
    traces = [
        _pareto(pareto(points)),
        *(_line(line, i) for i, line in enumerate(lines)),
        _dense(lines),
        _published(landmarks),
        _mark(),
    ]
    known = [*(p.accuracy for p in points), *(m.accuracy for m in landmarks)]
    taken = [*(p.bytes for p in points), *(m.bytes for m in (*(line.dense for line in lines), *landmarks))]
    layout = frame(
        560,
        xaxis=plain_axis(
            "Bytes of the whole network (logarithmic)", type="log", tickangle=0, **_ticks([*_BYTES]),
            range=[math.log10(min(taken)) - _ROOM, math.log10(max(taken)) + _ROOM],
        ),
        yaxis=error_axis(min(map(_height, known)) - _ROOM / 2, max(map(_height, known)) + _ROOM),
        annotations=[_named(landmark, landmarks) for landmark in landmarks],
        **LEGEND,
    )  # fmt: skip
    narrow = {f"xaxis.{name}": value for name, value in _ticks(_NARROW_BYTES).items()}
    short = [landmark.name.split(",")[0] for landmark in landmarks]
    names = [name if short.count(name) == 1 else m.name for name, m in zip(short, landmarks, strict=True)]
    shown = _free(names, landmarks, [*points, *(line.dense for line in lines)])
    narrow |= {f"annotations[{i}].text": label(name) for i, name in enumerate(names)}
    narrow |= {f"annotations[{i}].visible": i in shown for i in range(len(names))}
    picks = tuple(range(1, len(lines) + 2))
    base = {"data": traces, "layout": layout}
    return LiveFigure("frontier", "Accuracy over the bytes of the whole network", base, narrow=narrow, picks=picks)


def place(point: Point) -> tuple[float, float]:
    """Where a point is on the axes of `frontier`."""
    return float(point.bytes), _height(point.accuracy)


def _at(mark: Point | Landmark) -> tuple[float, float]:
    """The same in powers of ten, across and of the errors."""
    return math.log10(mark.bytes), _height(mark.accuracy)


def _height(accuracy: Proportion, value: float | None = None) -> float:
    """Of an accuracy or, if `value` is given, an end of its interval; no error at all is drawn as half of one."""
    shown = accuracy.value if value is None else value
    return height(min(shown, 1 - 0.5 / accuracy.n))


def _ticks(sizes: Sequence[int]) -> Spec:
    return {"tickvals": [*sizes], "ticktext": [_BYTES[size] for size in sizes]}


def _line(line: Line, i: int) -> Spec:
    (colour, dash, symbol), title = _STYLES[i % len(_STYLES)], label(line.title)
    return {
        **_scatter(title, line.points), "mode": "lines+markers", "text": [*map(_hover, line.points)],
        "line": {"color": colour, "dash": dash, "width": 1.5}, "marker": {"symbol": symbol, "size": 7},
        "ids": [point.name for point in line.points], "hovertemplate": f"{title}<br>%{{text}}<extra></extra>",
    }  # fmt: skip


def _pareto(points: Sequence[Point]) -> Spec:
    """Steps, as each network is the best up to the bytes of the next, with the intervals."""
    heights = [_height(point.accuracy) for point in points]
    high = [_height(p.accuracy, p.accuracy.high) - y for p, y in zip(points, heights, strict=True)]
    low = [y - _height(p.accuracy, p.accuracy.low) for p, y in zip(points, heights, strict=True)]
    return {
        **_scatter("Pareto line, with 95 % intervals", points), "mode": "lines", "hoverinfo": "skip",
        "line": {"color": GREY, "width": 4, "shape": "hv"}, "opacity": 0.7,
        "error_y": {"type": "data", "array": high, "arrayminus": low, "color": GREY, "thickness": 1.5, "width": 3},
    }  # fmt: skip


def _dense(lines: Sequence[Line]) -> Spec:
    """A square for each line's dense network, in the line's colour."""
    dense = [line.dense for line in lines]
    return {
        **_scatter("open square: dense, as float32", dense), "mode": "markers", "text": [*map(_sized, dense)],
        "ids": [line.points[0].name for line in lines], "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": "square-open", "size": 13, "line": {"width": 2.5},
            "color": [_STYLES[i % len(_STYLES)][0] for i in range(len(lines))],
        },
    }  # fmt: skip


def _published(landmarks: Sequence[Landmark]) -> Spec:
    return {
        **_scatter("published, as float32", landmarks), "mode": "markers", "text": [*map(_sized, landmarks)],
        "marker": {"symbol": "diamond-open", "size": 10, "color": GREY, "line": {"width": 2}},
        "hovertemplate": "published: %{text}<extra></extra>", "showlegend": bool(landmarks),
    }  # fmt: skip


def _mark() -> Spec:
    """As on the other figures, the mark of what is in view."""
    marker = {"symbol": "diamond", "size": 15, "color": PRUNED, "line": {"color": "white", "width": 2}}
    return {
        "type": "scatter", "mode": "markers", "x": [], "y": [], "name": "in view", "hoverinfo": "skip",
        "marker": marker, "showlegend": True,
    }  # fmt: skip


def _scatter(name: str, points: Sequence[Point | Landmark]) -> Spec:
    heights = [_height(point.accuracy) for point in points]
    return {"type": "scatter", "name": name, "x": [point.bytes for point in points], "y": heights}


def _named(landmark: Landmark, others: Sequence[Landmark]) -> Spec:
    """The name of a landmark: above it, or below it where a better one is near."""
    (x, y), below = _at(landmark), _is_below(landmark, others)
    return {
        "x": x, "y": y, "text": label(landmark.name), "showarrow": False, "xanchor": "right", "font": {"size": 10},
        "yanchor": "top" if below else "bottom", "yshift": -5 if below else 5,
    }  # fmt: skip


def _is_below(landmark: Landmark, others: Sequence[Landmark]) -> bool:
    x, y = _at(landmark)
    above = ((other_x - x, other_y - y) for other_x, other_y in map(_at, others))
    return any(abs(across) < _NEAR and 0 < up < _NEAR / 5 for across, up in above)


def _free(names: Sequence[str], landmarks: Sequence[Landmark], others: Sequence[Point | Landmark]) -> list[int]:
    """The landmarks whose names cover no other mark and no name before; a tap on a mark says its name in any case."""
    marks, free, taken = [_at(mark) for mark in (*landmarks, *others)], list[int](), list[tuple[float, float, float]]()
    for i, name in enumerate(names):
        (right, y), left = marks[i], marks[i][0] - len(name) * _LETTER
        middle = y - _LINE if _is_below(landmarks[i], landmarks) else y + _LINE
        covers = any(left < x <= right and abs(other - middle) < _LINE for x, other in marks)
        meets = any(left < end and start < right and abs(other - middle) < _LINE for start, end, other in taken)
        if not covers and not meets:
            free.append(i)
            taken.append((left, right, middle))
    return free


def _hover(point: Point) -> str:
    return f"{wording.sparsity(point.sparsity)} pruned: {_of(point)}"


def _sized(landmark: Landmark) -> str:
    return f"{label(landmark.name)}<br>{_of(landmark)}"


def _of(point: Point | Landmark) -> str:
    a = point.accuracy
    return f"{wording.size(point.bytes)}<br>{wording.percent(a.value)} {wording.percents(a.low, a.high)}"
