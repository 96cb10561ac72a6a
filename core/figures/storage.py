"""What a pruned network takes: bytes over sparsity, and every way of writing it down at one stop."""

import numpy as np

from core.cost.ledger import COMPACT, ENTRIES, Entry, Ledger
from core.cost.ledger import DENSE as DENSE_ENTRY
from core.figures.base import LiveFigure, Patch, SparsityAxis, Spec, frame, live, plain_axis, upright
from core.figures.colours import DENSE, GAINED, GREY, PRUNED
from core.figures.labels import names_axis
from core.words import wording

TITLES = {
    "dense": "Dense",
    "bitmask": "Bitmask and values",
    "csr64": "CSR, int64",
    "csr32": "CSR, int32",
    "csr16": "CSR, 16-bit columns",
    "coo": "COO, as torch",
    "gaps": "Gaps and values",
    "compact": "Compact (ours)",
}
"""Encodings as they are called on the screen."""

CODERS = {"none": "as it is", "gzip": "gzip", "zstd": "zstd"}
"""What the bytes go through."""

_LINES: dict[str, Spec] = {
    "dense": {"color": DENSE, "dash": "solid", "width": 2},
    "bitmask": {"color": GAINED, "dash": "dash", "width": 2},
    "csr64": {"color": GREY, "dash": "dot", "width": 1.5},
    "csr32": {"color": GREY, "dash": "dash", "width": 1.5},
    "csr16": {"color": GREY, "dash": "solid", "width": 1.5},
    "coo": {"color": "#CC79A7", "dash": "dashdot", "width": 1.5},
    "gaps": {"color": "#E69F00", "dash": "longdash", "width": 1.5},
    "compact": {"color": PRUNED, "dash": "solid", "width": 3},
}
_SYMBOLS = {"none": "circle-open", "gzip": "triangle-up", "zstd": "square"}


def title(entry: Entry) -> str:
    """`CSR, int32`; of another type than float32 `Dense, int8`."""
    name = TITLES[entry.encoding]
    return name if entry.type == "float32" else f"{name}, {entry.type}"


def bytes_over_sparsity(ledger: Ledger) -> LiveFigure:
    """Bytes of each lossless encoding, and of the unpruned network through zstd; the stop is a line."""
    axis = SparsityAxis.over(ledger.sparsity)
    x = [axis.place(s) for s in ledger.sparsity]
    plain = [entry for entry in ENTRIES if entry.lossless and entry.coder == "none"]
    traces: list[Spec] = [_line(ledger, entry, x) for entry in plain]
    control = ledger.unpruned[Entry("float32", "dense", "zstd").key]
    traces.append(
        {
            "type": "scatter", "mode": "lines", "x": [x[0], x[-1]], "y": [control, control],
            "name": "Unpruned, zstd", "line": {"color": DENSE, "dash": "dot", "width": 2},
            "hovertext": [f"the unpruned network through zstd: {wording.size(control)}"] * 2, "hoverinfo": "text",
        }
    )  # fmt: skip
    low = max(1, min(int(ledger.bytes[entry.key].min()) for entry in plain))
    high = max(int(ledger.bytes[entry.key].max()) for entry in plain)
    layout = frame(
        460,
        xaxis=axis.layout("Sparsity, % (logit scale)"),
        yaxis=plain_axis(
            "Bytes (logarithmic)", type="log", range=[np.log10(low) - 0.1, np.log10(high) + 0.1], dtick=1,
            exponentformat="power",
        ),
        shapes=[upright(x[0], PRUNED, "")],
        showlegend=True,
        legend={"orientation": "h", "y": -0.2},
    )  # fmt: skip

    def patch(i: int) -> Patch:
        return Patch({}, {"shapes[0].x0": x[i], "shapes[0].x1": x[i]})

    lines = tuple(range(len(plain)))
    return live("bytes", "Bytes over sparsity", traces, layout, patch, len(x), axis.narrow("xaxis"), stops_of=lines)


def _line(ledger: Ledger, entry: Entry, x: list[float]) -> Spec:
    taken = ledger.bytes[entry.key]
    hover = [
        f"{title(entry)} at {wording.sparsity(s)}: {wording.size(n)}"
        for s, n in zip(ledger.sparsity, taken.tolist(), strict=True)
    ]
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": taken.tolist(), "name": title(entry),
        "line": _LINES[entry.encoding], "hovertext": hover, "hoverinfo": "text",
    }  # fmt: skip


def bytes_at_stop(ledger: Ledger) -> LiveFigure:
    """Every line of the ledger at one stop: a row an encoding and type, a symbol a compressor, bytes across."""
    rows = list(dict.fromkeys(title(entry) for entry in ENTRIES))
    groups = {coder: [entry for entry in ENTRIES if entry.coder == coder] for coder in CODERS}
    dense = int(ledger.unpruned[DENSE_ENTRY.key])
    traces: list[Spec] = [
        {
            "type": "scatter", "mode": "markers", "name": CODERS[coder], "y": [title(entry) for entry in entries],
            "x": [ledger.unpruned[entry.key] for entry in entries], "hoverinfo": "text",
            "marker": {
                "symbol": _SYMBOLS[coder], "size": 11, "line": {"width": 2},
                "color": [PRUNED if entry == COMPACT else GREY if entry.lossless else GAINED for entry in entries],
            },
        }
        for coder, entries in groups.items()
    ]  # fmt: skip
    high = max(int(taken.max()) for taken in ledger.bytes.values())
    low = max(1, min(int(taken.min()) for taken in ledger.bytes.values()))
    layout = frame(
        460,
        xaxis=plain_axis(
            "Bytes (logarithmic)", type="log", range=[np.log10(low) - 0.1, np.log10(high) + 0.1], dtick=1, tickangle=0,
            exponentformat="power",
        ),
        yaxis=names_axis(rows, down=True, range=[-0.6, len(rows) - 0.4], tickfont={"size": 11}, showgrid=True),
        shapes=[upright(dense, DENSE, "", dash="dot", width=1.5)],
        showlegend=True,
        legend={"orientation": "h", "y": -0.2},
    )  # fmt: skip

    def patch(i: int) -> Patch:
        data: dict[int, Spec] = {}
        for j, entries in enumerate(groups.values()):
            taken = [int(ledger.bytes[entry.key][i]) for entry in entries]
            hover = [
                f"{title(entry)}, {CODERS[entry.coder]}: {wording.size(n)}"
                for entry, n in zip(entries, taken, strict=True)
            ]
            data[j] = {"x": taken, "hovertext": hover}
        return Patch(data)

    return live("ledger", "Every encoding at this stop", traces, layout, patch, len(ledger.k), {"xaxis.dtick": 2})
