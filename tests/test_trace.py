"""One image over all stops: probabilities are the softmax of what the pruned network says; the flip is the first."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import PruningError
from core.evaluation.profile import FRACTIONS
from core.evaluation.trace import Trace, compute
from core.pruning import PruningConfig, Weights, prune, rank
from tests import small

IMAGE, look = small.IMAGE, small.look


def test_each_row_is_what_the_network_pruned_there_says() -> None:
    trace, profile = compute(small.weights(), small.ranking(), FRACTIONS, look), small.profile()
    np.testing.assert_array_equal(trace.predicted, profile.predicted[:, IMAGE])
    np.testing.assert_allclose(trace.probability.max(axis=1), profile.probability[:, IMAGE], atol=1e-3)
    np.testing.assert_allclose(trace.probability.sum(axis=1), 1, atol=1e-6)
    pruned = prune(small.weights(), rank(small.weights(), PruningConfig()), FRACTIONS[25])
    np.testing.assert_allclose(trace.maps[25], pruned["conv1.weight"][:, 0], atol=1e-3)


def test_a_row_that_prunes_no_more_is_not_looked_at_again() -> None:
    seen = []

    def counting(weights: Weights) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        seen.append(weights)
        return look(weights)

    compute(small.weights(), small.ranking(), (0, 1e-9, 0.5, 0.5 + 1e-9, 1), counting)
    assert len(seen) == 3


def of(*rows: list[float]) -> Trace:
    return Trace(np.linspace(0, 1, len(rows)), np.array(rows, np.float32), np.zeros((len(rows), 1, 2, 2), np.float16))


def test_the_flip_is_the_first_row_with_another_answer_than_the_first() -> None:
    assert of([0.6, 0.4], [0.55, 0.45], [0.3, 0.7], [0.9, 0.1]).flip == 2
    assert of([0.6, 0.4], [0.51, 0.49]).flip is None


def test_entropy_is_0_when_certain_and_log2_of_the_classes_when_guessing() -> None:
    np.testing.assert_allclose(of([1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]).entropy, [0, 2, 1])


def test_outputs_that_are_not_finite_are_refused() -> None:
    with pytest.raises(PruningError, match="not finite"):
        compute(small.weights(), small.ranking(), (0.0,), lambda w: (np.full(10, np.nan, np.float32), look(w)[1]))
