"""The exercises of the Teach page, each with an answer computed from this server's results."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from core.cost.ledger import COMPACT, DENSE, Weighing
from core.cost.tradeoff import Comparing, in_words
from core.errors import StoreError
from core.evaluation import MARGIN, Comparison, by_class
from core.evaluation.profile import Profile, marks
from core.pruning import PruningConfig
from core.run import Run
from core.study import audit
from core.words import wording
from pages.ui.server.services import results, store
from pages.ui.view.say import as_written


@dataclass(frozen=True, eq=False)
class Lesson:
    """The run that the exercises use: its profile, and the comparison at each stop."""

    run: Run
    profile: Profile
    comparisons: tuple[Comparison, ...]

    def at(self, percent: float) -> str:
        """The result at a stop, in words."""
        i = self.profile.stop_index(percent)
        return wording.answer(int(self.profile.k[i]), self.profile.total, self.comparisons[i])


@dataclass(frozen=True)
class Exercise:
    """A question and its terms, the page to open, and the answer from this server's results (None: not computed)."""

    title: str
    task: str
    terms: tuple[str, ...]
    page: str
    query: Mapping[str, str]
    answer: Callable[[Lesson], str | None]


def still_small(lesson: Lesson) -> str | None:
    """The last stop at which the whole interval lies within the tolerance."""
    last = marks(lesson.comparisons, len(lesson.run.classes)).last_within
    if last is None:
        return f"At no stop is the whole interval within {wording.around_zero(MARGIN)}."
    return (
        f"Up to {wording.sparsity(float(lesson.profile.sparsity[last]))} the whole interval of the difference lies "
        f"within {wording.around_zero(MARGIN)}. There: {wording.difference(lesson.comparisons[last])}."
    )


@lru_cache(maxsize=4)
def worst_class(lesson: Lesson) -> str | None:
    """The class whose recall falls most at 50 %."""
    labels, i, classes = store().labels(lesson.run.id), lesson.profile.stop_index(50), lesson.run.classes
    comparisons = by_class(labels, lesson.profile.predicted[0], lesson.profile.predicted[i], len(classes))
    recalls = {name: c.recall for name, c in zip(classes, comparisons, strict=True) if c.recall is not None}
    worst = min(recalls, key=lambda name: recalls[name].difference)
    c = recalls[worst]
    counts = f"of its {wording.count(c.n)} images {c.lost} are lost and {c.gained} gained"
    return f"{as_written(worst)}: {counts}, {wording.difference(c)}."


def smallest_or_largest(lesson: Lesson) -> str | None:
    """The result of pruning 1 % of the weights, smallest first and largest first."""
    largest = store().profile(lesson.run.id, PruningConfig(criterion="largest"))
    if largest is None:
        return f"Smallest first: {lesson.at(1)} Largest first is computed when you open it."
    i = largest.stop_index(1)
    c = largest.comparison(store().labels(lesson.run.id), i)
    return f"Smallest first: {lesson.at(1)} Largest first: {wording.answer(int(largest.k[i]), largest.total, c)}"


def bytes_saved(lesson: Lesson) -> str | None:
    """Bytes at 50 %, dense and in the compact encoding."""
    ledger = results().get(Weighing(run_id=lesson.run.id))
    if ledger is None:
        return None
    i = lesson.profile.stop_index(50)
    dense, taken, control = ledger.unpruned[DENSE.key], int(ledger.bytes[COMPACT.key][i]), ledger.unpruned[COMPACT.key]
    return (
        f"As dense float32: {wording.size(dense)} before and after pruning. In the compact encoding: "
        f"{wording.size(control)} before and {wording.size(taken)} after."
    )


def filters_or_weights(lesson: Lesson) -> str | None:
    """The result of comparing weights with filters, if it has been computed."""
    tradeoff = results().get(Comparing(run_id=lesson.run.id))
    return None if tradeoff is None else in_words(tradeoff)


def the_claim(lesson: Lesson) -> str | None:
    """The audit's verdict, if it has been computed."""
    audits = [known for config in audit.networks() if (known := results().get(audit.Auditing(config=config)))]
    return audit.verdict(audit.summaries(audits)) if audits else None


EXERCISES = (
    Exercise(
        "One weight in ten thousand",
        "Set the smallest 0.01 % of the weights to zero. How many weights is that, and how many answers change? "
        "What would you have guessed?",
        ("Weight", "Pruning", "Sparsity"),
        "prune.py",
        {"sparsity": "0.01"},
        lambda lesson: lesson.at(0.01),
    ),
    Exercise(
        "How far can you go?",
        "Drag the slider to the right. Up to which sparsity can you be confident that accuracy changes by less than "
        "half a percentage point? Use the interval, not the difference alone.",
        ("95 % interval", "Difference", "Percentage points"),
        "prune.py",
        {"sparsity": "5"},
        still_small,
    ),
    Exercise(
        "Does it matter which weights go?",
        "Set 1 % of the weights to zero, once smallest first and once largest first (Criterion). What does the "
        "difference say about magnitude as a criterion?",
        ("Magnitude", "Criterion"),
        "prune.py",
        {"sparsity": "1", "criterion": "largest"},
        smallest_or_largest,
    ),
    Exercise(
        "Which class loses most?",
        "At 50 %, which class has the largest fall in recall? Look at its images: which class does the pruned network "
        "give instead?",
        ("Lost and gained", "Recall and precision"),
        "images.py",
        {"sparsity": "50", "section": "Class by class"},
        worst_class,
    ),
    Exercise(
        "Is the file smaller?",
        "Half of the weights are zero. How many bytes does that save? What does the same encoding save without "
        "pruning?",
        ("Compact encoding", "Control"),
        "storage.py",
        {"sparsity": "50"},
        bytes_saved,
    ),
    Exercise(
        "Weights or filters?",
        "Compare single weights with whole filters at the end of the page: which keeps more accuracy, and which is "
        "faster? Why is it not the same one?",
        ("Filter", "Retraining"),
        "storage.py",
        {"sparsity": "75"},
        filters_or_weights,
    ),
    Exercise(
        "Check a claim",
        "A report says that accuracy fell from 72.86 % to 71.31 % when the smallest 0.01 % of weights were set to "
        "zero. Which reading of that sentence can explain it?",
        ("Accuracy", "Pruning", "Seed"),
        "study.py",
        {"part": "The claim, audited"},
        the_claim,
    ),
)


def lesson() -> Lesson | None:
    """The re-enacted report's run or, without it, the first run with a profile."""
    for run in sorted(store().runs(), key=lambda run: (run.network != "lenet", not run.reference)):
        try:
            profile = store().profile(run.id, PruningConfig())
        except StoreError:
            continue
        if profile is not None:
            return _lesson(profile, run.id)
    return None


@lru_cache(maxsize=4)
def _lesson(profile: Profile, run_id: str) -> Lesson:
    """One lesson for each loaded profile."""
    return Lesson(store().get(run_id), profile, profile.comparisons(store().labels(run_id)))
