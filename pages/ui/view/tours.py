"""The tours: what PruneLab is, in five steps on the real page, for first-time visitors."""

from pages.ui.components.tour import Step

_NETWORK = Step(
    ".st-key-picker .stSelectbox",
    "This is the network. It names the clothing in a picture by multiplying the picture's pixels by many thousand "
    "numbers, its weights.",
)
_SLIDER = Step(
    ".live-panel .control",
    "Pruning sets some of the weights to zero, here those closest to zero first, in the hope that they are not needed. "
    "The slider sets how many: a handful at 0.01\N{NO-BREAK SPACE}%, nine of ten at 90\N{NO-BREAK SPACE}%. Drag it "
    "now, or press play.",
)
_ANSWER = Step(
    ".live-panel .answer",
    "This is what it cost, counted on pictures that the network was not trained on. Where accuracy fell, it says "
    "whether chance alone could explain that.",
)
_WALL = Step(
    ".live-panel .wall canvas",
    "Each picture turns when the network's answer to it changes: − is a correct answer lost, + is one gained. Click a "
    "picture to see what happened to it.",
)
_CURVE = Step(
    "figure:has(#plot-curve)",
    "The curve has the accuracy at every stop of the slider, and a mark at the one that you see. Click a point to go "
    "there.",
)
_REPAIR = Step(
    ".st-key-picked-repair",
    "Much of the damage can be repaired, without a label and without training. Choose another of these, and all "
    "numbers and pictures follow. Share keeps what you see as a link.",
)

TOURS = {
    "overview.py": (_NETWORK, _SLIDER, _ANSWER, _WALL, _REPAIR),
    "prune.py": (_NETWORK, _SLIDER, _ANSWER, _CURVE, _REPAIR),
}
"""By the script of a page."""
