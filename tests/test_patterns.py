"""N:M sparsity against loops: levels of runs, exact counts, 2:4 at a half."""

import numpy as np
import pytest

from core.pruning import CRITERIA, PruningConfig, Ranking, Weights, kernels, rank
from core.pruning.patterns import RUN, fits

SHAPES: dict[str, tuple[int, ...]] = {
    "first.weight": (5, 1, 3, 3),
    "second.weight": (7, 6, 2, 3),
    "third.weight": (8, 12, 3, 3),
    "fc.weight": (9, 31),
}


def network(ties: bool = False) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    arrays = {name: rng.standard_normal(shape, np.float32) for name, shape in SHAPES.items()}
    return {name: np.round(w).astype(np.float32) for name, w in arrays.items()} if ties else arrays


def looped(weights: Weights) -> dict[str, np.ndarray]:
    """The level of each weight by magnitude, found run by run."""
    found = {}
    for name, w in kernels(weights).items():
        levels = np.empty(w.shape, int)
        for index in np.ndindex(len(w), *w.shape[2:]):
            for start in range(0, w.shape[1], RUN):
                places = [(index[0], c, *index[1:]) for c in range(start, min(start + RUN, w.shape[1]))]
                ordered = sorted(places, key=lambda place: abs(w[place]))  # stable: ties stay in their order
                for level, place in enumerate(ordered, RUN - len(places)):
                    levels[place] = level
        found[name] = levels
    return found


def ranking(weights: Weights, criterion: str = "magnitude") -> Ranking:
    statistic = {name: np.ones_like(w) + np.abs(w) for name, w in kernels(weights).items()}
    return rank(weights, PruningConfig(criterion=criterion, scope="nm"), statistic)


@pytest.mark.parametrize("ties", [False, True])
def test_levels_go_one_after_the_other_as_a_loop_over_the_runs_finds_them(ties: bool) -> None:
    weights = network(ties)
    levels, ranked = looped(weights), ranking(weights)
    flat = np.concatenate([level.ravel() for level in levels.values()])
    scores = np.concatenate([np.abs(w).ravel() for w in weights.values()])
    expected = np.lexsort((np.arange(flat.size), scores, flat))
    np.testing.assert_array_equal(ranked.order, expected)


@pytest.mark.parametrize("sparsity", [0.0, 0.0001, 0.1, 0.25, 0.375, 0.5, 0.6, 0.75, 0.99, 1.0])
def test_k_is_the_sum_of_each_levels_rounded_share(sparsity: float) -> None:
    weights = network()
    levels, ranked = looped(weights), ranking(weights)
    sizes = [sum(int((level == i).sum()) for level in levels.values()) for i in range(RUN)]
    expected = sum(round(min(max(RUN * sparsity - i, 0), 1) * size) for i, size in enumerate(sizes))
    masks = ranked.masks(sparsity)
    assert ranked.count(sparsity) == expected == sum(int((~mask).sum()) for mask in masks.values())
    assert sum(ranked.layer_counts(sparsity).values()) == expected


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize(("sparsity", "n"), [(0.25, 3), (0.5, 2), (0.75, 1), (1.0, 0)])
def test_exactly_n_of_each_run_are_left_and_of_a_short_run_at_most(criterion: str, sparsity: float, n: int) -> None:
    for name, mask in ranking(network(), criterion).masks(sparsity).items():
        for index in np.ndindex(len(mask), *mask.shape[2:]):
            for start in range(0, mask.shape[1], RUN):
                run = mask[(index[0], slice(start, start + RUN), *index[1:])]
                assert run.sum() == min(n, run.size), name


def test_masks_are_nested() -> None:
    ranked, kept = ranking(network()), None
    for sparsity in np.linspace(0, 1, 41):
        masks = ranked.masks(float(sparsity))
        if kept is not None:
            assert all((kept[name] | ~mask).all() for name, mask in masks.items())
        kept = masks


def test_runs_that_fit_are_counted() -> None:
    mask = np.array([[True, True, False, True, True, True], [False, True, True, False, True, False]])
    assert fits(mask, 2) == (3, 4)  # 3 of the first run; 2 and 1, 2 and 1
    assert fits(mask, 1) == (1, 4)
    assert fits(np.ones((2, 1, 3, 3), bool), 2) == (18, 18)
