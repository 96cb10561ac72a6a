"""Everything that the slider drives for one profile: figures, numbers and sentences, one value for each stop.

The result is plain JSON for the live panel in the browser, which knows nothing of pruning.
"""

from core.panels.answers import answers, classwise
from core.panels.base import Mark, Panel, Placed, Readout, answer, to_json
from core.panels.card import CARD, Stop, card
from core.panels.prune import convolutions, kernels, pruning
from core.panels.storage import storage
from core.panels.story import story
from core.panels.wall import IMAGES, wall

__all__ = [
    "CARD",
    "IMAGES",
    "Mark",
    "Panel",
    "Placed",
    "Readout",
    "Stop",
    "answer",
    "answers",
    "card",
    "classwise",
    "convolutions",
    "kernels",
    "pruning",
    "storage",
    "story",
    "to_json",
    "wall",
]
