"""What 2:4 hardware could make of masks, counted by hand."""

import numpy as np

from core.cost.hardware import Fit, fit, in_words

HALF = np.tile(np.array([True, False, True, False]), (3, 2))  # (3, 8): every run has two
FULL = np.ones((3, 8), bool)


def test_layers_that_follow_the_pattern_are_stored_as_pairs_of_weights_and_positions() -> None:
    found = fit({"half": HALF, "full": FULL})
    assert found == Fit(runs=12, fit=6, layers=2, whole=1, dense=96, bytes=27 + 48)
    assert found.bytes / found.dense == (6 * (2 * 2 + 2 * 2 / 8) + 48) / 96
    assert "6 of 12 runs" in in_words(found) and "1 of the 2 layers" in in_words(found)


def test_a_layer_with_fewer_inputs_than_a_run_stays_as_it_is() -> None:
    one_input = np.ones((5, 1, 3, 3), bool)  # there is never more than one weight in a run
    assert fit({"first": one_input}) == Fit(runs=0, fit=0, layers=0, whole=0, dense=90, bytes=90)
    assert fit({"first": one_input, "half": HALF}).whole == 1


def test_without_a_layer_in_the_pattern_nothing_is_promised() -> None:
    found = fit({"full": FULL})
    assert found.whole == 0 and found.bytes == found.dense
    assert "every zero" in in_words(found) and "half of the time" not in in_words(found)
