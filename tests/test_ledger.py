"""The ledger's numbers are those of the bytes, its break-evens those of the closed forms, and it survives the disk."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from core import figures, panels
from core.codec import from_json, to_json
from core.cost import compact
from core.cost.compact import Bits
from core.cost.encodings import ENCODINGS, WIDTHS, Format, quantised, rounded
from core.cost.ledger import BOUNDED, COMPACT, DENSE, ENTRIES, ROUNDED, Entry, Ledger, Weighing
from core.cost.rounding import Rounding
from core.cost.weighing import weigh
from core.engine.inference import Classifier
from core.errors import JobCancelled, PruningError, StoreError
from core.evaluation import compare
from core.evaluation.profile import FRACTIONS
from core.networks import Kernel
from core.panels.storage import storage
from core.pruning import PruningConfig, kernels, prune, rank
from core.store.results import Results
from core.store.runs import LEDGERS, RunStore
from tests import small, tiny

WEIGHTS = small.weights()
RANKING = rank(WEIGHTS, PruningConfig())
SIZES = [w.size for w in kernels(WEIGHTS).values()]
ROWS = sum(w.shape[0] + 1 for w in kernels(WEIGHTS).values())


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return weigh(WEIGHTS, RANKING, FRACTIONS)


def test_a_line_is_as_long_as_its_bytes(ledger: Ledger) -> None:
    row = FRACTIONS.index(0.5)
    pruned = [w.view(np.uint32) for w in kernels(prune(WEIGHTS, RANKING, 0.5)).values()]
    for name, form in ENCODINGS.items():
        assert ledger.bytes[Entry("float32", name).key][row] == len(form.encode(pruned))
    assert ledger.k[row] == RANKING.count(0.5) and ledger.total == sum(SIZES)
    assert ledger.rest == 4 * 18  # two biases


def test_the_first_row_is_the_unpruned_network_which_is_the_control(ledger: Ledger) -> None:
    assert ledger.sparsity[0] == 0
    for entry in ENTRIES:
        assert ledger.bytes[entry.key][0] == ledger.unpruned[entry.key]
    assert ledger.unpruned[DENSE.key] == 4 * sum(SIZES)
    assert ledger.unpruned[Entry("float16", "dense").key] == 2 * sum(SIZES)
    scales = 4 * (8 + 12 + 64 + 10)
    assert ledger.unpruned[Entry("int8", "dense").key] == sum(SIZES) + scales
    assert ledger.unpruned[Entry("int4", "dense").key] == sum(-(-n // 2) for n in SIZES) + scales


@pytest.mark.parametrize(
    ("encoding", "stored", "fixed"),
    [
        ("bitmask", 4, sum(-(-n // 8) for n in SIZES)),
        ("csr64", 12, 8 * ROWS),
        ("csr32", 8, 4 * ROWS),
        ("csr16", 6, 4 * ROWS),
    ],
)
def test_break_evens_are_those_of_the_closed_forms(ledger: Ledger, encoding: str, stored: int, fixed: int) -> None:
    n = sum(SIZES)
    expected = 1 - (4 * n - fixed) / (stored * n)  # stored * (1 - s) * n + fixed = 4 n
    found = ledger.break_even(Entry("float32", encoding))
    assert found == pytest.approx(expected, abs=1 / n)


def test_a_line_that_always_or_never_saves_says_so(ledger: Ledger) -> None:
    assert ledger.break_even(DENSE) is None
    assert ledger.break_even(COMPACT) == 0.0


def test_the_compact_encoding_is_the_smallest_line_of_its_type_at_every_stop(ledger: Ledger) -> None:
    assert {ledger.smallest(row) for row in range(len(ledger.k))} == {COMPACT}
    for type in BOUNDED:
        others = [ledger.bytes[entry.key] for entry in ENTRIES if entry.type == type and entry.encoding != "compact"]
        assert (ledger.bytes[Entry(type, "compact").key] < np.min(others, axis=0)).all()


def test_integers_and_their_scales_take_what_the_encoder_writes(ledger: Ledger) -> None:
    row, pruned = FRACTIONS.index(0.5), kernels(prune(WEIGHTS, RANKING, 0.5)).values()
    for type, bits in WIDTHS.items():
        whole = [quantised(w, bits) for w in pruned]
        layers: list[Bits] = [*(w.view(np.uint8) for w, _ in whole), *(scales.view(np.uint32) for _, scales in whole)]
        entry = Entry(type, "compact")
        assert ledger.bytes[entry.key][row] == len(compact.encode(layers))
        assert ledger.bound[type][row] == compact.entropy(layers)
        above = ledger.above_bound(entry, row)
        assert (
            above is not None and above == ledger.bytes[entry.key][row] / ledger.bound[type][row] and 1 < above < 1.15
        )
    assert ledger.above_bound(Entry("float16", "dense"), row) is None and ledger.above_bound(COMPACT, -1) is None


def test_weights_on_a_grid_are_smallest_in_the_compact_encoding_and_give_every_bit_back() -> None:
    rng = np.random.default_rng(3)
    scales = np.array([0.25, 0.75, 1.5, 0.375], np.float32)
    numbers = np.where(rng.random((4, 300)) < 0.3, rng.integers(-7, 8, (4, 300)), 0)
    weights = {"fc.weight": (numbers * scales[:, None]).astype(np.float32) + np.float32(0)}
    found = weigh(weights, rank(weights, PruningConfig()), (0.0, 0.8))
    sizes = {entry: found.bytes[entry.key][0] for entry in ENTRIES if entry.lossless}
    assert min(sizes, key=lambda entry: sizes[entry]) == COMPACT
    assert sizes[COMPACT] < 1.1 * found.bytes["int4-compact-none"][0]
    assert found.bound["float32"][0] <= sizes[COMPACT] < 1.2 * found.bound["float32"][0]


def test_the_file_is_that_of_all_arrays(ledger: Ledger) -> None:
    row = FRACTIONS.index(0.9)
    assert ledger.file[row] == len(compact.pack(prune(WEIGHTS, RANKING, 0.9), {}))
    assert ledger.file[row] > ledger.bytes[COMPACT.key][row] and (np.diff(ledger.file) <= 0).all()


def test_more_zeros_never_take_more_bytes_where_nothing_is_compressed(ledger: Ledger) -> None:
    for entry in ENTRIES:
        if entry.lossless and entry.coder == "none" and entry != COMPACT:
            assert (np.diff(ledger.bytes[entry.key]) <= 0).all()


def test_an_encoding_that_does_not_give_back_what_it_was_given_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = ENCODINGS["gaps"]

    def forgetful(layers: list[np.ndarray]) -> bytes:
        return honest.encode([np.where(layer == layer.max(), 0, layer).astype(layer.dtype) for layer in layers])

    monkeypatch.setitem(ENCODINGS, "gaps", Format(forgetful, honest.decode))  # type: ignore[arg-type]
    with pytest.raises(PruningError, match="float32-gaps-none did not decode"):
        weigh(WEIGHTS, RANKING, (0.5,))


def test_a_row_of_its_own_stands_in_its_place(ledger: Ledger) -> None:
    whole = ledger.merged(weigh(WEIGHTS, RANKING, (0.123,)))
    row = int(np.searchsorted(whole.sparsity, 0.123))
    assert (np.diff(whole.sparsity) > 0).all() and whole.k[row] == RANKING.count(0.123)
    assert len(whole.bound["int4"]) == len(whole.file) == len(whole.bytes[COMPACT.key]) == len(FRACTIONS) + 1


def test_a_ledger_survives_json_and_a_damaged_one_is_refused(ledger: Ledger) -> None:
    values = json.loads(json.dumps(to_json(ledger)))
    assert to_json(from_json(Ledger, values)) == to_json(ledger)
    for broken in (
        {**values, "format": 0},
        {**values, "k": values["k"][:-1]},
        {**values, "bytes": {}},
        {**values, "bound": {}},
        {**values, "file": []},
        {**values, "sparsity": "x"},
        {**values, "total": float("inf")},
        {**values, "k": [10**400]},
        {},
    ):
        with pytest.raises(StoreError):
            from_json(Ledger, broken)


@pytest.fixture
def trained(tmp_path: Path) -> str:
    """A run in a store at `tmp_path`, by its id."""
    tiny.train(tiny.config(), root=tmp_path)
    return tiny.config().run_id


def test_the_store_keeps_ledgers_by_run_ranking_and_sparsity(ledger: Ledger, trained: str, tmp_path: Path) -> None:
    store = Results(RunStore(tmp_path, tmp_path / "shipped"))
    pruning, other = PruningConfig(), PruningConfig(scope="layerwise")
    assert store.get(Weighing(run_id=trained, pruning=pruning)) is None
    store.put(Weighing(run_id=trained, pruning=pruning), ledger)
    point = weigh(WEIGHTS, RANKING, (0.123,))
    store.put(Weighing(run_id=trained, pruning=pruning, sparsity=0.123), point)
    found, row = (
        store.get(Weighing(run_id=trained, pruning=pruning)),
        store.get(Weighing(run_id=trained, pruning=pruning, sparsity=0.123)),
    )
    assert found is not None and to_json(found) == to_json(ledger)
    assert row is not None and to_json(row) == to_json(point)
    assert store.get(Weighing(run_id=trained, pruning=other)) is None
    with pytest.raises(StoreError):
        store.get(Weighing(run_id="0" * 12, pruning=pruning))
    path = tmp_path / LEDGERS / f"{trained}-magnitude-global.json"
    whole = json.loads(path.read_text())
    for broken in ("{", json.dumps({**whole, "weights": "those of another training"}), "[]"):
        path.write_text(broken)
        assert store.get(Weighing(run_id=trained, pruning=pruning)) is None
    (tmp_path / "shipped" / LEDGERS).mkdir(parents=True)
    (tmp_path / "shipped" / LEDGERS / path.name).write_text(json.dumps(whole))
    assert store.get(Weighing(run_id=trained, pruning=pruning)) is not None


def test_the_task_stores_the_ledger_of_a_trained_run_and_stops_when_asked_to(trained: str, tmp_path: Path) -> None:
    seen: list[int] = []
    tiny.ledger(trained, PruningConfig(), 0.9, root=tmp_path, on_progress=lambda p: seen.append(p.done))
    store = RunStore(tmp_path)
    found = Results(store).get(Weighing(run_id=trained, sparsity=0.9))
    weights = store.weights(trained)
    expected = weigh(weights, rank(weights, PruningConfig()), (0.9,))
    assert found is not None and to_json(found) == to_json(expected) and seen == [1]
    with pytest.raises(JobCancelled):
        tiny.ledger(trained, PruningConfig(), None, root=tmp_path, should_stop=lambda: True)
    assert Results(store).get(Weighing(run_id=trained)) is None


def test_rounded_weights_are_compared_with_the_same_pruned_ones_and_stored(trained: str, tmp_path: Path) -> None:
    runs, pruning = RunStore(tmp_path), PruningConfig()
    store = Results(runs)
    assert store.get(Rounding(run_id=trained, pruning=pruning, sparsity=0.8)) is None
    tiny.rounding(trained, pruning, 0.8, root=tmp_path)
    found = store.get(Rounding(run_id=trained, pruning=pruning, sparsity=0.8))
    assert found is not None and [field.name for field in fields(found)] == [*ROUNDED]
    weights, test = runs.weights(trained), tiny.source().data.test
    pruned = prune(weights, rank(weights, pruning), 0.8)
    infer = Classifier(runs.get(trained).design, test.images).infer
    for name, of in vars(found).items():
        written = pruned | {n: rounded(w, name) for n, w in kernels(pruned).items()}
        assert any(not np.array_equal(written[n], pruned[n]) for n in pruned)
        assert of == compare(test.labels, infer(pruned).argmax(axis=1), infer(written).argmax(axis=1))
    path = next((tmp_path / LEDGERS).glob("rounding-*"))
    path.write_text(path.read_text().replace('"weights":"', '"weights":"x'))
    assert store.get(Rounding(run_id=trained, pruning=pruning, sparsity=0.8)) is None


LAYERS = {name: Kernel(w.size, 9) for name, w in kernels(WEIGHTS).items()}


def test_the_panel_says_what_the_ledger_holds(ledger: Ledger) -> None:
    profile = small.profile()
    panel = storage(profile, small.LABELS, ledger, LAYERS, 2)
    row = FRACTIONS.index(0.5)
    taken, control = int(ledger.bytes[COMPACT.key][row]), ledger.unpruned[COMPACT.key]
    assert f"{taken:,}\u00a0bytes" in panel.answers[row] and f"{control:,}\u00a0bytes" in panel.answers[row]
    assert f"saves {100 * (1 - taken / control):.1f}\u00a0%" in panel.answers[row]
    assert "Nothing is pruned" in panel.answers[0]
    assert "COO, as torch" in panel.warnings[0] and panel.warnings[-1] == ""
    readouts = {readout.label: readout for readout in panel.readouts}
    assert readouts["Multiplications left"].values[row] == "50.0\u00a0%"
    whole = 18 * sum(SIZES)
    assert f"{whole / 1e6:.2f} M an image; theoretical" in readouts["Multiplications left"].notes[0]
    assert readouts["Compact encoding, lossless"].values[row] == f"{taken:,}\u00a0bytes"
    labels = [mark.label for mark in panel.marks]
    assert "default: 0.01\u00a0%" in labels and any(label.startswith("Bitmask and values saves") for label in labels)
    assert json.dumps(panels.to_json(panel.figures[0]))


def test_a_ledger_of_other_stops_is_refused() -> None:
    with pytest.raises(StoreError, match="other stops"):
        storage(small.profile(), small.LABELS, weigh(WEIGHTS, RANKING, FRACTIONS[:-1]), LAYERS, 1)


def test_figures_draw_the_bytes_of_each_line(ledger: Ledger) -> None:
    over = figures.bytes_over_sparsity(ledger)
    drawn = {trace["name"]: trace["y"] for trace in over.base["data"]}
    assert drawn["CSR, int32"] == ledger.bytes[Entry("float32", "csr32").key].tolist()
    assert set(drawn["Unpruned, zstd"]) == {ledger.unpruned[Entry("float32", "dense", "zstd").key]}
    row = FRACTIONS.index(0.9)
    at = figures.bytes_at_stop(ledger).at(row)
    shown = {(trace.name, y): x for trace in at.data for x, y in zip(trace.x, trace.y, strict=True)}
    for entry in ENTRIES:
        assert shown[figures.CODERS[entry.coder], figures.title(entry)] == ledger.bytes[entry.key][row]
    assert over.at(row).layout.shapes[0].x0 == figures.SparsityAxis.over(ledger.sparsity).place(0.9)
