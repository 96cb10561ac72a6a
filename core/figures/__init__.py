"""Results in, plotly figures out.

A figure that the slider drives is a `LiveFigure`: a base, and for each stop a patch with what differs there. The panel
applies patches in the browser, `LiveFigure.at` applies them here. They are written in plotly.js's own form, because
plotly.py takes most of a second to check them; the tests do that.

Colours have roles, the same in every figure and both modes. Backgrounds are transparent, fonts are left to the theme
and colour scales run through transparency, so one figure serves light and dark. Every coloured mark also has a number,
a sign or a label.
"""

from core.figures.answers import feature_maps, first_changes, probabilities, rates, story
from core.figures.base import LiveFigure, SparsityAxis, Spec, layer_title
from core.figures.confidence import Confident, confidence_curve, reliability
from core.figures.curves import Beside, accuracy_curve, layer_shares
from core.figures.frontier import frontier, place
from core.figures.labels import label, named
from core.figures.matrices import confusion, confusion_difference, outcomes
from core.figures.payers import brought_back
from core.figures.static import learning_curves
from core.figures.storage import CODERS, TITLES, bytes_at_stop, bytes_over_sparsity, title
from core.figures.study import bands, readings, sensitivity, where
from core.figures.tradeoff import METHODS, accuracy_over_bytes, accuracy_over_time
from core.figures.wall import Wall, wall
from core.figures.weights import (
    COMMON,
    KERNELS,
    LOG,
    Counts,
    around_the_cut,
    distributions,
    few_kernels,
    kernel_maps,
)

__all__ = [
    "CODERS",
    "COMMON",
    "KERNELS",
    "LOG",
    "METHODS",
    "TITLES",
    "Beside",
    "Confident",
    "Counts",
    "LiveFigure",
    "SparsityAxis",
    "Spec",
    "Wall",
    "accuracy_curve",
    "accuracy_over_bytes",
    "accuracy_over_time",
    "around_the_cut",
    "bands",
    "brought_back",
    "bytes_at_stop",
    "bytes_over_sparsity",
    "confidence_curve",
    "confusion",
    "confusion_difference",
    "distributions",
    "feature_maps",
    "few_kernels",
    "first_changes",
    "frontier",
    "kernel_maps",
    "label",
    "layer_shares",
    "layer_title",
    "learning_curves",
    "named",
    "outcomes",
    "place",
    "probabilities",
    "rates",
    "readings",
    "reliability",
    "sensitivity",
    "story",
    "title",
    "wall",
    "where",
]
