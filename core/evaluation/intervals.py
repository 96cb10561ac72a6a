"""Intervals and tests: Wilson, Bonett and Price, McNemar, Holm, Student. Pure functions of numbers."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, stdtrit

_Z = 1.959963984540054  # 97.5 % quantile of the normal distribution
_Z_ROUNDED = 1.96  # the evaluation contract states the paired interval with this value


def wilson(right: int, n: int) -> tuple[float, float]:
    """Ends of Wilson's 95 % score interval (1927) of right / n."""
    p, z2 = right / n, _Z**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    return centre - half if right else 0.0, centre + half if right < n else 1.0


def bonett_price(lost: int, gained: int, n: int) -> tuple[float, float]:
    """Ends of Bonett and Price's adjusted Wald 95 % interval (2012) of (gained - lost) / n, within -1 and 1."""
    p, q = (lost + 1) / (n + 2), (gained + 1) / (n + 2)
    half = _Z_ROUNDED * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return max(q - p - half, -1.0), min(q - p + half, 1.0)


def mcnemar(lost: int, gained: int) -> float:
    """P-value of the exact McNemar test, two-sided; 1 with no discordant image.

    Equals scipy.stats.binomtest(lost, lost + gained).pvalue: at one half the distribution is symmetric, so that two
    tails are twice the lower one. Importing scipy.stats would cost the web server 50 MB and a second.
    """
    if lost == gained:
        return 1.0
    return min(1.0, 2 * float(betainc(max(lost, gained), min(lost, gained) + 1, 0.5)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for their number, in their order: Holm, "A simple sequentially rejective procedure", 1979."""
    adjusted, highest = dict[int, float](), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, (len(p_values) - rank) * p_values[i])
        adjusted[i] = min(highest, 1.0)
    return tuple(adjusted[i] for i in range(len(p_values)))


def student(values: NDArray[np.float64], *, one_more: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and half width of Student's 95 % interval over the first axis; a single value has half width 0.

    Args:
        values: (n, ...), one row for each network.
        one_more: for the prediction interval of one more value, rather than the interval of the mean.
    """
    n, mean = len(values), np.asarray(values.mean(axis=0))
    if n == 1:
        return mean, np.zeros_like(mean)
    half = stdtrit(n - 1, 0.975) * values.std(axis=0, ddof=1)
    return mean, np.asarray(half * np.sqrt(1 + 1 / n) if one_more else half / np.sqrt(n))
