"""Whether confidence matches accuracy: over sparsity, and bin by bin at one stop."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation import Proportion
from core.evaluation.calibration import BINS, Confidence, Gap, Overconfidence, Reliability
from core.evaluation.profile import Profile
from core.figures.base import LiveFigure, Patch, SparsityAxis, Spec, frame, hundredths, live, plain_axis, upright
from core.figures.colours import CUT, DENSE, GREY, MENDED, after
from core.figures.lines import dense_level, diamond, repair_dash, repair_line
from core.pruning import AS_IS, REPAIRS
from core.words import confidence as words
from core.words import repair as repairs
from core.words import wording

Confident = Mapping[str, Sequence[tuple[Confidence, Gap] | None]]
"""Other repairs of the same pruned network by name: at each stop their confidence, and the paired change of confidence
minus accuracy from theirs to the shown one's; None where they have none."""


def confidence_curve(
    profile: Profile, stops: Sequence[Confidence], over: Overconfidence, beside: Confident | None = None
) -> LiveFigure:
    """Accuracy and mean confidence, the gap between them shaded, above the expected calibration error.

    The other repairs are thinner lines of the calibration error; a click on any line chooses a stop.
    """
    beside, repair = beside or {}, profile.pruning.repair
    axis = SparsityAxis.over(profile.sparsity)
    x = [axis.place(s) for s in profile.sparsity]
    accuracy, mean, error = ([hundredths(getattr(c, name)) for c in stops] for name in ("accuracy", "mean", "error"))
    hover = {"x": x, "hovertext": _hover(profile, stops, over)}
    errors = [
        f"{wording.sparsity(s)}: calibration error {words.error(c.error)}"
        for s, c in zip(profile.sparsity, stops, strict=True)
    ]
    dots = {"mode": "lines+markers", "marker": {"size": 5}}

    others = [_thin_line(name, x, profile, at) for name, at in beside.items()]
    first = len(others)  # of the traces of the chosen one, which lie above the others
    whole = partial(repair_line, repair, dash=repair_dash(repair, "solid"), width=2)
    traces = [
        *others,
        _between(repair, x, accuracy, mean),
        whole("") | hover | dots | {"y": accuracy, "name": "Accuracy", "legendrank": 1},
        repair_line(repair, "", dash="dot", width=2)
        | hover
        | {"y": mean, "name": "Mean confidence", "mode": "lines", "legendrank": 2},
        whole("2") | dots | {"x": x, "y": error, "hovertext": errors, "legend": "legend2", "showlegend": bool(beside)},
        *(diamond(repair, x[0], y[0], n) for y, n in ((accuracy, ""), (mean, ""), (error, "2"))),
    ]
    named = {
        "showarrow": False, "text": f"dense {words.error(stops[0].error)}", "x": axis.low, "y": error[0],
        "xanchor": "left", "yanchor": "bottom", "xref": "x2", "yref": "y2",
    }  # fmt: skip
    shown = [*stops, *(pair[0] for at in beside.values() for pair in at if pair)]
    top = max(5.0, *(hundredths(c.error) for c in shown))
    layout = frame(
        440,
        xaxis=axis.layout(anchor="y", matches="x2", showticklabels=False),
        yaxis=plain_axis("%", anchor="x", domain=[0.54, 1], range=[0, 104]),
        xaxis2=axis.layout("Sparsity, % (logit scale)", anchor="y2"),
        yaxis2=plain_axis("Calibration error, pp", anchor="x2", domain=[0, 0.4], range=[0, 1.1 * top]),
        shapes=[*(upright(x[0], after(repair), n) for n in ("", "2")), dense_level(error[0], "2")],
        annotations=[named],
        showlegend=True,
        legend=_legend(1.02),
        legend2=_legend(0.41),
    )

    def patch(i: int) -> Patch:
        marks = {first + 4: accuracy[i], first + 5: mean[i], first + 6: error[i]}
        moved = {f"shapes[{line}].{end}": x[i] for line in (0, 1) for end in ("x0", "x1")}
        return Patch({trace: {"x": [x[i]], "y": [y]} for trace, y in marks.items()}, moved)

    title = f"Confidence over sparsity, {wording.count(stops[0].n)} images in {BINS} bins"
    over_stops = (*range(first), first + 1, first + 2, first + 3)
    narrow = axis.narrow("xaxis", "xaxis2") | {  # with room for a legend of three lines
        "height": 500, "yaxis.domain": [0.6, 1], "yaxis2.domain": [0, 0.37], "legend2.y": 0.38,
    }  # fmt: skip
    return live("confidence", title, traces, layout, patch, len(x), narrow, stops_of=over_stops)


def _legend(y: float) -> Spec:
    return {
        "orientation": "h", "y": y, "yanchor": "bottom", "traceorder": "normal", "itemclick": False,
        "itemdoubleclick": False,
    }  # fmt: skip


def _between(repair: str, x: list[float], accuracy: list[float], mean: list[float]) -> Spec:
    return {
        "type": "scatter", "xaxis": "x", "yaxis": "y", "x": [*x, *x[::-1]], "y": [*accuracy, *mean[::-1]],
        "mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": CUT if repair == AS_IS else MENDED,
        "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _hover(profile: Profile, stops: Sequence[Confidence], over: Overconfidence) -> list[str]:
    """Of each stop; the first is the dense network, with which the others are paired."""
    changes = ["", *(f"<br>paired change of confidence minus accuracy: {words.gap(g)}" for g in over.changes[1:])]
    return [
        f"{wording.sparsity(s)}: {words.means(c)}{change}"
        for s, c, change in zip(profile.sparsity, stops, changes, strict=True)
    ]


def _thin_line(repair: str, x: list[float], profile: Profile, at: Sequence[tuple[Confidence, Gap] | None]) -> Spec:
    """The calibration error of another repair over the stops."""
    title, shown = REPAIRS[repair].title, REPAIRS[profile.pruning.repair].done
    hover = [
        f"{title}, {wording.sparsity(s)}: calibration error {words.error(pair[0].error)}<br>{words.mean(pair[0])}<br>"
        f"confidence minus accuracy, {shown} relative to this: {words.gap(pair[1])}, paired"
        if pair
        else ""
        for s, pair in zip(profile.sparsity, at, strict=True)
    ]
    return repair_line(repair, "2", dash=repair_dash(repair, "dashdot"), width=1.5) | {
        "x": x, "y": [None if pair is None else hundredths(pair[0].error) for pair in at], "hovertext": hover,
        "mode": "lines", "connectgaps": True, "legend": "legend2", "showlegend": True,
    }  # fmt: skip


# --- one stop ---------------------------------------------------------------------------------------------------


def reliability(bins: Reliability, over: Overconfidence, repair: str = AS_IS) -> LiveFigure:
    """Accuracy of each bin of confidence against the diagonal at each stop, above the images in each bin.

    The gap to the bin's mean confidence is hatched; the dense network is a line. An empty bin has no bar.
    """
    accuracy, confidence = 100 * bins.accuracy, 100 * bins.confidence
    ticks = [10**power for power in range(len(str(bins.n)))]
    limits = [math.log10(0.5), math.log10(2 * bins.n)]
    verdict = {
        "text": "", "showarrow": False, "x": 0, "xanchor": "left", "xref": "paper", "y": 1, "yanchor": "bottom",
        "yref": "paper", "align": "left",
    }  # fmt: skip
    layout = frame(
        440,
        barmode="overlay",
        xaxis=plain_axis(anchor="y", matches="x2", range=[0, 100], showticklabels=False),
        yaxis=plain_axis("Accuracy, %", anchor="x", domain=[0.34, 1], range=[0, 104]),
        xaxis2=plain_axis(
            "Confidence, %", anchor="y2", range=[0, 100], tickvals=[*range(0, 101, 20)],
        ),
        yaxis2=plain_axis(
            "Images", anchor="x2", domain=[0, 0.27], type="log", range=limits, tickvals=ticks,
            ticktext=[wording.count(tick) for tick in ticks],
        ),
        shapes=[_diagonal()],
        margin={"l": 8, "r": 18, "t": 24, "b": 8},
        annotations=[verdict],
        showlegend=True,
        legend=_legend(1.14),
    )  # fmt: skip

    def patch(i: int) -> Patch:
        hatched = {"base": _some(accuracy[i]), "y": _some(confidence[i] - accuracy[i])}
        said = f"Confidence minus accuracy:<br>{words.gap(over.gaps[i])}, {words.verdict(over.gaps[i])}"
        return Patch({0: _bars(bins, i), 1: hatched, 3: {"y": _counts(bins, i)}}, {"annotations[0].text": said})

    traces = [*_against_the_diagonal(bins, repair), *_images(bins, repair)]
    title = f"Reliability at this stop, {wording.count(bins.n)} images in {BINS} bins"
    return live("reliability", title, traces, layout, patch, len(bins.count), {"height": 500})


def _bin_bars(**more: Any) -> Spec:
    """Bars almost as wide as their bins."""
    ends = [f"{100 * m / BINS:.1f}" for m in range(BINS + 1)]
    named = [f"{low} to {high} %" for low, high in pairwise(ends)]
    centres = [round(100 * (m + 0.5) / BINS, 3) for m in range(BINS)]
    return {"type": "bar", "x": centres, "width": 94 / BINS, "hovertext": named, "textposition": "none", **more}


def _against_the_diagonal(bins: Reliability, repair: str) -> list[Spec]:
    hover = (
        "confidence %{hovertext}: %{customdata[0]:,} of %{customdata[1]:,} right<br>"
        "mean confidence %{customdata[2]:.1f} %<extra>%{fullData.name}</extra>"
    )
    clear = "rgba(0,0,0,0)"
    hatch = {"shape": "/", "fgcolor": GREY, "bgcolor": clear, "size": 5, "solidity": 0.4}
    bars = _bin_bars(name=repairs.network(repair), hovertemplate=hover, marker={"color": after(repair)})
    gap = _bin_bars(name="gap to mean confidence", hoverinfo="skip")
    gap["marker"] = {"color": clear, "line": {"color": GREY, "width": 1}, "pattern": hatch}
    first = _bars(bins, 0)
    dense = {
        "type": "scatter", "name": "dense", "x": _some(100 * bins.confidence[0]), "y": first["y"],
        "customdata": first["customdata"], "hovertext": bars["hovertext"], "hovertemplate": hover,
        "mode": "lines+markers", "connectgaps": True, "line": {"color": DENSE, "width": 1.5},
        "marker": {"size": 7, "symbol": "circle-open", "color": DENSE},
    }  # fmt: skip
    return [bars, gap, dense]


def _images(bins: Reliability, repair: str) -> list[Spec]:
    lower = {
        "xaxis": "x2", "yaxis": "y2", "showlegend": False,
        "hovertemplate": "confidence %{hovertext}: %{y:,} images<extra>%{fullData.name}</extra>",
    }  # fmt: skip
    bars = _bin_bars(name=repairs.network(repair), marker={"color": after(repair)}, **lower)
    dense = {
        "type": "scatter", "name": "dense", "x": bars["x"], "y": _counts(bins, 0), "hovertext": bars["hovertext"],
        "mode": "markers", "marker": {"symbol": "line-ew-open", "size": 14, "color": DENSE, "line": {"width": 2}},
        **lower,
    }  # fmt: skip
    return [bars, dense]


def _diagonal() -> Spec:
    line = {"color": GREY, "dash": "dot", "width": 1.5}
    return {"type": "line", "x0": 0, "y0": 0, "x1": 100, "y1": 100, "xref": "x", "yref": "y", "line": line}


def _bars(bins: Reliability, stop: int) -> Spec:
    """Accuracy of each bin with Wilson's interval; right answers, images and mean confidence for the text."""
    right, images = bins.right[stop].tolist(), _counts(bins, stop)
    found = [Proportion(r, n) if n else None for r, n in zip(right, images, strict=True)]
    return {
        "y": _some(100 * bins.accuracy[stop]),
        "error_y": {
            "array": [_short(p.high - p.value) if p else None for p in found],
            "arrayminus": [_short(p.value - p.low) if p else None for p in found],
            "color": GREY,
        },
        "customdata": [*zip(right, images, _some(100 * bins.confidence[stop]), strict=True)],
    }


def _short(length: float) -> float:
    """In percent with two digits, as it is only drawn."""
    return float(f"{100 * length:.2g}")


def _counts(bins: Reliability, stop: int) -> list[int | None]:
    return [n or None for n in bins.count[stop].tolist()]


def _some(values: NDArray[np.float64]) -> list[float | None]:
    """For plotly, which draws nothing for None."""
    return [None if np.isnan(value) else _round(value) for value in values.tolist()]


def _round(value: Any) -> float:
    return round(float(value), 1)
