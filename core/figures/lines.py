"""What the lines of networks over the stops share: the colour and dash of each repair, marks and levels."""

from typing import Any

from core.figures.base import Spec
from core.figures.colours import DENSE, after
from core.pruning import AS_IS, REPAIRS


def repair_line(repair: str, axes: str, **style: Any) -> Spec:
    """What the lines of a repair share: its colour, its name, and a dash, so that none depends on colour alone."""
    return {
        "type": "scatter", "xaxis": f"x{axes}", "yaxis": f"y{axes}", "name": REPAIRS[repair].title, "hoverinfo": "text",
        "line": {"color": after(repair), **style}, "showlegend": not axes, "legendrank": [*REPAIRS].index(repair),
    }  # fmt: skip


def repair_dash(repair: str, otherwise: str) -> str:
    """Of a repair's line; `otherwise` is that of the network as it is."""
    return otherwise if repair == AS_IS else "solid" if REPAIRS[repair].refits else "dash"


def diamond(repair: str, x: float, y: float, axes: str) -> Spec:
    """Marks a value of the chosen stop."""
    marker = {"color": after(repair), "size": 13, "symbol": "diamond", "line": {"color": "white", "width": 1.5}}
    return {
        "type": "scatter", "x": [x], "y": [y], "xaxis": f"x{axes}", "yaxis": f"y{axes}", "mode": "markers",
        "marker": marker, "hoverinfo": "skip", "name": "mark", "showlegend": False,
    }  # fmt: skip


def dense_level(y: float, axes: str) -> Spec:
    """The dense network's level, a horizontal line over the whole width of one panel."""
    span = {"x0": 0, "x1": 1, "xref": f"x{axes} domain", "y0": y, "y1": y, "yref": f"y{axes}"}
    return {"type": "line", "line": {"color": DENSE, "dash": "dot", "width": 1.5}, **span}
