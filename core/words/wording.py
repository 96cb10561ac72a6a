"""Numbers and results in words: one format for each kind of number, one sentence for each result.

Percentages of a whole end in `%`, differences of percentages in `pp`; minus signs are true minus signs (U+2212).
Nothing reads as 0 or 100 % unless it is exactly that: counts and shares get more decimals (`decimal`), probabilities
are shown as less or more than a bound (`bounded`). Zero has no sign.
"""

import math
import re
from collections.abc import Sequence

from core.errors import PruningError
from core.evaluation import Comparison, Proportion

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"

_NOISE = 5e-9
"""A smaller difference of two fractions is rounding: no data set has enough images for one image to make it."""


def decimal(value: float, decimals: int, *borders: float) -> str:
    """`0.12`, `−1,204.50`: with more decimals if it would otherwise read as 0 or one of `borders`."""
    sign, size = MINUS if value < 0 else "", abs(value)
    if 0 < size < 1e-6:
        return f"{sign}{size:.2g}"
    text = f"{size:,.{decimals}f}"
    while (read := float(text.replace(",", ""))) != size and read in (0.0, *borders):
        decimals += 1
        text = f"{size:,.{decimals}f}"
    return f"{sign}{text}"


def bounded(value: float, decimals: int, top: float = math.inf) -> str:
    """A value that lies between 0 and `top` but never reaches them: `< 0.01`, `> 99.99`."""
    least = 10.0**-decimals
    if round(value, decimals) <= 0:
        return f"< {least:.{decimals}f}"
    return f"> {top - least:.{decimals}f}" if round(value, decimals) >= top else f"{value:.{decimals}f}"


def count(n: float) -> str:
    """`421,642`."""
    return decimal(n, 0)


def counted(n: int, noun: str) -> str:
    """`1 round`, `9 rounds`, `16 sparsities`."""
    plural = f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count(n)} {noun if n == 1 else plural}"


def signed(n: int) -> str:
    """`+3`, `−12`: a difference of counts with its sign."""
    return f"{'+' if n > 0 else ''}{n:,}".replace("-", MINUS)


def size(n: float) -> str:
    """`957,956 bytes`: exact, because savings can be small."""
    text = count(n)
    return f"{text}{NBSP}byte{'' if text == '1' else 's'}"


def percent(fraction: float, decimals: int = 2) -> str:
    """`92.50 %` from 0.925."""
    return f"{decimal(100 * fraction, decimals, 100.0)}{NBSP}%"


def percents(low: float, high: float) -> str:
    """`[92.00, 93.00] %`: an interval of percentages, from fractions."""
    return f"[{decimal(100 * low, 2, 100.0)}, {decimal(100 * high, 2, 100.0)}] %"


def probability(p: float, decimals: int = 2) -> str:
    """`97.31 %`, `< 0.01 %`, `> 99.99 %`: no network is ever wholly certain, however its answer was rounded."""
    return f"{bounded(100 * p, decimals, 100.0)}{NBSP}%"


def sparsity(fraction: float) -> str:
    """`0.01 %`, `12.5 %`: up to four decimals; more near 0 and 100, to which nothing else is rounded."""
    return f"{_plain(100 * fraction)}{NBSP}%"


def _plain(value: float) -> str:
    distance = min(value, 100 - value)
    if distance <= 0 or value < 1e-6:
        return f"{value:.4g}"
    digits = max(4, 3 - math.floor(math.log10(distance)))
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def points(difference: float, decimals: int = 2) -> str:
    """`+0.12 pp` or a true minus sign; zero has no sign."""
    return f"{_signed(difference, decimals)}{NBSP}pp"


def deviation(sd: float, decimals: int = 2) -> str:
    """` ± 0.12`: a standard deviation of fractions, in hundredths."""
    return f" ± {_signed(sd, decimals).removeprefix('+')}"


def interval(low: float, high: float) -> str:
    """`[−0.21, −0.03]`, in percentage points, from fractions."""
    return f"[{_signed(low, 2)}, {_signed(high, 2)}]"


def _signed(difference: float, decimals: int) -> str:
    value = 100 * difference if abs(difference) > _NOISE else 0.0
    return f"{'+' if value > 0 else ''}{decimal(value, decimals, 100.0)}"


def around_zero(margin: float) -> str:
    """`±0.5 pp`: a margin on both sides of zero, from a fraction."""
    return f"±{100 * margin:.10g} pp"


def spread(p: Proportion) -> str:
    """`95 % interval [92.00, 93.00] %`: Wilson's 95 % interval of an accuracy alone."""
    return f"95 % interval {percents(p.low, p.high)}"


def relation(p: float) -> str:
    """A p-value with its relation: `= 0.031`, below a thousandth `< 0.001`, and just below one `> 0.999`."""
    if p < 0.001 or p >= 1:
        return "= 1" if p >= 1 else "< 0.001"
    text = bounded(p, 3, 1.0)
    return text if text.startswith(">") else f"= {text}"


def unbroken(text: str) -> str:
    """A text that stays on one line: its spaces do not break."""
    return text.replace(" ", NBSP)


def magnitude(value: float) -> str:
    """A threshold on |w|: `3.1e-05`, `0.012`."""
    return "0" if value == 0 else f"{value:.2g}"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{decimal(seconds, 0)} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def time_left(seconds: float, done: float, rest: float) -> str:
    """`, about 3 min left`, if the rest goes on as what was done in so many seconds; empty if nothing was done."""
    return f", about {duration(seconds / done * rest)} left" if done else ""


def accuracy(proportion: Proportion) -> str:
    """`92.50 % (9,250 of 10,000)`."""
    return f"{percent(proportion.value)} ({count(proportion.right)} of {count(proportion.n)})"


def removed(k: int, total: int) -> str:
    """`42 of 421,642 weights`."""
    return f"{count(k)} of {count(total)} weights"


def difference(c: Comparison) -> str:
    """`−0.12 pp [−0.21, −0.03]`: the paired difference in accuracy with its 95 % interval."""
    return f"{points(c.difference)} {interval(c.low, c.high)}"


def answer(k: int, total: int, comparison: Comparison, after: str = "") -> str:
    """The result of pruning in words, never stronger than the paired interval allows; `after` as in ` (refitted)`."""
    c = comparison
    opening = f"{removed(k, total)} set to zero{after}."
    if c.changed == 0:
        return f"{opening} None of {count(c.n)} answers changed."
    changed = f"{count(c.changed)} of {count(c.n)} answers changed"
    return f"{opening} {changed}: {count(c.lost)} correct answers lost, {count(c.gained)} gained. {verdict(c)}"


def verdict(c: Comparison) -> str:
    """Whether accuracy rose or fell, or may have changed by chance, with the paired difference."""
    if not c.significant:
        return f"The difference in accuracy, {difference(c)}, may be chance."
    return f"Accuracy {'rose' if c.difference > 0 else 'fell'} by more than chance would explain: {difference(c)}."


def isolated(name: str) -> str:
    """A name within a sentence: characters in it that change the direction of writing have no effect beyond it."""
    turns = len(_TURNS.findall(name))
    return f"{_ISOLATE * turns}{name}{_END * 2 * turns}"


_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ISOLATE, _END = "\u2068", "\u2069"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def few(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c`, `a, b, c and 4 more`."""
    more = f" and {count(len(names) - most)} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


_WHOLE = r"(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)"  # a comma only between thousands: 0,01 is no 1
_PERCENTAGE = re.compile(rf"((?:{_WHOLE}(?:\.[0-9]*)?|\.[0-9]+)(?:e-?[0-9]{{1,3}})?)\s*%?", re.I)
_WEIGHTS = re.compile(rf"({_WHOLE})\s*weights?", re.I)
_LONGEST = 40
"""Characters of a typed sparsity."""


def read_sparsity(text: str, total: int) -> float:
    """The sparsity in [0, 1] that a visitor typed: `0.01`, `0.01 %` or `42 weights` of `total`.

    Raises:
        PruningError: the text is not a number, or lies outside 0 to 100 % or 0 to `total` weights.
    """
    typed = text.strip()
    if len(typed) <= _LONGEST and (match := _WEIGHTS.fullmatch(typed)):
        return _within(match[1], total, f"{typed} is out of range: this network has {count(total)} weights.")
    if len(typed) <= _LONGEST and (match := _PERCENTAGE.fullmatch(typed)):
        return _within(match[1], 100, f"{typed} is out of range. Type a percentage from 0 to 100.")
    raise PruningError(
        f"“{typed[:_LONGEST]}” is not a sparsity. "
        "Type a percentage from 0 to 100, such as 0.01, or a number such as 42 weights."
    )


def _within(number: str, top: int, message: str) -> float:
    value = float(number.replace(",", ""))
    if value > top:
        raise PruningError(message)
    return value / top
