"""What a panel is: sentences, numbers and figures, one value for each stop, as plain JSON for the browser."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.evaluation import MARGIN, Comparison, Labels, compare
from core.evaluation.answers import row_with
from core.evaluation.profile import DEFAULT_STOP, Profile, marks
from core.figures import Beside, LiveFigure, Wall
from core.pruning import REPAIRS
from core.words import repair, wording
from core.words.glossary import TERMS


@dataclass(frozen=True)
class Readout:
    """One number in the row above the figures: a value and a note for each stop, and its term in the glossary."""

    label: str
    values: tuple[str, ...]
    notes: tuple[str, ...]
    term: str = field(default="", kw_only=True)

    def to_json(self) -> dict[str, Any]:
        """With what its term means."""
        return {**vars(self), "meaning": TERMS[self.term] if self.term else ""}


@dataclass(frozen=True)
class Placed:
    """A figure and the share of the row's width that it takes, in twelfths."""

    figure: LiveFigure
    span: int


@dataclass(frozen=True)
class Mark:
    """A stop that matters, and why."""

    stop: int
    label: str


@dataclass(frozen=True)
class Panel:
    """What the panel shows. `stops`, `answers` and `warnings` have a text for each of the S stops.

    A wall comes before the other figures, two thirds as wide as the row. `beside`: where there is room, the readouts
    stand next to the first figure and not above it.
    """

    stops: tuple[str, ...]
    marks: tuple[Mark, ...]
    answers: tuple[str, ...]
    warnings: tuple[str, ...]
    readouts: tuple[Readout, ...]
    figures: tuple[Placed, ...]
    wall: Wall | None = None
    beside: bool = False

    def to_json(self) -> dict[str, Any]:
        """As dictionaries, lists and scalars; not copied, which would take as long as drawing the figures."""
        walls = [{"figure": self.wall.to_json(), "span": 8}] if self.wall else []
        return {
            "beside": self.beside,
            "stops": self.stops,
            "answers": self.answers,
            "warnings": self.warnings,
            "marks": [vars(mark) for mark in self.marks],
            "readouts": [readout.to_json() for readout in self.readouts],
            "figures": [*walls, *(to_json(placed) for placed in self.figures)],
        }


def to_json(placed: Placed) -> dict[str, Any]:
    """A figure as dictionaries, lists and scalars; not copied."""
    return {"figure": placed.figure.to_json(), "span": placed.span}


def stop_texts(profile: Profile) -> tuple[str, ...]:
    """`0.01 %, 42 of 421,642 weights` for each stop."""
    return tuple(
        f"{wording.sparsity(s)}, {wording.removed(k, profile.total)}"
        for s, k in zip(profile.sparsity, profile.k, strict=True)
    )


def beside(profile: Profile, others: Iterable[Profile], labels: Labels) -> Beside:
    """The other repairs at the stops of a profile."""
    rows = {other: [row_with(other, k) for k in profile.k] for other in others}
    return {
        other.pruning.repair: [None if row is None else other.comparison(labels, row) for row in at]
        for other, at in rows.items()
    }


def answers_in_words(profile: Profile, labels: Labels, others: Iterable[Profile] = ()) -> tuple[str, ...]:
    """The result in words for each stop; of a repaired network next to that of the network as it is, if it is known."""
    as_is = next((other for other in others if not other.pruning.repaired), None)
    return tuple(answer(profile, labels, stop, as_is) for stop in range(len(profile.k)))


def answer(profile: Profile, labels: Labels, stop: int, as_is: Profile | None = None) -> str:
    """The result at one stop in words; `as_is` is the profile without the repair."""
    k, c, name = profile.k[stop], profile.comparison(labels, stop), profile.pruning.repair
    row = row_with(as_is, k) if as_is is not None and profile.pruning.repaired else None
    if as_is is None or row is None:
        return wording.answer(k, profile.total, c, repair.after(name))
    repaired = compare(labels, as_is.predicted[row], profile.predicted[stop])
    return repair.answer(name, k, profile.total, c, as_is.comparison(labels, row), repaired)


def stop_marks(
    profile: Profile, comparisons: Sequence[Comparison], classes: int, others: Beside | None = None
) -> tuple[Mark, ...]:
    """The stops that matter, in order; of other repairs, how far they are within the margin."""
    rows, within = marks(comparisons, classes), f"within {wording.around_zero(MARGIN)} up to"
    compared = {profile.pruning.repair: comparisons, **others} if others else {}
    each = [(_last_within(row), f"{REPAIRS[name].done} {within}") for name, row in compared.items()]
    one = next((i for i, k in enumerate(profile.k) if k == 1), None)
    wanted = [
        (one, "one weight:"),
        (profile.stop_index(DEFAULT_STOP), "default:"),
        (rows.first_change, "first changed answer at"),
        *(each or [(rows.last_within, f"accuracy {within}")]),
        (rows.collapse, "halfway to guessing at"),
    ]
    return marked(profile, [(stop, label) for stop, label in wanted if stop is not None])


def _last_within(comparisons: Sequence[Comparison | None]) -> int | None:
    """The last stop whose whole interval is within the margin."""
    return next((stop for stop, c in reversed([*enumerate(comparisons)]) if c and c.within()), None)


def marked(profile: Profile, labels: Sequence[tuple[int, str]]) -> tuple[Mark, ...]:
    """Stops in order, each with a label that its sparsity completes."""
    return tuple(
        Mark(stop, f"{label} {wording.sparsity(float(profile.sparsity[stop]))}") for stop, label in sorted(labels)
    )


def readout(label: str, term: str, texts: Iterable[tuple[str, str]]) -> Readout:
    """A readout from a value and a note for each stop."""
    values, notes = zip(*texts, strict=True)
    return Readout(label, values, notes, term=term)


def removed_readout(profile: Profile) -> Readout:
    """k of N and the sparsity."""
    n = wording.count(profile.total)
    texts = [(f"{wording.count(k)} of {n}", wording.sparsity(k / profile.total)) for k in profile.k]
    return readout("Weights set to zero", "Sparsity", texts)


def comparison_readouts(profile: Profile, comparisons: Sequence[Comparison]) -> tuple[Readout, ...]:
    """Weights and threshold, accuracy, difference, lost and gained, churn."""
    n, dense = wording.count(comparisons[0].n), wording.percent(comparisons[0].dense.value)
    thresholds = [
        (wording.magnitude(float(t)), "largest |w| removed" if k else "nothing removed")
        for t, k in zip(profile.threshold, profile.k, strict=True)
    ]

    def accuracy(c: Comparison) -> tuple[str, str]:
        return f"{dense} → {wording.percent(c.pruned.value)}", f"{wording.count(c.pruned.right)} of {n} test images"

    def difference(c: Comparison) -> tuple[str, str]:
        p = wording.unbroken(f"McNemar p {wording.relation(c.p_value)}")
        return wording.difference(c), f"95 % paired interval; {p}"

    def lost_and_gained(c: Comparison) -> tuple[str, str]:
        return f"{wording.count(c.lost)} lost, {wording.count(c.gained)} gained", f"correct answers, of {n}"

    def churn(c: Comparison) -> tuple[str, str]:
        return wording.percent(c.churn), f"{wording.count(c.changed)} of {n} answers changed"

    return (
        removed_readout(profile),
        readout("Threshold", "Threshold", thresholds),
        readout(f"Accuracy, {repair.networks(profile.pruning.repair)}", "Accuracy", map(accuracy, comparisons)),
        readout("Difference", "Difference", map(difference, comparisons)),
        readout("Lost, gained", "Lost and gained", map(lost_and_gained, comparisons)),
        readout("Churn", "Churn", map(churn, comparisons)),
    )
