"""How far confidence and accuracy are apart, in words."""

from core.evaluation.calibration import Confidence, Gap
from core.words import wording


def error(fraction: float) -> str:
    """`25.6 pp`: an expected calibration error, with one decimal, as its bins allow no finer reading."""
    return f"{_tenths(fraction)}{wording.NBSP}pp"


def errors(before: float, after: float) -> str:
    """`3.7 → 25.6 pp`."""
    return f"{_tenths(before)} → {error(after)}"


def _tenths(fraction: float) -> str:
    return wording.decimal(100 * fraction, 1, 100.0)


def mean(c: Confidence) -> str:
    """`mean confidence 67.12 %`."""
    return f"mean confidence {wording.probability(c.mean)}"


def means(c: Confidence) -> str:
    """`mean confidence 67.12 %, accuracy 92.70 %`."""
    return f"{mean(c)}, accuracy {wording.percent(c.accuracy)}"


def gap(g: Gap) -> str:
    """`−25.58 pp [−26.06, −25.10]`: confidence minus accuracy with its 95 % interval."""
    return f"{wording.points(g.value)} {wording.interval(g.low, g.high)}"


def verdict(g: Gap) -> str:
    """Whether a network is over- or underconfident, never stronger than the interval allows."""
    if not g.significant:
        return "may be chance"
    return "overconfident" if g.value > 0 else "underconfident"
