"""A profile is what pruning and inference at each stop would give, tried on a linear network in NumPy."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.errors import PruningError, StoreError
from core.evaluation import Comparison, accuracy, compare
from core.evaluation.parts import compute
from core.evaluation.profile import DEFAULT_STOP, FRACTIONS, STOPS, Marks, Profile, marks, stops
from core.pruning import PruningConfig, Weights, prune, rank

IMAGES = np.random.default_rng(0).standard_normal((200, 12), np.float32)


def network() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    return {
        "hidden.weight": rng.standard_normal((30, 12), np.float32),
        "hidden.bias": rng.standard_normal(30, np.float32),
        "head.weight": rng.standard_normal((10, 30), np.float32),
        "head.bias": rng.standard_normal(10, np.float32),
    }


def infer(weights: Weights) -> NDArray[np.float32]:
    hidden = np.maximum(IMAGES @ weights["hidden.weight"].T + weights["hidden.bias"], 0)
    return np.asarray(hidden @ weights["head.weight"].T + weights["head.bias"], np.float32)


WEIGHTS = network()
LABELS = infer(WEIGHTS).argmax(axis=1).astype(np.uint8)
LABELS[::8] = (LABELS[::8] + 1) % 10  # the dense network is right in 7 of 8
GLOBAL = PruningConfig()
RANKING = rank(WEIGHTS, GLOBAL)


@pytest.fixture(scope="module", params=["global", "layerwise"])
def profile(request: pytest.FixtureRequest) -> Profile:
    return compute(WEIGHTS, rank(WEIGHTS, PruningConfig(scope=request.param)), infer, LABELS)


def test_stops_are_those_of_the_contract() -> None:
    assert STOPS[:13] == (0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
    assert STOPS[13:30] == tuple(range(10, 91, 5))
    assert STOPS[30:] == (91, 92, 93, 94, 95, 96, 97, 98, 99, 99.5, 99.9, 100)
    assert DEFAULT_STOP == 0.01 and DEFAULT_STOP in STOPS
    assert all(low < high for low, high in pairwise(FRACTIONS)) and FRACTIONS[-1] == 1


@pytest.mark.parametrize(
    ("size", "scope", "finest"),
    [(2_000, "global", 1e-5), (44_190, "global", 1e-5), (200_000, "global", 1 / 200_000), (200_000, "layerwise", 1e-5)],
)
def test_exactly_one_weight_is_a_stop_unless_layers_share_alike(size: int, scope: str, finest: float) -> None:
    weights = {name: np.zeros((size // 2, 1), np.float32) for name in ("a.weight", "b.weight")}
    found = stops(rank(weights, PruningConfig(scope=scope)))
    assert found[:2] == (0, finest)
    assert tuple(s for s in found if s != finest) == tuple(s for s in FRACTIONS if s != finest)


def test_each_row_is_the_network_pruned_to_its_sparsity(profile: Profile) -> None:
    ranking, dense = rank(WEIGHTS, profile.pruning), torch.from_numpy(infer(WEIGHTS)).double()
    for i, sparsity in enumerate(FRACTIONS):
        logits = torch.from_numpy(infer(prune(WEIGHTS, ranking, sparsity))).double()
        log_p = torch.log_softmax(logits, dim=1)
        probability, predicted = log_p.exp().max(dim=1)

        assert profile.sparsity[i] == sparsity and profile.k[i] == ranking.count(sparsity)
        assert profile.layer_k[i].tolist() == list(ranking.layer_counts(sparsity).values())
        assert profile.threshold[i] == np.float32(ranking.threshold(WEIGHTS, sparsity))
        np.testing.assert_array_equal(profile.predicted[i], predicted)
        np.testing.assert_allclose(profile.probability[i], probability, rtol=1e-3)
        labels = torch.from_numpy(LABELS).long()
        assert profile.loss[i] == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-12)
        assert profile.logit_change[i] == pytest.approx(float((logits - dense).abs().max()), rel=1e-6)
        kl = torch.nn.functional.kl_div(log_p, dense.log_softmax(dim=1), reduction="batchmean", log_target=True)
        assert profile.kl[i] == pytest.approx(float(kl), rel=1e-9, abs=1e-15)


def test_stop_zero_is_the_dense_network(profile: Profile) -> None:
    assert profile.k[0] == profile.threshold[0] == profile.logit_change[0] == profile.kl[0] == 0
    np.testing.assert_array_equal(profile.predicted[0], infer(WEIGHTS).argmax(axis=1))


def test_counts_and_threshold_never_fall(profile: Profile) -> None:
    assert (np.diff(profile.layer_k, axis=0) >= 0).all() and (np.diff(profile.threshold) >= 0).all()
    assert profile.layer_k[-1].tolist() == profile.sizes.tolist() and profile.k[-1] == profile.total == 660


def test_the_weights_are_not_modified(profile: Profile) -> None:
    assert {name: w.tobytes() for name, w in WEIGHTS.items()} == {name: w.tobytes() for name, w in network().items()}


def test_the_network_is_run_once_for_each_different_k() -> None:
    calls: list[Weights] = []
    told: list[tuple[int, int]] = []

    def counted(weights: Weights) -> NDArray[np.float32]:
        calls.append(weights)
        return infer(weights)

    profile = compute(WEIGHTS, RANKING, counted, LABELS, on_stop=lambda done, of: told.append((done, of)))
    assert len(calls) == len(set(profile.k.tolist())) < len(STOPS)
    assert told == [(done, len(STOPS)) for done in range(len(STOPS) + 1)]


def test_a_row_between_stops_is_the_same_as_in_a_longer_profile() -> None:
    point = compute(WEIGHTS, RANKING, infer, LABELS, sparsities=[0.123], dense_logits=infer(WEIGHTS)).to_arrays()
    among = compute(WEIGHTS, RANKING, infer, LABELS, sparsities=[0, 0.123, 0.5]).to_arrays()
    for name in point.keys() - {"sizes"}:
        np.testing.assert_array_equal(point[name][0], among[name][1], err_msg=name)


def test_extreme_logits_give_finite_probabilities_and_losses() -> None:
    logits = np.array([[3e38, -3e38, *[0] * 8], [1e4, 1e4, *[-1e4] * 8]], np.float32)
    profile = compute(WEIGHTS, RANKING, lambda w: logits, np.array([0, 1], np.uint8), sparsities=[0])
    assert profile.probability.tolist() == [[1.0, 0.5]]
    assert profile.loss[0] == pytest.approx(np.log(2) / 2) and profile.kl[0] == 0


def test_outputs_that_are_not_finite_are_refused_with_the_sparsity() -> None:
    def diverging(weights: Weights) -> NDArray[np.float32]:
        return np.where(weights["head.weight"].all(), infer(weights), np.float32(np.nan))

    with pytest.raises(PruningError, match="At 50 % the outputs are not finite"):
        compute(WEIGHTS, RANKING, diverging, LABELS, sparsities=[0, 0.5])


def test_labels_of_other_images_are_refused(profile: Profile) -> None:
    with pytest.raises(ValueError, match="3 labels"):
        compute(WEIGHTS, RANKING, infer, LABELS[:3])
    with pytest.raises(ValueError, match="not of the same images"):
        profile.comparisons(LABELS[:3])


@pytest.mark.parametrize("percent", STOPS)
def test_every_stop_finds_its_own_row(profile: Profile, percent: float) -> None:
    assert STOPS[profile.stop_index(percent)] == percent and profile.is_stop(percent)


@pytest.mark.parametrize(("percent", "nearest"), [(0.0004, 0), (0.011, 0.01), (12.4, 10), (12.6, 15), (99.96, 100)])
def test_between_stops_the_nearest_is_found_and_is_not_exact(profile: Profile, percent: float, nearest: float) -> None:
    assert STOPS[profile.stop_index(percent)] == nearest and not profile.is_stop(percent)


@pytest.mark.parametrize("percent", [*STOPS, 0.0123, 1 / 3, 66.6, 12.34567])
def test_a_percentage_survives_its_way_through_a_fraction(percent: float) -> None:
    profile = compute(WEIGHTS, RANKING, infer, LABELS, sparsities=[percent / 100])
    assert profile.is_stop(100 * (percent / 100))


def test_a_point_merged_in_is_a_row_among_the_stops(profile: Profile) -> None:
    point = compute(WEIGHTS, rank(WEIGHTS, profile.pruning), infer, LABELS, sparsities=[0.123])
    merged = profile.merged(point)
    row = merged.stop_index(12.3)
    assert merged.is_stop(12.3) and merged.sparsity.size == len(STOPS) + 1
    for name, value in merged.to_arrays().items():
        if name != "sizes":
            np.testing.assert_array_equal(value[row], point.to_arrays()[name][0])
            np.testing.assert_array_equal(np.delete(value, row, axis=0), profile.to_arrays()[name])


def test_rows_of_another_ranking_or_the_same_sparsity_are_not_merged(profile: Profile) -> None:
    other = compute(WEIGHTS, rank(WEIGHTS, PruningConfig(criterion="signed")), infer, LABELS, sparsities=[0.123])
    same = compute(WEIGHTS, rank(WEIGHTS, profile.pruning), infer, LABELS, sparsities=[0.5])
    for point in (other, same):
        with pytest.raises(StoreError):
            profile.merged(point)


def test_comparisons_pair_every_row_with_the_dense_one(profile: Profile) -> None:
    comparisons = profile.comparisons(LABELS)
    assert comparisons[0].dense.value == 175 / 200 and comparisons[0].changed == 0
    for row, comparison in zip(profile.predicted, comparisons, strict=True):
        assert comparison == compare(LABELS, profile.predicted[0], row)
        assert comparison.pruned == accuracy(LABELS, row)


def test_a_row_between_stops_cannot_pass_for_the_dense_network() -> None:
    point = compute(WEIGHTS, RANKING, infer, LABELS, sparsities=[0.5])
    with pytest.raises(ValueError, match="Row 0 has 330 weights pruned"):
        point.comparisons(LABELS)


def step(*, lost: int, changed: int, n: int = 10_000, right: int = 9_000) -> Comparison:
    return Comparison(n, right - lost, lost, 0, n - right, changed)


def test_marks_are_the_rows_where_the_answer_turns() -> None:
    # 0.5 pp is 50 images; halfway from 90 % to guessing is 50 %, 4,000 images lost.
    lost = [0, 0, 0, 30, 60, 20, 45, 4_000, 4_001, 8_000]
    changed = [0, 0, 1, 35, 70, 30, 50, 4_500, 4_600, 9_000]
    rows = [step(lost=a, changed=b) for a, b in zip(lost, changed, strict=True)]
    assert rows[6].low < -0.005 < rows[5].low
    assert marks(rows, 10) == Marks(first_change=2, last_within=5, collapse=8)


def test_a_network_that_may_only_guess_has_no_halfway_to_guessing() -> None:
    def found(n: int) -> Marks:  # 12.5 % right, then none
        return marks([step(lost=lost, changed=lost, n=n, right=n // 8) for lost in (0, n // 8)], 10)

    assert (found(64).collapse, found(6_400).collapse) == (None, 1)


def test_marks_that_are_not_reached_are_none() -> None:
    assert marks([step(lost=0, changed=0, n=10, right=9)] * 3, 10) == Marks(None, None, None)


def test_arrays_come_back_as_the_same_profile(profile: Profile) -> None:
    again = Profile.from_arrays(profile.to_arrays(), profile.pruning, list(profile.names))
    assert (again.pruning, again.names) == (profile.pruning, ("hidden.weight", "head.weight"))
    for name, value in profile.to_arrays().items():
        np.testing.assert_array_equal(getattr(again, name), value)
        assert value.flags.c_contiguous


DAMAGES: dict[str, list[NDArray[Any]]] = {
    "predicted": [np.zeros((42, 3), np.uint8), np.zeros((42, 200), np.int64), np.zeros(42, np.uint8)],
    "k": [np.zeros(41, np.int64), np.full(42, 7)],
    "sparsity": [np.zeros(42), np.linspace(0, 1.1, 42), np.linspace(-0.1, 1, 42), np.full(42, np.nan), np.zeros(0)],
    "layer_k": [np.full((42, 2), -1), np.full((42, 2), 10**9)],
    "sizes": [np.zeros(3, np.int64)],
}


@pytest.mark.parametrize(("name", "damage"), [(name, d) for name, all_of in DAMAGES.items() for d in all_of])
def test_arrays_that_do_not_fit_are_refused(profile: Profile, name: str, damage: NDArray[Any]) -> None:
    with pytest.raises(StoreError, match="This profile is damaged"):
        Profile.from_arrays(profile.to_arrays() | {name: damage}, profile.pruning, profile.names)


def test_missing_and_unknown_arrays_are_named(profile: Profile) -> None:
    values = profile.to_arrays()
    values["kI"] = values.pop("kl")
    with pytest.raises(StoreError, match="kI, kl"):
        Profile.from_arrays(values, profile.pruning, profile.names)
