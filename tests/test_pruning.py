"""Invariants of ranking, masks and pruned weights, with torch.nn.utils.prune as the oracle."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from torch.nn.utils import prune as torch_prune

from core.errors import PruningError
from core.pruning import CRITERIA, SCOPES, PruningConfig, Ranking, Weights, kernels, prune, rank
from core.pruning.scopes import erdos_renyi_kernel

RULES = [PruningConfig(criterion=c, scope=s) for c in CRITERIA for s in SCOPES]
SHAPES = {"conv.weight": (4, 2, 3, 3), "hidden.weight": (7, 5), "head.weight": (3, 7)}
TORCHS: tuple[str, ...] = ("global", "layerwise")
"""The scopes that torch.nn.utils.prune has too."""
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)

few_values = st.sampled_from([-2.0, -0.5, -0.0, 0.0, 1e-40, 0.5, 2.0])
any_values = st.floats(-3, 3, width=32) | few_values
fractions = st.floats(0, 1)


@st.composite
def networks(draw: st.DrawFn) -> Weights:
    layers = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=1, max_size=4))
    state: dict[str, NDArray[np.float32]] = {}
    for i, shape in enumerate(layers):
        state[f"{i}.weight"] = draw(arrays(np.float32, shape, elements=any_values))
        state[f"{i}.bias"] = draw(arrays(np.float32, shape[:1], elements=any_values))
    return state


def network(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Kernels without ties, biases, and a batch normalisation, whose weight has one dimension."""
    rng = np.random.default_rng(seed)
    state = {name: rng.standard_normal(shape, np.float32) for name, shape in SHAPES.items()}
    state |= {name.replace("weight", "bias"): rng.standard_normal(w.shape[:1], np.float32) for name, w in state.items()}
    return state | {name: rng.random(4, np.float32) for name in ("norm.weight", "norm.bias", "norm.running_var")}


def slopes(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """A gradient: of each kernel's shape, none zero."""
    return {name: np.cos(np.arange(w.size, dtype=np.float32)).reshape(w.shape) for name, w in kernels(weights).items()}


def ranked(weights: Weights, rule: PruningConfig) -> Ranking:
    return rank(weights, rule, slopes(weights) if rule.ranks_by.needs else None)


def flat_mask(ranking: Ranking, sparsity: float) -> NDArray[np.bool_]:
    return np.concatenate([mask.ravel() for mask in ranking.masks(sparsity).values()])


def row(weights: Weights) -> NDArray[np.float32]:
    return np.concatenate([w.ravel() for w in kernels(weights).values()])


def same_bits(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def torch_masks(weights: Weights, sparsity: float, scope: str) -> dict[str, NDArray[np.bool_]]:
    modules: dict[str, torch.nn.Module] = {}
    for name, w in kernels(weights).items():
        modules[name] = torch.nn.Module()
        modules[name].weight = torch.nn.Parameter(torch.from_numpy(w.copy()))
    pairs = [(module, "weight") for module in modules.values()]
    if scope == "global":
        torch_prune.global_unstructured(pairs, pruning_method=torch_prune.L1Unstructured, amount=sparsity)
    else:
        for module, name in pairs:
            torch_prune.l1_unstructured(module, name, amount=sparsity)
    return {name: module.get_buffer("weight_mask").numpy().astype(bool) for name, module in modules.items()}


def test_only_weights_of_two_or_more_dimensions_are_kernels() -> None:
    assert list(kernels(network())) == list(SHAPES)


@pytest.mark.parametrize("scope", TORCHS)
@pytest.mark.parametrize("sparsity", [0.0, 0.0001, 0.01, 0.125, 0.3, 0.5, 0.77, 0.999, 1.0])
def test_magnitude_prunes_the_set_that_torch_prunes(scope: str, sparsity: float) -> None:
    weights = network()
    masks = rank(weights, PruningConfig(scope=scope)).masks(sparsity)
    for name, expected in torch_masks(weights, sparsity, scope).items():
        np.testing.assert_array_equal(masks[name], expected)


@settings(max_examples=60)
@given(networks(), fractions, st.sampled_from(TORCHS))
def test_k_is_that_of_torch_even_where_weights_tie(weights: Weights, sparsity: float, scope: str) -> None:
    ranking = rank(weights, PruningConfig(scope=scope))
    expected = {name: int((~m).sum()) for name, m in torch_masks(weights, sparsity, scope).items()}
    assert ranking.count(sparsity) == sum(expected.values())
    if scope == "layerwise":
        assert ranking.layer_counts(sparsity) == expected


@pytest.mark.parametrize(("size", "half", "expected"), [(5, 0.5, 2), (7, 0.5, 4), (25, 0.1, 2), (35, 0.1, 4)])
def test_halves_are_rounded_to_even_as_python_does(size: int, half: float, expected: int) -> None:
    assert rank({"a.weight": np.ones((1, size), np.float32)}, PruningConfig()).count(half) == expected


def test_layerwise_rounds_each_layer_on_its_own() -> None:
    weights = {f"{i}.weight": np.ones((1, 3), np.float32) for i in range(4)}
    assert rank(weights, PruningConfig()).count(0.2) == 2  # round(0.2 * 12)
    assert rank(weights, PruningConfig(scope="layerwise")).count(0.2) == 4  # 4 * round(0.2 * 3)


@every_rule
@settings(max_examples=25)
@given(weights=networks(), one=fractions, other=fractions)
def test_exactly_k_are_pruned_and_masks_nest(rule: PruningConfig, weights: Weights, one: float, other: float) -> None:
    ranking, (low, high) = ranked(weights, rule), sorted((one, other))
    few, many = flat_mask(ranking, low), flat_mask(ranking, high)
    assert np.count_nonzero(~few) == ranking.count(low) == sum(ranking.layer_counts(low).values())
    assert not (many & ~few).any()
    np.testing.assert_array_equal(np.sort(ranking.order), np.arange(ranking.total))


@every_rule
@settings(max_examples=25)
@given(weights=networks(), sparsity=fractions)
def test_pruned_entries_are_plus_zero_and_all_others_keep_their_bits(
    rule: PruningConfig, weights: Weights, sparsity: float
) -> None:
    before = {name: w.tobytes() for name, w in weights.items()}
    ranking = ranked(weights, rule)
    masks, pruned = ranking.masks(sparsity), prune(weights, ranking, sparsity)

    assert list(pruned) == list(weights)
    for name, w in weights.items():
        kept = masks.get(name, np.ones(w.shape, bool))
        assert pruned[name].dtype == np.float32 and not np.shares_memory(pruned[name], w)
        assert pruned[name][kept].tobytes() == w[kept].tobytes()
        assert not pruned[name][~kept].view(np.uint32).any()
    assert before == {name: w.tobytes() for name, w in weights.items()}


@every_rule
def test_sparsity_zero_is_bit_equal_and_one_leaves_no_kernel(rule: PruningConfig) -> None:
    weights = network()
    weights["head.weight"][0, 0] = -0.0
    ranking = ranked(weights, rule)
    none, everything = prune(weights, ranking, 0.0), prune(weights, ranking, 1.0)
    assert all(same_bits(none[name], w) for name, w in weights.items())
    assert all(not w.view(np.uint32).any() for w in kernels(everything).values())
    assert all(same_bits(everything[name], w) for name, w in weights.items() if name not in SHAPES)


ORACLES: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "magnitude": np.abs,
    "largest": lambda w: -np.abs(w),
    "signed": lambda w: w + np.float32(0),
}


@pytest.mark.parametrize("criterion", ORACLES)
@settings(max_examples=60)
@given(weights=networks())
def test_order_is_the_stable_argsort_of_the_score(criterion: str, weights: Weights) -> None:
    expected = np.argsort(ORACLES[criterion](row(weights)), kind="stable")
    np.testing.assert_array_equal(rank(weights, PruningConfig(criterion=criterion)).order, expected)


def test_minus_zero_and_plus_zero_tie_and_go_by_position() -> None:
    weights = {"a.weight": np.array([[1, 0.0, -0.0, -1, 0.0]], np.float32)}
    for criterion in ("magnitude", "lamp"):
        assert rank(weights, PruningConfig(criterion=criterion)).order.tolist() == [1, 2, 4, 0, 3]
    assert rank(weights, PruningConfig(criterion="signed")).order.tolist() == [3, 1, 2, 4, 0]
    assert rank(weights, PruningConfig(criterion="largest")).order.tolist() == [0, 3, 1, 2, 4]


def test_layerwise_order_is_each_layers_own_global_order() -> None:
    weights = network()
    ranking, start = rank(weights, PruningConfig(scope="layerwise")), 0
    for name, w in kernels(weights).items():
        alone = rank({name: w}, PruningConfig())
        np.testing.assert_array_equal(ranking.order[start : start + w.size], alone.order + start)
        start += w.size


def test_random_depends_on_the_seed_alone() -> None:
    def order(seed: int, weights: Weights) -> bytes:
        return rank(weights, PruningConfig(criterion="random", seed=seed)).order.tobytes()

    assert order(7, network(0)) == order(7, network(1)) != order(8, network(0))


def test_random_takes_every_layer_in_proportion() -> None:
    weights = {"a.weight": np.ones((100, 100), np.float32), "b.weight": np.ones((100, 300), np.float32)}
    counts = rank(weights, PruningConfig(criterion="random")).layer_counts(0.5)
    assert counts["a.weight"] == pytest.approx(5_000, abs=5 * np.sqrt(20_000 * 0.25 * 0.75))


NONE = np.empty(0, np.float32)
"""No gradient, for criteria that need none."""


def lee_et_al(w: NDArray[np.float32]) -> NDArray[np.float64]:
    """The definition, term by term: squares, the weights sorted ascending, each over the sum from itself upwards."""
    flat = w.ravel().astype(np.float64) ** 2
    order = np.argsort(flat, kind="stable")
    score = np.empty_like(flat)
    for i, index in enumerate(order):
        score[index] = flat[index] / flat[order[i:]].sum()
    return score


def test_lamp_is_the_score_of_lee_et_al() -> None:
    weights, rng = network(), np.random.default_rng(0)
    expected = np.concatenate([lee_et_al(w) for w in kernels(weights).values()])
    ours = np.concatenate([CRITERIA["lamp"].score(w.ravel(), rng, NONE) for w in kernels(weights).values()])
    np.testing.assert_allclose(np.square(ours, dtype=np.float64), expected, rtol=1e-6)
    ranking = rank(weights, PruningConfig(criterion="lamp"))
    np.testing.assert_array_equal(ranking.order, np.argsort(expected, kind="stable"))


def test_lamp_keeps_the_largest_weight_of_each_layer_to_the_last() -> None:
    weights = network()
    weights["hidden.weight"] *= np.float32(1e-30)
    ranking = rank(weights, PruningConfig(criterion="lamp"))
    masks = ranking.masks(1 - len(SHAPES) / ranking.total)
    for name, w in kernels(weights).items():
        assert np.flatnonzero(masks[name]).tolist() == [np.abs(w).argmax()]


def test_lamp_of_zeros_ties_and_the_smallest_numbers_is_finite() -> None:
    for values in ([0, 0, -0.0], [0, 1, 1], [1e-45, 1e-45, 3e38], [-3e38, 3e38, 3e38]):
        score = CRITERIA["lamp"].score(np.array(values, np.float32), np.random.default_rng(0), NONE)
        assert np.isfinite(score).all() and (score >= 0).all() and (score <= 1).all()


def test_taylor_is_the_magnitude_of_weight_times_gradient() -> None:
    weights = network()
    expected = np.argsort(np.abs(row(weights) * row(slopes(weights))), kind="stable")
    np.testing.assert_array_equal(ranked(weights, PruningConfig(criterion="taylor")).order, expected)


def test_taylor_without_a_fitting_finite_gradient_is_refused() -> None:
    weights, rule = network(), PruningConfig(criterion="taylor")
    bad = slopes(weights)
    bad["hidden.weight"][0, 0] = np.nan
    with pytest.raises(PruningError, match=r"gradient of the loss in hidden\.weight holds 1 NaN"):
        rank(weights, rule, bad)
    for missing in (None, {}, {**slopes(weights), "head.weight": np.ones((7, 3), np.float32)}):
        with pytest.raises(PruningError, match="needs the gradient of the loss"):
            rank(weights, rule, missing)


@pytest.mark.parametrize("sparsity", [0.3, 0.7, 0.9, 0.97, 0.999])
def test_erdos_renyi_kernel_is_the_rule_of_evci_et_al(sparsity: float) -> None:
    """Density in proportion to the sum of a kernel's sides over their product, no more than 1, together right."""
    shapes = [(32, 1, 3, 3), (64, 32, 3, 3), (128, 64, 3, 3), (10, 1152)]
    sizes = np.array([np.prod(shape) for shape in shapes])
    density = 1 - np.array(erdos_renyi_kernel(shapes, sparsity))
    assert density @ sizes == pytest.approx((1 - sparsity) * sizes.sum(), rel=1e-9)
    scale = density * sizes / np.array([sum(shape) for shape in shapes])
    below = density < 1
    assert below.any() and (density <= 1).all()
    np.testing.assert_allclose(scale[below], scale[below][0])
    assert (scale[~below] <= scale[below][0] * (1 + 1e-12)).all()  # those that are full would have got even more


def test_erdos_renyi_kernel_keeps_all_of_nothing_pruned_and_prunes_everything() -> None:
    shapes = list(SHAPES.values())
    assert erdos_renyi_kernel(shapes, 0.0) == (0.0,) * 3 and erdos_renyi_kernel(shapes, 1.0) == (1.0,) * 3


@every_rule
def test_threshold_is_the_largest_magnitude_removed(rule: PruningConfig) -> None:
    weights = network()
    ranking = ranked(weights, rule)
    for sparsity in (0.1, 0.5, 1.0):
        removed = row(weights)[~flat_mask(ranking, sparsity)]
        assert ranking.threshold(weights, sparsity) == np.abs(removed).max()
    assert ranking.threshold(weights, 0.0) == 0.0


def test_strided_kernels_rank_in_logical_order() -> None:
    weights = network()
    strided = weights | {"conv.weight": np.asfortranarray(weights["conv.weight"])}
    np.testing.assert_array_equal(rank(strided, PruningConfig()).order, rank(weights, PruningConfig()).order)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_refused_with_the_layers_name(bad: float) -> None:
    weights = network()
    weights["hidden.weight"][2, 3] = bad
    with pytest.raises(PruningError, match=r"hidden\.weight holds 1 NaN or infinite"):
        rank(weights, PruningConfig())


@pytest.mark.parametrize("sparsity", [-1e-9, 1.0000001, np.nan, np.inf])
def test_a_sparsity_out_of_range_is_refused_with_the_range(sparsity: float) -> None:
    ranking = rank(network(), PruningConfig())
    for use in (ranking.count, ranking.masks, lambda s: prune(network(), ranking, s)):
        with pytest.raises(PruningError, match="from 0 to 1"):
            use(sparsity)


def test_weights_without_kernels_are_refused() -> None:
    with pytest.raises(PruningError, match="no kernels"):
        rank({"a.bias": np.ones(3, np.float32), "b.weight": np.ones((0, 3), np.float32)}, PruningConfig())


def test_a_ranking_of_another_network_is_refused() -> None:
    ranking = rank(network(), PruningConfig())
    other = network() | {"head.weight": np.ones((7, 3), np.float32)}
    with pytest.raises(PruningError, match="other layers"):
        prune(other, ranking, 0.5)
    with pytest.raises(PruningError, match="other layers"):
        ranking.threshold(other, 0.5)


@every_rule
@pytest.mark.parametrize("rows", [[1000], [100, 900], [250] * 4], ids=str)
def test_ranking_and_masks_take_at_most_five_times_the_bytes_of_the_weights(
    rule: PruningConfig, rows: list[int]
) -> None:
    rng = np.random.default_rng(0)
    weights = {f"{i}.weight": rng.standard_normal((n, 1000), np.float32) for i, n in enumerate(rows)}
    ranked(network(), rule).masks(0.5)  # what a first call allocates once is not the ranking's
    statistic = slopes(weights) if rule.ranks_by.needs else None
    tracemalloc.start()
    rank(weights, rule, statistic).masks(0.9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 5 * sum(w.nbytes for w in weights.values())
