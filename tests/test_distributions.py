"""A histogram counts what pruning really removed, tried against masks and NumPy's histogram."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.evaluation.profile import FRACTIONS
from core.pruning import CRITERIA, SCOPES, PruningConfig, Ranking, Weights, kernels, prune, rank
from core.pruning.distributions import BINS, ZOOM, ZOOM_BINS, Distributions, OrderedLayer
from tests import small

RANKINGS = [PruningConfig(criterion=criterion, scope=scope) for criterion in CRITERIA for scope in SCOPES]
MAGNITUDE = [p for p in RANKINGS if p.criterion == "magnitude" and p.scope != "nm"]
every_ranking = pytest.mark.parametrize("pruning", RANKINGS, ids=lambda p: p.key)
by_magnitude = pytest.mark.parametrize("pruning", MAGNITUDE, ids=lambda p: p.key)

CUT = ZOOM_BINS // (2 * ZOOM)
INSIDE = slice(ZOOM_BINS // 2 - CUT, ZOOM_BINS // 2 + CUT)
"""The zoom's bars between minus and plus the cut."""


def counts(ranking: Ranking, sparsity: float) -> list[int]:
    return list(ranking.layer_counts(sparsity).values())


def with_zeros() -> dict[str, NDArray[np.float32]]:
    """The network with a dead filter, a dead unit and zeros of both signs elsewhere."""
    weights = small.weights()
    weights["conv2.weight"][3] = 0
    weights["fc1.weight"][7] = -0.0
    weights["fc2.weight"][:, ::3] = 0
    return weights


@every_ranking
def test_the_removed_bars_are_the_histogram_of_what_is_really_zero(pruning: PruningConfig) -> None:
    weights = small.weights()
    ranking = rank(weights, pruning, small.gradients())
    parts = Distributions.of(weights, ranking)
    for sparsity in FRACTIONS:
        pruned = kernels(prune(weights, ranking, sparsity))
        for h, (name, after) in zip(parts.at(counts(ranking, sparsity)), pruned.items(), strict=True):
            before = weights[name]
            assert h.name == name
            np.testing.assert_array_equal(h.removed, np.histogram(before[after == 0], h.edges)[0])
            np.testing.assert_array_equal(h.kept, np.histogram(before[after != 0], h.edges)[0])
            np.testing.assert_array_equal(h.kept + h.removed, np.histogram(before, h.edges)[0])
            assert h.kept.sum() + h.removed.sum() == before.size


@every_ranking
def test_the_zoom_counts_the_same_weights_close_to_zero(pruning: PruningConfig) -> None:
    weights = small.weights()
    ranking = rank(weights, pruning, small.gradients())
    parts = Distributions.of(weights, ranking)
    for sparsity in FRACTIONS:
        masks = ranking.masks(sparsity)
        for h, (name, kept) in zip(parts.near(counts(ranking, sparsity)), masks.items(), strict=True):
            np.testing.assert_array_equal(h.removed, np.histogram(weights[name][~kept], h.edges)[0])
            np.testing.assert_array_equal(h.kept, np.histogram(weights[name][kept], h.edges)[0])


@every_ranking
def test_exact_zeros_are_counted_apart_at_every_stop(pruning: PruningConfig) -> None:
    weights = with_zeros()
    ranking = rank(weights, pruning, small.gradients())
    parts = Distributions.of(weights, ranking)
    for sparsity in FRACTIONS:
        masks, layer_k = ranking.masks(sparsity), counts(ranking, sparsity)
        for h, near, (name, kept) in zip(parts.at(layer_k), parts.near(layer_k), masks.items(), strict=True):
            before = weights[name]
            assert h.zeros == near.zeros == (before == 0).sum()
            assert (h.removed.sum(), h.kept.sum()) == ((before[~kept] != 0).sum(), (before[kept] != 0).sum())
            np.testing.assert_array_equal(near.removed, np.histogram(before[~kept & (before != 0)], near.edges)[0])
            np.testing.assert_array_equal(near.kept, np.histogram(before[kept & (before != 0)], near.edges)[0])


@by_magnitude
def test_the_cut_is_the_largest_magnitude_removed(pruning: PruningConfig) -> None:
    weights = small.weights()
    ranking = rank(weights, pruning, small.gradients())
    parts = Distributions.of(weights, ranking)
    for sparsity in FRACTIONS:
        masks = ranking.masks(sparsity)
        own = [float(np.abs(weights[name][~kept]).max(initial=0)) for name, kept in masks.items()]
        cuts = parts.cuts(counts(ranking, sparsity))
        assert list(cuts) == ([max(own)] * len(own) if pruning.scope == "global" else own)
        assert max(cuts) == ranking.threshold(weights, sparsity)


@by_magnitude
def test_the_cut_falls_on_the_edge_of_a_bar_with_all_that_is_removed_on_its_inner_side(pruning: PruningConfig) -> None:
    weights = small.weights()
    ranking = rank(weights, pruning, small.gradients())
    parts = Distributions.of(weights, ranking)
    for sparsity in FRACTIONS:
        layer_k = counts(ranking, sparsity)
        for h, k, cut in zip(parts.near(layer_k), layer_k, parts.cuts(layer_k), strict=True):
            assert len(h.edges) == ZOOM_BINS + 1
            if cut:
                np.testing.assert_allclose(h.edges[[INSIDE.start, INSIDE.stop]], [-cut, cut], rtol=1e-8)
                assert h.removed[INSIDE].sum() == h.removed.sum() == k
                assert h.kept[INSIDE].sum() == 0


@every_ranking
def test_only_magnitude_has_a_cut_and_only_where_a_layers_weights_compete(pruning: PruningConfig) -> None:
    weights = small.weights()
    assert Distributions.of(weights, rank(weights, pruning, small.gradients())).has_cut == (
        pruning.criterion == "magnitude" and pruning.scope != "nm"
    )


@by_magnitude
def test_without_a_cut_the_zoom_shows_the_smallest_weights(pruning: PruningConfig) -> None:
    weights = small.weights()
    parts = Distributions.of(weights, rank(weights, pruning, small.gradients()))
    for h, kernel in zip(parts.near([0, 0, 0, 0]), kernels(weights).values(), strict=True):
        assert h.removed.sum() == 0 and h.kept.sum() > 0
        assert h.edges[-1] == pytest.approx(ZOOM * np.abs(kernel).min(), rel=1e-6)


@every_ranking
@pytest.mark.parametrize("network", [small.weights, with_zeros])
def test_zeroed_filters_are_those_that_are_all_zero_in_the_pruned_kernels(
    pruning: PruningConfig, network: object
) -> None:
    weights: Weights = network()  # type: ignore[operator]
    ranking = rank(weights, pruning, small.gradients())
    parts = Distributions.of(weights, ranking)
    for sparsity in FRACTIONS:
        pruned = kernels(prune(weights, ranking, sparsity))
        for layer, k, kernel in zip(parts.layers, counts(ranking, sparsity), pruned.values(), strict=True):
            assert layer.filters_zeroed(k) == sum(not f.any() for f in kernel)
            assert len(layer.filters_gone) == len(kernel)


@given(
    arrays(np.float32, (4, 5), elements=st.floats(-3, 3, width=32) | st.sampled_from([0.0, -0.0, 1.0, -1.0])),
    st.integers(0, 20),
    st.sampled_from(RANKINGS),
)
def test_no_weight_is_lost_or_counted_twice(kernel: NDArray[np.float32], k: int, pruning: PruningConfig) -> None:
    weights = {"fc.weight": kernel}
    ranking = rank(weights, pruning, {"fc.weight": np.ones_like(kernel)})
    parts = Distributions.of(weights, ranking)
    (whole,), (near,) = parts.at([k]), parts.near([k])
    gone = np.abs(kernel.ravel()[ranking.orders()["fc.weight"][:k]])
    assert whole.zeros == near.zeros == np.count_nonzero(kernel == 0)
    assert whole.removed.sum() == np.count_nonzero(gone)
    assert whole.kept.sum() == 20 - whole.zeros - whole.removed.sum()
    assert (whole.removed >= 0).all() and (whole.kept >= 0).all()
    assert near.removed.sum() <= k and near.kept.sum() <= 20 - k


def test_one_bar_stands_on_zero_and_the_outermost_end_at_the_largest_weight() -> None:
    layer = OrderedLayer.of("fc.weight", np.array([[-2, 1, 0.5]], np.float32), np.array([2, 1, 0]))
    h = layer.at(1)
    assert len(h.centres) == BINS and h.centres[BINS // 2] == pytest.approx(0, abs=1e-12)
    assert (h.edges[0], h.edges[-1]) == (-2, 2) and h.width == pytest.approx(4 / BINS)


def test_a_layer_of_zeros_has_an_axis_and_only_zero_filters() -> None:
    layer = OrderedLayer.of("fc.weight", np.zeros((3, 4), np.float32), np.arange(12))
    assert (layer.reach, layer.smallest, layer.filters_zeroed(0)) == (1, 1, 3)
    assert layer.at(5).zeros == 12 and not layer.at(5).removed.any() and not layer.at(5).kept.any()
    assert layer.cut(5) == 0 and layer.near(5, layer.smallest).removed.sum() == 0


HARD = np.array(
    [0.0, -0.0, 1e-45, -1e-45, 3e-45, 1.4e-44, 1e-38, -1e-38, 1e-30, 0.1, 0.1, -0.1, 1 / 3, 0.5, -0.5, 1, 1, -1, 1,
     5 / 3, 2, 3, -3, 5, -5, 5, 1e30, 3.4e38, -3.4e38], np.float32,
)  # fmt: skip


def as_numpy_counts(layer: OrderedLayer, k: int, edges: NDArray[np.float64]) -> list[list[int]]:
    """Removed and kept weights between these edges, which NumPy sorts first."""
    parts = (part[part != 0] for part in (layer.ordered[:k], layer.ordered[k:]))
    return [np.histogram(part, edges)[0].tolist() for part in parts]


def on_edges(unit: float) -> NDArray[np.float32]:
    """The float32 next to each edge of the zoom, and its neighbours on both sides."""
    end = ZOOM * unit * (1 + 2.0**-30)
    with np.errstate(over="ignore", under="ignore"):
        edges = np.linspace(-end, end, ZOOM_BINS + 1).astype(np.float32)
    edges = edges[np.isfinite(edges)]
    return np.concatenate([edges, np.nextafter(edges, np.float32(np.inf)), np.nextafter(edges, np.float32(-np.inf))])


@pytest.mark.parametrize("by_size", [True, False], ids=["by magnitude", "in any order"])
@pytest.mark.parametrize("unit", [1.0, 1 / 3, 0.1, float(np.float32(0.1)), 1e-45, 1e-38, 1.7e-41, 1e30, 3e38])
def test_the_zoom_counts_as_numpy_does_on_edges_next_to_them_and_at_the_ends_of_float32(
    unit: float, by_size: bool
) -> None:
    weights = np.concatenate([HARD, on_edges(unit), on_edges(0.1)])
    weights = weights[np.isfinite(weights)]
    order = (
        np.argsort(np.abs(weights), kind="stable") if by_size else np.random.default_rng(1).permutation(weights.size)
    )
    layer = OrderedLayer.of("fc.weight", weights[None], order)
    for k in (0, 1, 2, 3, 50, 100, weights.size - 1, weights.size):
        for one in (unit, layer.cut(k) or layer.smallest):
            h = layer.near(k, one)
            assert [h.removed.tolist(), h.kept.tolist()] == as_numpy_counts(layer, k, h.edges)


@given(
    arrays(np.float32, st.integers(1, 60), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)),
    st.integers(0, 60),
    st.booleans(),
)
@example(np.array([np.finfo(np.float32).max], np.float32), 0, True)
def test_the_zoom_counts_as_numpy_does(weights: NDArray[np.float32], k: int, by_size: bool) -> None:
    order = np.argsort(np.abs(weights), kind="stable") if by_size else np.arange(weights.size)
    layer, k = OrderedLayer.of("fc.weight", weights[None], order), min(k, weights.size)
    h = layer.near(k, layer.cut(k) or layer.smallest)
    assert [h.removed.tolist(), h.kept.tolist()] == as_numpy_counts(layer, k, h.edges)
