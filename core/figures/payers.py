"""Who pays for pruning: the correct answers that a repair brings back in each class, and those that it does not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.answers import REPAIRED
from core.figures.base import LEGEND, LiveFigure, Patch, Spec, frame, live, plain_axis
from core.figures.colours import GAINED, LOST
from core.figures.labels import labels, largest, names_axis, titled
from core.words import repair as repairs
from core.words import wording

_SPACE = "\N{EN SPACE}"  # between a bar and its text


def brought_back(counts: Sequence[NDArray[np.int64]], classes: Sequence[str], images: Sequence[int]) -> LiveFigure:
    """Stacked bars of each class at each stop: brought back, still lost, newly lost.

    Of more than `WHOLE` classes, those are shown that have the most such answers, summed over the stops. The scale
    changes in steps, so that few answers are seen as well as many.

    Args:
        counts: (C, 3) at each of S stops, in the order of `REPAIRED`.
        classes: their names.
        images: of each class.
    """
    shown, of = largest(sum(stop.sum(axis=1) for stop in counts)), len(classes)
    counts, classes, images = [c[shown] for c in counts], [classes[c] for c in shown], [images[c] for c in shown]
    names = labels(classes)
    clear, width = "rgba(0,0,0,0)", {"width": 1, "color": LOST}
    markers: tuple[Spec, ...] = (
        {"color": GAINED},
        {"color": LOST, "pattern": {"shape": "/", "fgcolor": "white", "bgcolor": LOST, "size": 6, "solidity": 0.25}},
        {"color": clear, "line": width, "pattern": {"shape": "x", "fgcolor": LOST, "bgcolor": clear, "size": 5}},
    )
    traces: list[Spec] = [
        {
            "type": "bar", "orientation": "h", "name": name, "y": names, "marker": marker,
            "customdata": [wording.count(n) for n in images],
            "hovertemplate": f"%{{y}}: %{{x:,}} {name}, of %{{customdata}} images<extra></extra>",
        }
        for name, marker in zip(REPAIRED, markers, strict=True)
    ]  # fmt: skip
    traces.append({
        "type": "scatter", "y": names, "mode": "text", "textposition": "middle right", "hoverinfo": "skip",
        "textfont": {"size": 11}, "showlegend": False,
    })  # fmt: skip
    layout = frame(
        110 + 28 * len(classes),
        barmode="stack",
        bargap=0.3,
        xaxis=plain_axis("Images", rangemode="tozero"),
        yaxis=names_axis(classes, down=True),
        **LEGEND,
    )

    def patch(i: int) -> Patch:
        ends = counts[i].sum(axis=1)
        bars: dict[int, Spec] = {j: {"x": [n or None for n in column]} for j, column in enumerate(counts[i].T.tolist())}
        text = [f"{_SPACE}{repairs.back(back, still)}" for back, still, _ in counts[i].tolist()]
        return Patch(
            {**bars, 3: {"x": ends.tolist(), "text": text}}, {"xaxis.range": [0, 1.4 * _step(int(ends.max()))]}
        )

    for j, first in patch(0).data.items():
        traces[j].update(first)
    title = titled(
        "Correct answers that pruning lost: brought back or still lost, by class", of, "those that lose most"
    )
    return live("payers", title, traces, layout, patch, len(counts), picks=(0, 1, 2))


def _step(most: int) -> int:
    """The next of 10, 15, 20, 30, 50, 80, 100, 150, and so on."""
    power: int = 10 ** (len(str(max(most, 10))) - 1)
    return next(step * power // 10 for step in (10, 15, 20, 30, 50, 80, 100) if step * power >= 10 * most)
