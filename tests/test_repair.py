"""Repair: its oracle is `numpy.linalg.lstsq`, filter by filter; the mask never changes; degenerate input is safe."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import Design
from core.cost.ledger import Weighing
from core.cost.weighing import weigh
from core.data import split
from core.engine import trained
from core.engine.inference import Classifier
from core.engine.least_squares import equations, made, refit, seen
from core.engine.models import build, get_weights
from core.engine.repair import Repairer, measure
from core.evaluation.profile import Evaluating, Profiling
from core.evaluation.trace import Tracing
from core.progress import Progress
from core.pruning import CRITERIA, PruningConfig, Weights, kernels, prune, rank
from core.store.derived import REPAIRED
from core.store.runs import RunStore
from tests import tiny

pytestmark = pytest.mark.usefixtures("few_rows")
CONVNET, LENET = Design("convnet-small"), Design("lenet", mirrored=False)
AFTER = {refits: PruningConfig(repair="refit" if refits else "batch-norm") for refits in (False, True)}
IMAGES = np.random.default_rng(0).integers(0, 256, (300, 28, 28), np.uint8)


def layers() -> Iterator[nn.Conv2d | nn.Linear]:
    torch.manual_seed(0)
    for stride, padding, groups, bias in (
        (1, 0, 1, True),
        (2, 1, 1, False),
        (1, 2, 2, True),
        ((2, 1), (0, 1), 3, False),
    ):
        yield nn.Conv2d(6, 12, 3, stride=stride, padding=padding, groups=groups, bias=bias)
    yield nn.Conv2d(2, 5, (1, 4), bias=True)
    yield nn.Linear(20, 7)
    yield nn.Linear(20, 7, bias=False)


def fitted(layer: nn.Conv2d | nn.Linear, kept: Tensor, x: Tensor, y: Tensor, ridge: float = 0.0) -> None:
    """Refit a layer to all places of its outputs."""
    with torch.inference_mode():
        parts = equations(layer, constant=layer.bias is not None)
        at = everywhere(y)
        for part, rows, values in zip(parts, seen(layer, x, at), made(layer, y, at), strict=True):
            part.add(rows, values)
        refit(layer, kept, parts, ridge)


def everywhere(y: Tensor) -> tuple[Tensor, Tensor] | None:
    """All places in a convolution's output."""
    if y.ndim == 2:
        return None
    flat = torch.arange(y[0, 0].numel())
    return flat // y.shape[3], flat % y.shape[3]


def rows_of(layer: nn.Conv2d | nn.Linear, x: Tensor) -> np.ndarray:
    """(groups, rows, weights of a filter) what the filters read, by torch's own `unfold`."""
    if isinstance(layer, nn.Linear):
        return x.numpy()[None]
    columns = F.unfold(x, layer.kernel_size, padding=tuple(map(int, layer.padding)), stride=layer.stride).transpose(
        1, 2
    )
    grouped = columns.reshape(-1, layer.groups, columns.shape[2] // layer.groups)
    return grouped.transpose(0, 1).numpy()


def least_squares(layer: nn.Conv2d | nn.Linear, kept: Tensor, x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Weights (filters, of each) and constants, filter by filter."""
    seen = rows_of(layer, x).astype(np.float64)
    made = (y.flatten(2).transpose(1, 2).reshape(-1, y.shape[1]) if y.ndim == 4 else y).numpy().astype(np.float64)
    weights, constants = np.zeros(layer.weight.flatten(1).shape), np.zeros(len(layer.weight))
    for f, mask in enumerate(kept.flatten(1).numpy()):
        inside = seen[f * len(seen) // len(kept)][:, mask]
        table = np.column_stack([inside, np.ones(len(inside))]) if layer.bias is not None else inside
        if table.shape[1]:
            solution = np.linalg.lstsq(table, made[:, f], rcond=None)[0]
            weights[f, mask] = solution[: mask.sum()]
            constants[f] = solution[-1] if layer.bias is not None else 0
    return weights, constants


@pytest.mark.parametrize("density", [1.0, 0.8, 0.3, 0.05])
@pytest.mark.parametrize("layer", [*layers()], ids=repr)
def test_a_refitted_layer_is_the_least_squares_solution_of_each_filter(
    layer: nn.Conv2d | nn.Linear, density: float
) -> None:
    layer, random = deepcopy(layer), torch.Generator().manual_seed(1)
    shape = (200, layer.in_features) if isinstance(layer, nn.Linear) else (40, layer.in_channels, 9, 8)
    x = torch.randn(shape, generator=random)
    with torch.inference_mode():
        y = layer(x) + 0.3 * torch.randn(layer(x).shape, generator=random)  # as if the dense inputs were others
    kept = torch.rand(layer.weight.shape, generator=random) < density
    kept[0] = False  # a filter with no weight left
    weights, constants = least_squares(layer, kept, x, y)
    fitted(layer, kept, x, y)
    assert np.abs(layer.weight.detach().flatten(1).numpy() - weights).max() < 1e-5
    assert layer.bias is None or np.abs(layer.bias.detach().numpy() - constants).max() < 1e-5
    removed = layer.weight.detach()[~kept].numpy()
    assert not removed.any() and not np.signbit(removed).any()


def test_a_constant_before_a_normalisation_is_free() -> None:
    """Batch norm takes any mean away, so a filter need not spend its weights on one."""
    torch.manual_seed(0)
    layer, x = nn.Conv2d(3, 4, 3, bias=False), torch.rand(50, 3, 8, 8)
    with torch.inference_mode():
        y = layer(x) + 5
        before = layer.weight.clone()
        (part,) = equations(layer, constant=True)
        part.add(*seen(layer, x, everywhere(y)), *made(layer, y, everywhere(y)))
        refit(layer, torch.ones_like(before, dtype=torch.bool), [part])
    assert (layer.weight - before).abs().max() < 1e-3


@pytest.mark.parametrize("layer", [nn.Conv2d(2, 3, 3), nn.Conv2d(2, 3, 3, bias=False), nn.Linear(6, 4)], ids=repr)
@pytest.mark.parametrize("density", [0.0, 0.7, 1.0])
def test_inputs_that_are_all_zero_leave_the_kept_weights_alone(layer: nn.Conv2d | nn.Linear, density: float) -> None:
    layer = deepcopy(layer)
    x = torch.zeros((30, 6) if isinstance(layer, nn.Linear) else (30, 2, 5, 5))
    with torch.inference_mode():
        y = layer(x) + 1
    kept, before = torch.rand(layer.weight.shape) < density, layer.weight.detach().clone()
    fitted(layer, kept, x, y, ridge=1e-5)
    assert torch.equal(layer.weight, before * kept)
    assert layer.bias is None or torch.allclose(layer.bias, y.transpose(0, 1).flatten(1).mean(1))


@pytest.mark.parametrize("density", [0.3, 0.7, 1.0])
def test_a_singular_system_has_a_solution_of_least_error(density: float) -> None:
    torch.manual_seed(0)
    layer, half = nn.Linear(12, 5), torch.randn(100, 6)
    x, kept = torch.cat([half, half], 1), torch.rand(5, 12) < density
    y = torch.randn(100, 5)
    weights, constants = least_squares(layer, kept, x, y)
    fitted(layer, kept, x, y, ridge=1e-9)
    with torch.inference_mode():
        error = (layer(x) - y).double().square().sum()
    least = np.square(x.numpy() @ weights.T + constants - y.numpy()).sum()
    assert torch.isfinite(layer.weight).all() and float(error) == pytest.approx(least, rel=1e-5)


def test_batch_norm_is_measured_over_all_batches_together() -> None:
    torch.manual_seed(0)
    whole, norm, oracle = torch.randn(70, 5, 6, 6) * 3 + 1, nn.BatchNorm2d(5), nn.BatchNorm2d(5, momentum=None)
    oracle(whole)
    with torch.inference_mode():
        measure(norm, [*whole.split(32)])
    found, expected = dict(norm.named_buffers()), dict(oracle.named_buffers())
    assert torch.allclose(found["running_mean"], expected["running_mean"], atol=1e-6)
    assert torch.allclose(found["running_var"], expected["running_var"], atol=1e-5)


def network(design: Design, sparsity: float, scope: str = "global") -> tuple[Weights, Weights, dict[str, np.ndarray]]:
    """Dense and pruned weights, and the masks."""
    dense = get_weights(build(design, 0))
    ranking = rank(dense, PruningConfig(scope=scope))
    return dense, prune(dense, ranking, sparsity), ranking.masks(sparsity)


@pytest.mark.parametrize("design", [CONVNET, LENET, Design("resnet")], ids=lambda design: design.network)
@pytest.mark.parametrize("refits", [False, True])
def test_the_mask_never_changes(design: Design, refits: bool) -> None:
    dense, pruned, masks = network(design, 0.8)
    result = Repairer(design, dense, IMAGES[:60], AFTER[refits]).repaired(pruned, masks)
    assert [*result] == [*dense] and all(np.isfinite(array).all() for array in result.values())
    for name, mask in masks.items():
        removed = result[name][~mask]
        assert not removed.any() and not np.signbit(removed).any()
        assert np.count_nonzero(result[name]) == np.count_nonzero(mask)
        assert refits or np.array_equal(result[name], pruned[name])
    changed = {name for name in dense if not np.array_equal(result[name], pruned[name])}
    measured = {name for name in dense if "running" in name}
    assert changed >= measured and (not refits or {name for name, mask in masks.items() if mask.any()} <= changed)
    assert not any(name.endswith("norm.weight") for name in changed)


def test_without_batch_norm_re_measuring_it_changes_nothing() -> None:
    dense, pruned, masks = network(LENET, 0.8)
    result = Repairer(LENET, dense, IMAGES, AFTER[False]).repaired(pruned, masks)
    assert all(np.array_equal(result[name], pruned[name]) for name in dense)


@pytest.mark.parametrize("refits", [False, True])
def test_nothing_changes_before_the_first_pruned_layer(refits: bool) -> None:
    dense = get_weights(build(CONVNET, 0))
    masks = {name: np.ones(w.shape, np.bool_) for name, w in kernels(dense).items()}
    repairer = Repairer(CONVNET, dense, IMAGES, AFTER[refits])
    assert all(np.array_equal(w, dense[n]) for n, w in repairer.repaired(dense, masks).items())
    masks["conv3.conv.weight"].flat[5] = False
    pruned = {**dense, "conv3.conv.weight": dense["conv3.conv.weight"] * masks["conv3.conv.weight"]}
    result = repairer.repaired(pruned, masks)
    changed = {name.split(".")[0] for name in dense if not np.array_equal(result[name], pruned[name])}
    assert changed == ({"conv3", "conv4", "conv5", "fc"} if refits else {"conv3", "conv4", "conv5"})


@pytest.mark.parametrize("sparsity", [0.99, 0.999, 1.0])
@pytest.mark.parametrize("design", [CONVNET, LENET], ids=lambda design: design.network)
def test_a_network_with_next_to_nothing_left_gives_finite_answers(design: Design, sparsity: float) -> None:
    dense, pruned, masks = network(design, sparsity, scope="layerwise")
    result = Repairer(design, dense, np.zeros((50, 28, 28), np.uint8), AFTER[True]).repaired(pruned, masks)
    assert np.isfinite(Classifier(design, IMAGES).infer(result)).all()


def test_the_same_bits_again_and_the_same_up_to_rounding_with_another_number_of_threads() -> None:
    """Not the same bits: the sums of a matrix product are split among the threads, in another order."""
    dense, pruned, masks = network(CONVNET, 0.7)
    one, again, two = (
        Repairer(CONVNET, dense, IMAGES, AFTER[True], threads=threads).repaired(pruned, masks) for threads in (1, 1, 2)
    )
    assert all(np.array_equal(one[name], again[name]) for name in one)
    classifier = Classifier(CONVNET, IMAGES)
    assert np.allclose(classifier.infer(one), classifier.infer(two), rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    root = tmp_path_factory.mktemp("runs")
    tiny.train(tiny.config(epochs=2), root=root)
    return RunStore(root)


RULE = PruningConfig(repair="refit", sample=200)
RUN = tiny.config(epochs=2).run_id


def test_a_profile_of_a_repair_is_stored_beside_that_of_none_and_says_stop_and_layer(store: RunStore) -> None:
    seen: list[Progress] = []
    tiny.perform(Profiling(run_id=RUN, pruning=RULE), store.root, on_progress=seen.append)
    profile, as_is = store.profile(RUN, RULE), store.profile(RUN, PruningConfig())
    assert profile is not None and as_is is not None and profile.pruning == RULE
    assert np.array_equal(profile.k, as_is.k) and np.array_equal(profile.layer_k, as_is.layer_k)
    assert np.array_equal(profile.predicted[0], as_is.predicted[0])
    assert {(p.done, p.of) for p in seen if p.layers} and (5, 5) in {p.layers for p in seen}

    row = profile.stop_index(80)
    assert profile.kl[row] < as_is.kl[row] / 2


def test_everything_that_is_computed_at_a_stop_follows_the_repair(store: RunStore) -> None:
    tiny.perform(Evaluating(run_id=RUN, pruning=RULE, sparsity=0.7), store.root)
    point, weights = store.point(RUN, RULE, 0.7), store.weights(RUN)
    ranking, train = rank(weights, RULE), tiny.source().data.train
    ledger = tiny.perform(Weighing(run_id=RUN, pruning=RULE, sparsity=0.7), store.root)
    image = tiny.source().data.test.images[0]
    trace = tiny.perform(Tracing(run_id=RUN, pruning=RULE, sparsities=(0.0, 0.7), image=image), store.root)
    assert point is not None
    (file,) = [f for f in (store.root / REPAIRED).iterdir() if "@70-" in f.name]
    result = store.kept_arrays(f"{REPAIRED}/{file.name}")
    assert result is not None and len(train) > RULE.sample
    predicted = Classifier(Design("lenet"), tiny.source().data.test.images).infer(result).argmax(1)
    assert np.array_equal(point.predicted[0], predicted)
    assert trace.predicted[1] == predicted[0]
    expected = weigh(weights, ranking, (0.7,), at=lambda sparsity: result)
    assert all(np.array_equal(ledger.bytes[key], taken) for key, taken in expected.bytes.items())


def test_a_repair_sees_training_images_without_labels_and_no_others(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def watched(*arrays: Any, **how: Any) -> Repairer:
        given.append((arrays, how))
        return Repairer(*arrays, **how)

    monkeypatch.setattr(trained, "Repairer", watched)
    rules = [replace(RULE, sample_seed=seed) for seed in (0, 0, 1)]
    for sparsity, rule in zip((0.61, 0.62, 0.63), rules, strict=True):
        tiny.perform(Evaluating(run_id=RUN, pruning=rule, sparsity=sparsity), store.root)
    first, second, other = (arrays[2] for arrays, _ in given)
    train, validation = split(tiny.source().data.train, tiny.config().data)
    seen = {image.tobytes() for image in [*first, *other]}
    assert seen <= {image.tobytes() for image in train.images}
    assert not seen & {image.tobytes() for image in [*validation.images, *tiny.source().data.test.images]}
    assert first.shape == (200, 28, 28) and np.array_equal(first, second) and not np.array_equal(first, other)
    labels = (train.labels, validation.labels, tiny.source().data.test.labels)
    flat = [value for arrays, how in given for value in [*arrays, *how.values()] if isinstance(value, np.ndarray)]
    assert flat and not any(np.shares_memory(value, known) for value in flat for known in labels)


def test_a_repair_has_a_name_of_its_own_and_none_has_that_of_before() -> None:
    assert PruningConfig().key == "magnitude-global"
    assert PruningConfig(repair="refit", sample=500, sample_seed=3).key == "magnitude-global-refit-500-3"
    keys = {PruningConfig(criterion=c, repair=r).key for c in CRITERIA for r in ("none", "batch-norm", "refit")}
    assert len(keys) == 3 * len(CRITERIA)
