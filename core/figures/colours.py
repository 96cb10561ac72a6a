"""The roles of colours (Okabe and Ito), the same in every figure and both modes."""

from core.pruning import AS_IS

DENSE = "#0072B2"
PRUNED = "#D55E00"
REPAIRED = "#56B4E9"
GAINED = "#009E73"
LOST = "#CC79A7"
GREY = "#8A8F98"
CUT = "rgba(213, 94, 0, 0.18)"
MENDED = "rgba(86, 180, 233, 0.25)"
GRID = "rgba(138, 143, 152, 0.25)"

SERIES = (
    (PRUNED, "solid", "circle"),
    (GREY, "dot", "x"),
    (DENSE, "dash", "square"),
    (GAINED, "dashdot", "diamond"),
    (LOST, "longdash", "triangle-up"),
    ("#E69F00", "solid", "cross"),
    (REPAIRED, "dash", "star"),
    ("#A08C00", "longdashdot", "pentagon"),
)
"""Colour (Okabe and Ito, their yellow darker), dash and symbol of each of several lines, so that none depends on colour
alone."""


def after(repair: str) -> str:
    """The colour of the network after pruning and a repair, by its name."""
    return PRUNED if repair == AS_IS else REPAIRED
