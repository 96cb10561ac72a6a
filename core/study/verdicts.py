"""What the lines of a study say, in words, and never more than the paired intervals allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.study.lines import Band, difference, paired
from core.words import wording

MARGIN = 0.005
"""The difference in accuracy that counts, on average over networks: 0.5 pp."""


def verdict(line: Band, names: Mapping[str, str]) -> str:
    """A line's area in words."""
    n = f"{line.n} network{'s' if line.n > 1 else ''}"
    mean_area = wording.percent(float(line.areas.mean()), 1)
    return f"{names.get(line.name, line.name)}: {mean_area} mean accuracy {span(line)}, over {n}"


def span(line: Band) -> str:
    """`from 0.01 % to 99 %`: where a line was looked at."""
    first, last = (wording.sparsity(float(line.sparsity[i])) for i in (0, -1))
    return f"from {first} to {last}"


def comparison(lines: Sequence[Band], names: Mapping[str, str]) -> str:
    """The first line's area against each other's in words, never stronger than the paired intervals allow."""
    first, *others = lines
    parts: dict[str, list[str]] = {"more than": [], "less than": [], "indistinguishable from": []}
    for other in others:
        if other.n == first.n:
            gap, low, high = difference(first, other)
            relation = "indistinguishable from" if low <= 0 <= high else "more than" if gap > 0 else "less than"
            parts[relation].append(f"{names.get(other.name, other.name)} ({wording.points(gap, 1)})")
    relations = "; ".join(f"{relation} {wording.listed(which)}" for relation, which in parts.items() if which)
    return f"That is {relations}." if relations else ""


def bearable(line: Band) -> float | None:
    """The last sparsity, of those looked at, until which mean accuracy stays within `MARGIN` of the dense networks';
    None if it does at none."""
    within = line.mean >= line.dense.mean() - MARGIN
    places = int(within.argmin()) if not within.all() else len(within)
    return float(line.sparsity[places - 1]) if places else None


@dataclass(frozen=True)
class Better:
    """A line that is more accurate than another at a sparsity, on average over networks.

    Attributes:
        name: the line's.
        sparsity: a fraction.
        gap, low, high: by how much, a fraction, with the ends of Student's 95 % interval.
    """

    name: str
    sparsity: float
    gap: float
    low: float
    high: float


def better(lines: Sequence[Band]) -> list[Better]:
    """For each sparsity from the first on, the line that most surpasses the first, where one does: by more than
    `MARGIN`, with an interval above 0, network by network."""
    first, *others = lines
    found = []
    for i, sparsity in enumerate(first.sparsity):
        at = [
            Better(line.name, float(sparsity), *paired(line.values[:, i] - first.values[:, i]))
            for line in others
            if line.n == first.n
        ]
        shown = [one for one in at if one.gap > MARGIN and one.low > 0]
        found += [max(shown, key=lambda one: one.gap)] if shown else []
    return found


def enough(lines: Sequence[Band], names: Mapping[str, str]) -> str:
    """Up to which sparsity the first line's criterion is enough, and what the others gain beyond it."""
    first, surpassed, margin = lines[0], better(lines), wording.points(MARGIN, 1).removeprefix("+")
    name = names.get(first.name, first.name)
    if len(lines) < 2 or len({line.n for line in lines}) > 1 or first.n < 2:
        return ""
    if not surpassed:
        return f"{name} is enough {span(first)}: no other criterion is shown to keep {margin} more."
    before = first.sparsity[first.sparsity < surpassed[0].sparsity]
    until = f"up to {wording.sparsity(float(before[-1]))}" if before.size else "nowhere"
    most = max(surpassed, key=lambda one: one.gap)
    gained = _gained(surpassed[0], names)
    if most is not surpassed[0]:
        gained = f"{gained} and {_gained(most, names, before=surpassed[0].name)}"
    return f"{name} is enough {until}. {gained}."


def _gained(one: Better, names: Mapping[str, str], before: str = "") -> str:
    """`LAMP keeps 2.00 pp [+1.88, +2.12] more at 50 %`; without the name if it was said just before."""
    gap = f"{wording.points(one.gap).removeprefix('+')} {wording.interval(one.low, one.high)}"
    who = "" if one.name == before else f"{names.get(one.name, one.name)} keeps "
    return f"{who}{gap} more at {wording.sparsity(one.sparsity)}"
