"""The weights of each layer: their distributions with the cut, and the kernels of a convolution."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.figures.base import LiveFigure, Patch, Spec, frame, layer_title, live, nth, plain_axis
from core.figures.colours import CUT, DENSE, GAINED, GREY, PRUNED, REPAIRED
from core.figures.labels import LONGEST, label
from core.figures.layers import NARROW, WIDE, cells, labelled, on_hover, shortened, titled
from core.pruning import AS_IS, REPAIRS
from core.pruning.distributions import ZOOM, ZOOM_BINS, Histogram
from core.words import wording

Cuts = Sequence[Sequence[float]]
"""At each of S stops, the magnitude up to which weights are removed from each of L layers; 0 where none is."""
Counts = Sequence[NDArray[np.int64] | None]
"""At each of S stops, (L, bars) counts of refitted weights; None where they are not known."""
Names = Sequence[tuple[str, str]]
"""Of each layer the label that is shown, and that of its whole name, which is shown on hover."""

_LONGEST = 20
"""Characters of a name above a small multiple."""


LOG, COMMON = "log", "common"
"""Options of the distributions: counts on a logarithmic axis; one weight axis for all layers."""


def distributions(
    rows: Sequence[Sequence[Histogram]],
    cuts: Cuts | None = None,
    repair: str = AS_IS,
    refitted: Counts | None = None,
    of: int | None = None,
) -> LiveFigure:
    """Signed weights of each layer at each of S stops, (S, L) histograms: removed below, kept above, the cut a band.

    They are the weights as pruned, over which the refitted ones are drawn as a line; if these are not known, the title
    says that the repair changes the weights. If these L layers are those with most weights `of` more, it says so too.
    """
    names = labelled([h.name for h in rows[0]], _LONGEST)
    reach = max(h.edges[-1] for h in rows[0])
    axes = [{"nticks": 4, "tickangle": 0, "range": [h.edges[0], h.edges[-1]]} for h in rows[0]]
    traces = [bars for j, h in enumerate(rows[0]) for bars in _bars(j, h, h.centres, "%{x:.3g}", names[j][1])]
    traces += [_steps(j, h.centres, "%{x:.3g}", names[j][1]) for j, h in enumerate(rows[0]) if refitted]
    layout, narrow = _multiples(names, axes)
    layout["shapes"] = [_cut(j, 0.0) for j in range(len(axes))] if cuts else []
    common = {f"xaxis{nth(j)}.range": [-reach, reach] for j in range(len(axes))}
    own = {f"xaxis{nth(j)}.range": axis["range"] for j, axis in enumerate(axes)}

    def patch(i: int) -> Patch:
        moved = {f"shapes[{j}].{end}": x for j, cut in enumerate(cuts[i] if cuts else ()) for end, x in _ends(cut)}
        return Patch(
            _stacks(rows[i]) | _lines(rows[i], refitted, i),
            moved | _counted(rows[i], names, None if refitted is None else refitted[i]),
        )

    options = {
        LOG: _count_axes([(1, most) for most in np.max(_tops(rows, refitted), axis=0).tolist()]),
        COMMON: (common, own),
    }
    title = titled(f"Weights of each layer{_drawn_over(repair, refitted)}", len(axes), of)
    return live("distributions", title, traces, layout, patch, len(rows), narrow, options=options)


def _drawn_over(repair: str, refitted: Counts | None) -> str:
    return _before(repair) if refitted is None else ", and refitted as a line"


def _before(repair: str) -> str:
    return ", before refitting" if REPAIRS[repair].refits else ""


def around_the_cut(
    rows: Sequence[Sequence[Histogram]],
    cuts: Cuts,
    repair: str = AS_IS,
    refitted: Counts | None = None,
    of: int | None = None,
) -> LiveFigure:
    """The same weights close to zero, in multiples of the cut: visible also where the cut is thinner than a bar.

    The axes stay, as only traces are drawn again at a stop: heights are shares of the highest count, and the titles say
    what 1 is on either axis.
    """
    names = labelled([h.name for h in rows[0]], _LONGEST)
    centres = (np.arange(ZOOM_BINS) + 0.5) * 2 * ZOOM / ZOOM_BINS - ZOOM
    ticks = {"tickvals": [-3, 0, 3], "ticktext": [f"{wording.MINUS}3×", "0", "3×"], "tickangle": 0}
    axes: list[Spec] = [{"range": [-ZOOM, ZOOM], **ticks} for _ in names]
    where, count = "%{x:.2f} × %{meta}", "%{customdata:,}"
    traces = [bars for j, h in enumerate(rows[0]) for bars in _bars(j, h, centres, where, names[j][1], count)]
    traces += [_steps(j, centres, where, full, count) for j, (_, full) in enumerate(names) if refitted]
    layout, narrow = _multiples(names, axes)
    layout["shapes"] = [_cut(j, 1.0) for j in range(len(names))]
    for j in range(len(names)):
        layout[f"yaxis{nth(j)}"] |= {"showticklabels": False, "showgrid": False}
    tops = _tops(rows, refitted)

    def patch(i: int) -> Patch:
        units = [float(h.edges[-1]) / ZOOM for h in rows[i]]
        counts = _stacks(rows[i]) | _lines(rows[i], refitted, i)
        data = {n: _shares(y, units[j], tops[i][j]) for n, (j, y) in _of_layers(counts, len(names))}
        seen = {f"shapes[{j}].visible": cut > 0 for j, cut in enumerate(cuts[i])}
        return Patch(data, seen | _scales(names, cuts[i], units, tops[i]))

    title = titled(f"Around the threshold{_drawn_over(repair, refitted)}", len(names), of)
    options = {LOG: _count_axes([(1 / top, 1) for top in np.max(tops, axis=0).tolist()])}
    return live("zoom", title, traces, layout, patch, len(rows), narrow, options=options)


def _of_layers(counts: Mapping[int, Spec], layers: int) -> Iterator[tuple[int, tuple[int, list[int]]]]:
    """By trace, its layer and its counts: two traces of bars for each layer, then a line for each."""
    for trace, values in counts.items():
        yield trace, (trace // 2 if trace < 2 * layers else trace - 2 * layers, values["y"])


def _tops(rows: Sequence[Sequence[Histogram]], refitted: Counts | None) -> list[list[int]]:
    """At each stop the highest count of each layer, at least 1."""
    tops = [[max(1, int((h.kept + h.removed).max())) for h in row] for row in rows]
    for top, counts in zip(tops, refitted or (), strict=False):
        if counts is not None:
            top[:] = map(max, top, counts.max(axis=1).tolist())
    return tops


def _shares(counts: Sequence[int], unit: float, top: int) -> Spec:
    """The heights of a trace as shares of the highest count; what it says when hovered is the counts."""
    return {"y": [float(f"{n / top:.3g}") for n in counts], "customdata": counts, "meta": wording.magnitude(unit)}


def _scales(names: Names, cuts: Sequence[float], units: Sequence[float], tops: Sequence[int]) -> Spec:
    """The layers' titles: the weight that is 1 across, and the highest count."""
    return {
        f"annotations[{j}].text": f"{short}<br><sup>{'threshold' if cut else 'smallest weight'} "
        f"{wording.magnitude(unit)}</sup><br><sup>highest count {wording.count(top)}</sup>"
        for j, ((short, _), cut, unit, top) in enumerate(zip(names, cuts, units, tops, strict=True))
    }


def _multiples(names: Names, axes: Sequence[Spec]) -> tuple[Spec, Spec]:
    """The layout of small multiples, a panel a layer, and what differs on a narrow screen."""
    height, domains = cells(len(names), WIDE)
    layout = frame(height, barmode="stack", bargap=0, annotations=[], margin={"l": 8, "r": 8, "t": 54, "b": 8})
    for j, ((short, full), axis, (x, y)) in enumerate(zip(names, axes, domains, strict=True)):
        n = nth(j)
        layout[f"xaxis{n}"] = plain_axis(anchor=f"y{n}", domain=x, showgrid=False, **axis)
        layout[f"yaxis{n}"] = plain_axis(anchor=f"x{n}", domain=y, nticks=4, rangemode="tozero", tickformat=",")
        place = {"x": sum(x) / 2, "xanchor": "center", "xref": "paper", "y": y[1], "yanchor": "bottom", "yref": "paper"}
        hover = {"hovertext": full} if full != short else {}
        layout["annotations"].append({"text": short, "showarrow": False, "font": {"size": 13}, **place, **hover})
    narrow: Spec = {}
    narrow["height"], domains = cells(len(names), NARROW)
    for j, (x, y) in enumerate(domains):
        narrow |= {f"xaxis{nth(j)}.domain": x, f"yaxis{nth(j)}.domain": y}
        narrow |= {f"annotations[{j}].x": sum(x) / 2, f"annotations[{j}].y": y[1]}
    return layout, narrow


def _count_axes(ranges: Sequence[tuple[float, float]]) -> tuple[Spec, Spec]:
    """The layout with logarithmic counts, and with linear ones, of each layer from its lowest bar to its highest."""
    log: Spec = {f"yaxis{nth(j)}.type": "log" for j in range(len(ranges))}
    linear: Spec = {f"yaxis{nth(j)}.type": "linear" for j in range(len(ranges))}
    for j, (low, high) in enumerate(ranges):
        log[f"yaxis{nth(j)}.range"] = [math.log10(low / 2), math.log10(2 * high)]
        linear[f"yaxis{nth(j)}.range"] = [0, 1.05 * high]
    return log, linear


def _counted(histograms: Sequence[Histogram], names: Names, refitted: NDArray[np.int64] | None) -> Spec:
    """The layers' titles: how many weights are removed, how many exact zeros and refitted weights are not drawn."""
    texts = {}
    for j, h in enumerate(histograms):
        removed, of = (wording.count(int(n)) for n in (h.removed.sum(), h.removed.sum() + h.kept.sum()))
        outside = 0 if refitted is None else int(h.kept.sum() + h.zeros - refitted[j].sum())
        left_out = {"exact zeros": h.zeros, "refitted": max(outside, 0)}
        counted = ", ".join(f"{wording.count(n)} {what}" for what, n in left_out.items() if n)
        lines = [f"{removed} of {of} removed", *([f"{counted} not drawn"] if counted else [])]
        texts[f"annotations[{j}].text"] = names[j][0] + "".join(f"<br><sup>{line}</sup>" for line in lines)
    return texts


def _bars(
    j: int, h: Histogram, x: NDArray[np.float64], where: str, name: str, count: str = "%{y:,}"
) -> tuple[Spec, Spec]:
    """Removed and kept weights of the j-th layer; when hovered, `where` says x, `count` y, and `name` is its label."""
    removed, kept = (
        {
            "type": "bar", "x": x.tolist(), "y": counts.tolist(), "width": float(x[1] - x[0]), "xaxis": f"x{nth(j)}",
            "yaxis": f"y{nth(j)}", "marker": {"color": colour, "line": {"width": 0}},
            "hovertemplate": f"{count} {what} at {where}<extra>{name}</extra>", **on_hover(name),
        }
        for counts, colour, what in ((h.removed, PRUNED, "removed"), (h.kept, GREY, "kept"))
    )  # fmt: skip
    return removed, kept


def _steps(j: int, x: NDArray[np.float64], where: str, name: str, count: str = "%{y:,}") -> Spec:
    """The refitted weights of the j-th layer, a step for each bar; when hovered, as `_bars`."""
    return {
        "type": "scatter", "mode": "lines", "x": x.tolist(), "y": [0] * x.size, "xaxis": f"x{nth(j)}",
        "yaxis": f"y{nth(j)}", "line": {"color": REPAIRED, "width": 1.5, "shape": "hvh"},
        "hovertemplate": f"{count} refitted at {where}<extra>{name}</extra>", **on_hover(name),
    }  # fmt: skip


def _lines(histograms: Sequence[Histogram], refitted: Counts | None, i: int) -> dict[int, Spec]:
    """The refitted weights at the stop `i`, by their traces; a line without points where they are not known."""
    if refitted is None:
        return {}
    known = refitted[i]
    ys: list[list[int]] = [[]] * len(histograms) if known is None else [counts.tolist() for counts in known]
    return {2 * len(histograms) + j: {"y": y} for j, y in enumerate(ys)}


def _cut(j: int, cut: float) -> Spec:
    """A band over the weights up to the cut in the j-th layer."""
    span = {"xref": f"x{nth(j)}", "y0": 0, "y1": 1, "yref": f"y{nth(j)} domain"}
    return {"type": "rect", "fillcolor": CUT, "line": {"color": PRUNED, "width": 1}, **span, **dict(_ends(cut))}


def _ends(cut: float) -> tuple[tuple[str, Any], ...]:
    """The attributes of a band that the cut moves; without a cut there is none."""
    return ("x0", -cut), ("x1", cut), ("visible", cut > 0)


def _stacks(histograms: Sequence[Histogram]) -> dict[int, Spec]:
    counts = (c.tolist() for h in histograms for c in (h.removed, h.kept))
    return {trace: {"y": y} for trace, y in enumerate(counts)}


KERNELS = 24
"""The number of filters, and of their inputs, drawn at once; more would be smaller than a pixel."""


def kernel_maps(
    name: str,
    kernel: NDArray[np.float32],
    since: NDArray[np.int64],
    first: tuple[int, int] = (0, 0),
    repair: str = AS_IS,
) -> LiveFigure:
    """The kernels of a convolution as heat maps: one row per filter, one column per input; pruned weights are covered.

    Filters of a single input stand side by side.

    Args:
        name: the layer's.
        kernel: (F, C, H, W) dense weights.
        since: (F, C, H, W), the stop from which on each weight is pruned.
        first: the filter and the input, from 0, that the window of `KERNELS` by `KERNELS` begins with.
        repair: the name of what follows the pruning; if it changes weights, the title says that these are the former.
    """
    (f, to_f), (c, to_c) = ((at, min(at + KERNELS, n)) for at, n in zip(first, kernel.shape[:2], strict=True))
    rows, columns = ("Filter", f, to_f), ("Input", c, to_c)
    shown, when = kernel[f:to_f, c:to_c], since[f:to_f, c:to_c]
    if kernel.shape[1] == 1:
        shown, when, rows, columns = shown.swapaxes(0, 1), when.swapaxes(0, 1), columns, rows
    height, width = kernel.shape[2:]
    pixels = (8 if height + width > 2 else 16) * len(shown) * (height + _gap(kernel))
    square = {"showgrid": False, "constrain": "domain"}
    down, across = _numbered(*rows[1:], height, _gap(kernel)), _numbered(*columns[1:], width, _gap(kernel))
    layout = frame(
        70 + max(pixels, 40),
        xaxis=plain_axis(columns[0], **square, **across),
        yaxis=plain_axis(rows[0], **square, **down, scaleanchor="x"),
    )
    parts = (f"filters {f + 1} to {to_f} of {len(kernel)}", f"inputs {c + 1} to {to_c} of {kernel.shape[1]}")
    title = f"Kernels of {_in_words(name)}{_before(repair)}: {', '.join(parts)}"
    return _heat(name, title, shown, when, layout)


FEW = 32
"""Kernels that the Overview shows, as pictures that can be told apart."""


def few_kernels(name: str, kernel: NDArray[np.float32], since: NDArray[np.int64], repair: str = AS_IS) -> LiveFigure:
    """The first `FEW` kernels of a convolution in a square; (F, C, H, W) and the rest as for `kernel_maps`."""
    flat, when = (part.reshape(-1, *kernel.shape[2:])[:FEW] for part in (kernel, since))
    side = math.ceil(math.sqrt(len(flat)))
    rows = math.ceil(len(flat) / side)
    shown, at = (np.full((rows * side, *kernel.shape[2:]), None, object) for _ in range(2))
    shown[: len(flat)], at[: len(flat)] = flat, when
    hidden = {"visible": False, "constrain": "domain"}
    layout = frame(230, xaxis=hidden, yaxis={**hidden, "scaleanchor": "x"})
    layout["margin"] = {"l": 0, "r": 0, "t": 4, "b": 4}
    count = "" if len(flat) == kernel.shape[0] * kernel.shape[1] else f"the first {len(flat)} "
    title = f"{count}kernels of {_in_words(name)}{_before(repair)}"
    shape = (rows, side, *kernel.shape[2:])
    return _heat(name, title[0].upper() + title[1:], shown.reshape(shape), at.reshape(shape), layout)


def _in_words(name: str) -> str:
    """A layer's name within a title, which is plain text."""
    return wording.isolated(shortened([layer_title(name)], 2 * LONGEST)[0])


def _heat(layer: str, title: str, shown: NDArray[Any], when: NDArray[Any], layout: Spec) -> LiveFigure:
    """Kernels (rows, columns, H, W) as heat maps, each weight covered from stop `when` on; None is empty."""
    full, lines = layer_title(layer), {} if _gap(shown) else {"xgap": 1, "ygap": 1}
    extra = label(full) if _in_words(layer) != wording.isolated(full) else ""
    reach = max((abs(float(w)) for w in shown.flat if w is not None), default=0.0) or 1.0
    tiles = _tiled(shown)
    layout["xaxis"]["range"], layout["yaxis"]["range"] = [-0.5, len(tiles[0]) - 0.5], [len(tiles) - 0.5, -0.5]
    weights = {
        "type": "heatmap", "z": tiles, "zmin": -reach, "zmax": reach, "showscale": False, "hoverongaps": False,
        "colorscale": [[0, DENSE], [0.5, "rgba(138, 143, 152, 0.12)"], [1, GAINED]],
        "hovertemplate": f"weight %{{z:.3g}}<extra>{extra}</extra>", **on_hover(extra), **lines,
    }  # fmt: skip
    pruned = {
        "type": "heatmap", "z": [], "zmin": 0, "zmax": 1, "showscale": False, "hoverinfo": "skip", "name": "pruned",
        "colorscale": [[0, PRUNED], [1, PRUNED]], **lines,
    }  # fmt: skip
    return LiveFigure("kernels", title, {"data": [weights, pruned], "layout": layout}, since={1: _tiled(when)})


def _tiled(kernels: NDArray[Any]) -> list[list[Any]]:
    """(F, C, H, W) side by side as rows, with an empty row and column between two kernels larger than 1 x 1."""
    f, c, h, w = kernels.shape
    gap = _gap(kernels)
    tiles = np.full((f, h + gap, c, w + gap), None, object)
    tiles[:, :h, :, :w] = kernels.transpose(0, 2, 1, 3).astype(object)
    rows: list[list[Any]] = tiles.reshape(f * (h + gap), c * (w + gap))[
        : f * (h + gap) - gap, : c * (w + gap) - gap
    ].tolist()
    return rows


def _gap(kernels: NDArray[Any]) -> int:
    """Empty cells between two kernels (F, C, H, W): none between single weights, which form a matrix."""
    return int(kernels.shape[2:] != (1, 1))


def _numbered(start: int, stop: int, size: int, gap: int) -> Spec:
    """Ticks under the middles of the first of these kernels, and of every eighth."""
    shown = [start, *range(start + 7, stop, 8)]
    return {
        "tickvals": [(i - start) * (size + gap) + (size - 1) / 2 for i in shown],
        "ticktext": [str(i + 1) for i in shown],
    }
