"""The roles of colours (Okabe and Ito), the same in every figure and both modes."""

DENSE = "#0072B2"
PRUNED = "#D55E00"
GAINED = "#009E73"
GREY = "#8A8F98"
CUT = "rgba(213, 94, 0, 0.18)"
GRID = "rgba(138, 143, 152, 0.25)"
