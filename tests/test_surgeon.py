"""The order of removal, against least squares that leave out one weight after the other."""

import numpy as np
import pytest
import torch

from core.engine.least_squares import Normal
from core.engine.surgeon import HALF, RATE, removal
from core.errors import JobCancelled

ROWS, INPUTS, FILTERS = 400, 6, 4


def case(groups: int = 1, dead: bool = False) -> tuple[torch.Tensor, list[np.ndarray], list[Normal]]:
    rng = np.random.default_rng(1)
    mixed = rng.standard_normal((groups, INPUTS, INPUTS))
    reads = [np.maximum(rng.standard_normal((ROWS, INPUTS)) @ mix, 0) + rng.random(INPUTS) for mix in mixed]
    if dead:
        reads[0][:, 2] = 0
    weight = torch.tensor(rng.standard_normal((FILTERS * groups, INPUTS)), dtype=torch.float32)
    parts = [Normal(INPUTS, FILTERS) for _ in reads]
    for part, x in zip(parts, reads, strict=True):
        part.add(torch.tensor(x), torch.zeros(ROWS, FILTERS))
    return weight, reads, parts


def error(x: np.ndarray, outputs: np.ndarray, kept: np.ndarray) -> float:
    """The squared error of the best fit to a filter's outputs from the kept inputs and a constant."""
    columns = np.column_stack([x[:, kept], np.ones(len(x))])
    fitted = columns @ np.linalg.lstsq(columns, outputs, rcond=None)[0]
    return float(((outputs - fitted) ** 2).sum())


def explicit(weight: np.ndarray, reads: list[np.ndarray], sizes: list[int]) -> np.ndarray:
    """Which round takes each weight: in each, those whose removal alone costs least, all others fitted again."""
    kept, rounds = np.ones(weight.shape, bool), np.zeros(weight.shape, int)
    per = len(weight) // len(reads)
    outputs = [reads[row // per] @ weight[row] for row in range(len(weight))]
    for number, left in enumerate(sizes):
        costs = np.full(weight.shape, np.inf)
        for row, column in zip(*kept.nonzero(), strict=True):
            without = kept[row].copy()
            without[column] = False
            x = reads[row // per]
            costs[row, column] = error(x, outputs[row], without) - error(x, outputs[row], kept[row])
        gone = np.argsort(costs, axis=None, kind="stable")[: int(kept.sum()) - left]
        rounds.flat[gone], kept.flat[gone] = number, False
    return rounds


@pytest.mark.parametrize("groups", [1, 2])
def test_each_round_takes_the_weights_that_the_others_make_up_for_best(groups: int) -> None:
    weight, reads, parts = case(groups)
    order, sizes = removal(weight, parts), [round(HALF * weight.numel())]
    assert sorted(order.ravel().astype(int)) == [*range(weight.numel())] and order.dtype == np.float32
    while sizes[-1]:
        sizes.append(int(RATE * sizes[-1]))
    rounds = explicit(weight.double().numpy(), reads, sizes)
    places = np.array([weight.numel(), *sizes])
    found = np.searchsorted(weight.numel() - places, order, side="right") - 1
    np.testing.assert_array_equal(found, rounds)


def test_the_first_to_go_have_the_least_square_over_the_diagonal_of_the_inverse_hessian() -> None:
    weight, (x,), parts = case()
    hessian = np.cov(x.T, bias=True) * ROWS
    saliency = weight.double().numpy() ** 2 / np.linalg.inv(hessian).diagonal()
    half = np.argsort(saliency, axis=None)[: round(HALF * weight.numel())]
    np.testing.assert_array_equal(removal(weight, parts).ravel()[half], np.arange(len(half)))


def test_weights_of_an_input_that_is_always_zero_go_first() -> None:
    weight, _, parts = case(dead=True)
    order = removal(weight, parts)
    assert sorted(order[:, 2]) == [0, 1, 2, 3]


def test_a_layer_that_reads_nothing_but_zeros_has_an_order_too() -> None:
    part = Normal(INPUTS, FILTERS)
    part.add(torch.zeros(50, INPUTS), torch.zeros(50, FILTERS))
    order = removal(torch.ones(FILTERS, INPUTS), [part])
    assert sorted(order.ravel()) == [*range(FILTERS * INPUTS)]


def test_it_can_be_stopped_between_two_rounds() -> None:
    def stop() -> None:
        raise JobCancelled("asked to")

    weight, _, parts = case()
    with pytest.raises(JobCancelled):
        removal(weight, parts, stop)
