"""Is the network as confident as it is accurate? A readout and a row of figures."""

from collections.abc import Sequence

from core import figures
from core.evaluation import Labels
from core.evaluation.answers import row_with
from core.evaluation.calibration import change, overconfidence, reliability
from core.evaluation.profile import Profile
from core.panels.base import Placed, Readout, readout
from core.words import confidence as words


def confidence(profile: Profile, labels: Labels, others: Sequence[Profile] = ()) -> tuple[Readout, tuple[Placed, ...]]:
    """The calibration error of a profile, next to that of `others`, the same weights followed by other repairs."""
    bins, over = reliability(profile, labels), overconfidence(profile, labels)
    stops, also = bins.stops, _beside(profile, labels, others)
    texts = ((words.errors(stops[0].error, stop.error), words.means(stop)) for stop in stops)
    curve = figures.confidence_curve(profile, stops, over, also)
    bars = figures.reliability(bins, over, profile.pruning.repair)
    return readout("Calibration error", "Calibration error", texts), (Placed(curve, 7), Placed(bars, 5))


def _beside(profile: Profile, labels: Labels, others: Sequence[Profile]) -> figures.Confident:
    """The other repairs at the stops of a profile."""
    found = {}
    for other in others:
        stops, rows = reliability(other, labels).stops, [row_with(other, k) for k in profile.k]
        changes = change(profile, other, rows, labels)
        found[other.pruning.repair] = [
            (stops[row], gap) if row is not None and gap is not None else None
            for row, gap in zip(rows, changes, strict=True)
        ]
    return found
