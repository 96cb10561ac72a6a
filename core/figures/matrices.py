"""Counts of answers in cells: what pruning did to right and wrong ones, and confusion matrices."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.answers import OUTCOMES
from core.figures.base import LiveFigure, Patch, Spec, frame, live
from core.figures.labels import labels, names_axis
from core.pruning import AS_IS
from core.words import repair as repairs
from core.words import wording


def confusion(name: str, title: str, matrices: Sequence[NDArray[np.int64]], classes: Sequence[str]) -> LiveFigure:
    """Counts (C, C) at each stop: true class down, predicted across; log shades show even single errors."""
    top = int(max(m.sum(axis=1).max() for m in matrices)) or 1
    return _matrix(name, title, matrices, classes, (0, top), _log_scale("0, 114, 178", top))


def confusion_difference(
    matrices: Sequence[NDArray[np.int64]], classes: Sequence[str], repair: str = AS_IS, which: str = ""
) -> LiveFigure:
    """Pruned minus dense (C, C) at each stop: more is vermillion and +, fewer is blue and −, on a symmetric scale.

    `which` says in the title which classes these are.
    """
    top = int(max(np.abs(m).max() for m in matrices)) or 1
    fewer, more = _log_scale("0, 114, 178", top), _log_scale("213, 94, 0", top)
    scale = [[0.5 - at / 2, colour] for at, colour in fewer[::-1]] + [[0.5 + at / 2, colour] for at, colour in more[1:]]
    title = f"Difference, {repairs.network(repair)} minus dense{which}"
    return _matrix("difference", title, matrices, classes, (-top, top), scale, signed=True)


def _log_scale(rgb: str, top: int) -> list[list[Any]]:
    """A colour scale from 0 to `top` whose opacity grows with the logarithm of the count."""
    stops = np.unique(np.concatenate([[0.0], np.geomspace(1, max(top, 2), 16)])) / max(top, 2)
    return [[float(s), f"rgba({rgb}, {0.7 * math.log1p(s * top) / math.log1p(top):.3f})"] for s in stops]


def _matrix(
    name: str, title: str, matrices: Sequence[NDArray[np.int64]], classes: Sequence[str], limits: tuple[int, int],
    scale: list[list[Any]], *, signed: bool = False,
) -> LiveFigure:  # fmt: skip
    names, say, hover = labels(classes), wording.signed if signed else wording.count, "%{text}" if signed else "%{z:,}"
    nothing = "No count differs" if signed else "No images"
    shades = {
        "type": "heatmap", "z": matrices[0].tolist(), "x": names, "y": names, "colorscale": scale, "zmin": limits[0],
        "zmax": limits[1], "showscale": False, "xgap": 1, "ygap": 1,
        "hovertemplate": f"true %{{y}}, predicted %{{x}}: {hover}<extra></extra>",
    }  # fmt: skip
    counts = {
        "type": "scatter", "x": names * len(names), "y": [name for name in names for _ in names], "mode": "text",
        "textfont": {"size": 10}, "hoverinfo": "skip",
    }  # fmt: skip
    middle = {
        "text": "",
        "showarrow": False,
        "font": {"size": 14},
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
    }
    layout = frame(
        430,
        xaxis=names_axis(classes, "Predicted", **_edges(classes), tickangle=-60),
        yaxis=names_axis(classes, "True", **_edges(classes), down=True),
        annotations=[middle],
    )

    def patch(i: int) -> Patch:
        texts = [[say(v) for v in row] for row in matrices[i].tolist()]
        seen = ["" if text == "0" else text for row in texts for text in row]
        empty = {"annotations[0].text": "" if matrices[i].any() else nothing}
        said = {"text": texts} if signed else {}
        return Patch({0: {"z": matrices[i].tolist(), **said}, 1: {"text": seen}}, empty)

    for trace, first in ((shades, 0), (counts, 1)):
        trace.update(patch(0).data[first])
    return live(name, title, [shades, counts], layout, patch, len(matrices) if len(matrices) > 1 else 0, picks=(0,))


def _edges(names: Sequence[str]) -> Spec:
    """An axis that ends at the edges of its cells, also after plotly rescales it."""
    low, high = -0.5, len(names) - 0.5
    return {"range": [low, high], "minallowed": low, "maxallowed": high}


def outcomes(tables: Sequence[NDArray[np.int64]], repair: str = AS_IS) -> LiveFigure:
    """Images (2, 2) at each stop: dense right or wrong down, pruned (or repaired) right or wrong across."""
    rows, columns = ([f"{name} {how}" for how in ("right", "wrong")] for name in ("dense", repairs.network(repair)))
    top = int(tables[0].sum())
    cells = {
        "type": "heatmap", "x": columns, "y": rows, "z": tables[0].tolist(), "zmin": 0, "zmax": top, "xgap": 2,
        "ygap": 2, "colorscale": _log_scale("0, 114, 178", top), "showscale": False,
        "hovertemplate": "%{y}, %{x}: %{z:,}<extra></extra>",
    }  # fmt: skip
    texts = {
        "type": "scatter", "x": columns * 2, "y": [row for row in rows for _ in columns], "mode": "text",
        "textfont": {"size": 14}, "hoverinfo": "skip",
    }  # fmt: skip
    layout = frame(
        430,
        xaxis=names_axis(columns, **_edges(columns)),
        yaxis=names_axis(rows, **_edges(rows), down=True, tickangle=-90),
    )

    def patch(i: int) -> Patch:
        texts = [f"{name}<br><b>{n:,}</b>" for name, n in zip(OUTCOMES, tables[i].ravel().tolist(), strict=True)]
        return Patch({0: {"z": tables[i].tolist()}, 1: {"text": texts}})

    return live(
        "outcomes",
        f"Correct and wrong answers, {wording.count(top)} images",
        [cells, texts],
        layout,
        patch,
        len(tables),
        picks=(0,),
    )
