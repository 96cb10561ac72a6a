"""Repaired weights at the stops: how long they are kept, and in which bars refitted ones lie."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core import panels
from core.codec import from_json, to_json
from core.errors import StoreError
from core.evaluation.profile import FRACTIONS
from core.evaluation.repaired import Repaired, Repairing, Spread, Spreading, spread
from core.pruning import PruningConfig, Weights, kernels, prune
from core.pruning.distributions import Distributions
from core.store.derived import REPAIRED
from core.store.results import Results
from core.store.runs import RunStore
from tests import small, tiny

pytestmark = pytest.mark.usefixtures("few_rows")
REFIT = PruningConfig(repair="refit", sample=200)


def refitted(sparsity: float) -> Weights:
    """The kept weights, a half larger: some lie beyond the axis."""
    return {name: 1.5 * w for name, w in prune(small.weights(), small.ranking(), sparsity).items()}


@pytest.fixture(scope="module")
def known() -> Spread:
    return spread(small.weights(), small.ranking(), FRACTIONS, refitted)


def test_each_kept_weight_is_counted_in_the_bar_it_lies_in(known: Spread) -> None:
    parts = Distributions.of(small.weights(), small.ranking())
    for i in (0, 10, 25, 40, len(FRACTIONS) - 1):
        masks = small.ranking().masks(FRACTIONS[i])
        removed = [int((~mask).sum()) for mask in masks.values()]
        for j, (name, mask) in enumerate(masks.items()):
            kept = refitted(FRACTIONS[i])[name][mask]
            whole, near = parts.at(removed)[j], parts.near(removed)[j]
            inside = kept[np.abs(kept) <= whole.edges[-1]]
            assert known.whole[i, j].tolist() == [
                int(((low <= inside) & ((inside < high) | (high == whole.edges[-1]))).sum())
                for low, high in pairwise(whole.edges)
            ]
            assert known.near[i, j].tolist() == np.histogram(kept, near.edges)[0].tolist()


def test_it_is_stored_as_json_and_has_a_row_for_each_of_its_sparsities_alone(known: Spread) -> None:
    again = from_json(Spread, to_json(known))
    assert np.array_equal(again.whole, known.whole) and np.array_equal(again.near, known.near)
    assert again.row(FRACTIONS[7]) == 7 and again.row(0.1234) is None
    with pytest.raises(StoreError, match="not of its sparsities"):
        Spread(known.sparsity[1:], known.whole, known.near)


def test_the_panel_draws_them_over_the_weights_as_pruned(known: Spread) -> None:
    profile, weights = small.profile(own=0.123), small.weights()
    profile = type(profile)(**{**vars(profile), "pruning": REFIT})
    shown = panels.pruning(profile, weights, small.ranking(), small.LABELS, small.CLASSES, refitted=known)
    without = panels.pruning(profile, weights, small.ranking(), small.LABELS, small.CLASSES)
    figure, before = (
        next(placed.figure for placed in panel.figures if placed.figure.name == "distributions")
        for panel in (shown, without)
    )
    layers = len(kernels(weights))
    assert figure.title == "Weights of each layer, and refitted as a line"
    assert before.title == "Weights of each layer, before refitting"
    own, stop = profile.stop_index(12.3), profile.stop_index(90)
    lines = figure.at(stop).data[2 * layers :]
    assert len(lines) == layers and len(before.base["data"]) == 2 * layers
    row = known.row(float(profile.sparsity[stop]))
    assert [list(line.y) for line in lines] == known.whole[row].tolist()
    assert all(not line.y for line in figure.at(own).data[2 * layers :])
    assert any(placed.figure.name == "zoom" for placed in shown.figures)
    outside = int(profile.sizes[0] - profile.layer_k[stop, 0] - known.whole[row, 0].sum())
    assert outside > 0 and f"<br><sup>{outside} refitted not drawn</sup>" in figure.at(stop).layout.annotations[0].text


def test_a_worker_counts_the_weights_that_it_keeps(tmp_path: Path) -> None:
    run = tiny.train(tiny.config(), root=tmp_path)
    result = tiny.perform(Spreading(run_id=tiny.config().run_id, pruning=REFIT), tmp_path)
    assert run is not None and result.whole.shape[:2] == (len(FRACTIONS), 5)
    inside, kept = result.whole.sum(axis=(1, 2)), np.array([44_190 - round(s * 44_190) for s in FRACTIONS])
    assert inside[0] == 44_190 and (inside <= kept).all() and inside[20] > 0.9 * kept[20]


def test_a_repair_at_every_stop_is_there_as_long_as_all_its_weights_are_kept(tmp_path: Path) -> None:
    tiny.train(tiny.config(), root=tmp_path)
    job = Repairing(run_id=tiny.config().run_id, pruning=REFIT)
    store = RunStore(tmp_path)
    results = Results(store)
    assert not results.has(job)
    told = list[tuple[int, int]]()
    tiny.perform(job, tmp_path, on_progress=lambda progress: told.append((progress.done, progress.of)))
    stops = sum(round(s * 44_190) > 0 for s in FRACTIONS)  # where nothing is pruned, nothing is repaired
    assert results.get(job) == Repaired(stops) and told[-1] == (len(FRACTIONS), len(FRACTIONS))
    files = sorted((tmp_path / REPAIRED).iterdir())
    assert len(files) == stops
    files[7].unlink()
    assert results.get(job) is None
    store.delete(tiny.config().run_id, None)
    assert list((tmp_path / REPAIRED).iterdir()) == []
