"""What did pruning cost? A wall of test images and the first kernels, which the slider drives."""

from collections.abc import Sequence

from core import figures
from core.evaluation import Labels
from core.evaluation.answers import of_each_class
from core.evaluation.profile import Profile
from core.panels.base import Panel, Placed, answers_in_words, beside, comparison_readouts, stop_marks, stop_texts
from core.panels.prune import convolutions, since
from core.pruning import Ranking, Weights

IMAGES = 240
"""On the wall, at most."""

READOUTS = ("Sparsity", "Accuracy", "Difference", "Lost and gained")
"""The terms of those that this panel shows."""


def wall(
    profile: Profile,
    weights: Weights,
    ranking: Ranking,
    labels: Labels,
    classes: Sequence[str],
    others: Sequence[Profile] = (),
    among: int | None = None,
) -> Panel:
    """The panel of one profile; its arguments are those of `core.panels.pruning`.

    The images of the wall are drawn from the first `among`, if given, so that they stay while more are evaluated.
    There is no wall before all of those are.
    """
    ready = profile.images >= (among or 0)
    comparisons, also = profile.comparisons(labels), beside(profile, others, labels)
    first = next(iter(convolutions({name: kernel.shape for name, kernel in weights.items()})), None)
    kernels = []
    if first is not None:
        when = since(first, profile, weights, ranking)
        kernels = [Placed(figures.few_kernels(first, weights[first], when, profile.pruning.repair), 4)]
    return Panel(
        stops=stop_texts(profile),
        marks=stop_marks(profile, comparisons, len(classes), also),
        answers=answers_in_words(profile, labels, others),
        warnings=("",) * len(profile.k),
        readouts=tuple(r for r in comparison_readouts(profile, comparisons) if r.term in READOUTS),
        figures=tuple(kernels),
        beside=True,
        wall=figures.wall(profile, labels, of_each_class(labels[:among], IMAGES), classes) if ready else None,
    )
