"""A study sums up what its cells found: bands over networks, areas, paired differences, and nothing twice."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from core import study
from core.codec import to_json
from core.config import Problem
from core.errors import JobError, StoreError
from core.evaluation.profile import FRACTIONS
from core.jobs import Engine
from core.networks import NETWORKS
from core.pruning import CRITERIA, SCOPES
from core.reference import study as shipped_study
from core.store.results import Results
from core.store.runs import RunStore
from core.study import __main__ as command
from core.study import audit
from core.study.audit import Auditing
from core.study.cells import SPARSITIES, Cell, area
from tests import tiny
from tests.curves import LENET, SIZES, USES, VALUES, cell, curve


def test_a_band_is_the_mean_with_students_interval_over_the_networks() -> None:
    line = study.band("magnitude", [curve(cell(c), row) for c, row in zip(LENET, VALUES, strict=True)])
    low, high = stats.t.interval(0.95, 4, VALUES.mean(0), stats.sem(VALUES, axis=0))
    assert line.n == 5
    np.testing.assert_allclose(line.mean, VALUES.mean(0))
    np.testing.assert_allclose((line.low, line.high), (low, high))
    assert line.areas.tolist() == [area((0.2, 0.5, 0.9), row) for row in VALUES]


def test_one_network_alone_has_no_interval_and_says_its_number() -> None:
    line = study.band("magnitude", [curve(cell(LENET[0]), VALUES[0])])
    assert line.n == 1 and (line.low == line.mean).all() and (line.high == line.mean).all()


def test_differences_of_areas_are_taken_network_by_network() -> None:
    one, other = VALUES, VALUES - 0.1 + np.array([[0.01], [0.0], [-0.01], [0.02], [0.0]])
    bands = [
        study.band(name, [curve(cell(c), row) for c, row in zip(LENET, rows, strict=True)])
        for name, rows in (("magnitude", one), ("random", other))
    ]
    gap, low, high = study.difference(*bands)
    expected = stats.ttest_rel(bands[0].areas, bands[1].areas)
    interval = expected.confidence_interval(0.95)
    assert gap == pytest.approx(np.mean(bands[0].areas - bands[1].areas))
    assert (low, high) == pytest.approx((interval.low, interval.high))
    assert "over 5 networks" in study.verdict(bands[0], {})
    assert "more than random (+" in study.comparison(bands, {})
    assert "indistinguishable from magnitude" in study.comparison([bands[0], bands[0]], {})
    assert "less than" in study.comparison(bands[::-1], {})
    fewer = study.band("magnitude", [curve(cell(LENET[0]), VALUES[0])])
    assert study.comparison([bands[0], fewer], {}) == ""  # not of the same networks


def test_compression_counts_weights_and_speedup_counts_each_as_often_as_it_is_used() -> None:
    line = study.band("magnitude", [curve(cell(LENET[0]), VALUES[0])])
    uses = np.array(USES)
    layer_k = np.array(curve(cell(LENET[0]), VALUES[0]).layer_k)
    for i in range(3):
        left = np.array(SIZES) - layer_k[i]
        assert line.compression[i] == pytest.approx(sum(SIZES) / left.sum())
        assert line.speedup[i] == pytest.approx((np.array(SIZES) * uses).sum() / (left * uses).sum())


def test_the_numbers_come_back_from_csv() -> None:
    line = study.band("magnitude", [curve(cell(c), row) for c, row in zip(LENET, VALUES, strict=True)])
    rows = [*csv.DictReader(io.StringIO(study.to_csv([line])))]
    assert [row["line"] for row in rows] == ["magnitude"] * 3 and {row["networks"] for row in rows} == {"5"}
    np.testing.assert_allclose([float(row["mean"]) for row in rows], line.mean, rtol=1e-5)


def test_every_line_of_a_study_is_of_the_same_networks_and_sparsities() -> None:
    for scope in SCOPES:
        lines = study.by_criterion(LENET, scope)
        assert [line.name for line in lines] == [*CRITERIA]
        for line in lines:
            assert [cell.config for cell in line.cells] == [*LENET]
            assert {cell.sparsities for cell in line.cells} == {SPARSITIES}
    for line in study.by_retraining(LENET):
        assert {cell.sparsities for cell in line.cells} == {study.RETRAINED}
        assert {cell.epochs for cell in line.cells} == {0 if line.name == "none" else study.EPOCHS}
    assert {0.8, 0.9, 0.95, 0.98} == {*study.RETRAINED}
    alone = study.by_layer(LENET)
    assert [line.name for line in alone] == list(NETWORKS["lenet"].kernels(Problem()))
    assert {cell.sparsities for line in alone for cell in line.cells} == {FRACTIONS}


def test_networks_that_are_compared_by_optimizer_differ_in_nothing_else() -> None:
    for network, recipe in (("lenet", "quick"), ("convnet", "quick")):
        configs = study.networks(network, recipe)
        lines = study.by_optimizer(configs)
        assert [line.name for line in lines] == [*study.OPTIMIZERS, *(f"{name} lamp" for name in study.OPTIMIZERS)]
        for line in lines:
            optimizer, _, criterion = line.name.partition(" ")
            assert {cell.config.training.optimizer for cell in line.cells} == {optimizer}
            assert {cell.pruning.criterion for cell in line.cells} == {criterion or "magnitude"}
            assert [cell.config.seed for cell in line.cells] == [config.seed for config in configs]
        one, other = ([cell.config.training for cell in line.cells] for line in lines[:2])
        assert configs[0].training in (one[0], other[0])  # one line is of the recipe as it is
        for training, alike in zip(one, other, strict=True):
            rate, decay = training.learning_rate, training.weight_decay
            same = replace(alike, optimizer=training.optimizer, learning_rate=rate, weight_decay=decay)
            assert same == training != alike


def test_a_line_bears_what_it_loses_no_more_than_the_margin_at_and_before() -> None:
    def line(*accuracies: float) -> study.Band:
        return study.band("sgd", [curve(cell(config), accuracies) for config in LENET[:2]])

    assert study.bearable(line(0.9, 0.896, 0.5)) == 0.5
    assert study.bearable(line(0.9, 0.899, 0.896)) == 0.9
    assert study.bearable(line(0.9, 0.85, 0.9)) == 0.2  # later ones that happen to be within do not count
    assert study.bearable(line(0.8, 0.9, 0.9)) is None


def test_what_others_published_is_a_fall_from_their_own_network_and_has_a_source() -> None:
    for one in study.PUBLISHED:
        assert one.link.startswith("https://") and "arXiv" in one.source
        assert all(0.5 < sparsity < 1 and abs(accuracy - one.dense) < 0.03 for sparsity, accuracy in one.points)


def test_no_cell_of_the_default_study_is_asked_for_twice() -> None:
    cells = study.default()
    assert len({cell.key for cell in cells}) == len(cells) > 100


def test_what_ships_is_read_back_and_what_is_of_another_cell_is_not(tmp_path: Path) -> None:
    store, asked = Results(RunStore(tmp_path, tmp_path / "none")), cell(LENET[0])
    found = curve(asked, VALUES[0])
    store.put(asked, found)
    assert store.get(asked) == found
    shipped_study.write(tmp_path / "study.json", store, [asked, cell(LENET[1])])
    shipped = Results(RunStore(tmp_path / "empty", tmp_path))
    assert shipped.get(asked) == found and shipped.get(cell(LENET[1])) is None
    other = replace(asked, sparsities=(0.1, 0.2, 0.3))
    (tmp_path / ".study" / f"{other.key}.json").write_text(json.dumps(to_json(found)))
    assert store.get(other) is None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"curves": [{}], "audits": []}'])
def test_a_damaged_file_of_what_ships_is_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "study.json").write_text(content)
    store = Results(RunStore(tmp_path / "empty", tmp_path))
    assert store.get(cell(LENET[0])) is None and store.get(Auditing(config=LENET[0])) is None


@pytest.mark.slow
def test_the_command_computes_what_is_missing_and_says_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [Cell(config=tiny.config(seed=seed), sparsities=(0.5,)) for seed in (80, 81)]
    monkeypatch.setattr(shipped_study, "default", lambda: wanted)
    monkeypatch.setattr(audit, "networks", lambda: (wanted[0].config,))
    monkeypatch.setattr(shipped_study, "Engine", lambda address: Engine(tmp_path / "runs", tasks="tests.tiny"))
    shipped_study.main([str(tmp_path / "study.json")])
    assert "3 of 3 parts" in capsys.readouterr().out
    written = json.loads((tmp_path / "study.json").read_text())
    assert len(written["curves"]) == 2 and len(written["audits"]) == 1

    monkeypatch.setattr(shipped_study, "default", lambda: [Cell(config=tiny.diverging(), sparsities=(0.5,))])
    with pytest.raises(JobError, match="diverged"):
        shipped_study.main([str(tmp_path / "other.json")])
    assert not (tmp_path / "other.json").exists()


@pytest.mark.slow
def test_a_part_of_a_study_is_computed_without_a_browser_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    networks = tuple(tiny.config(seed=seed) for seed in (82, 83))
    monkeypatch.setattr(study, "networks", lambda *asked: networks)
    monkeypatch.setattr(command, "Engine", lambda address: Engine(tmp_path / "runs", tasks="tests.tiny"))
    out = tmp_path / "lines.csv"
    for first in (0, 8):
        assert command.main(["optimizers", "-o", str(out)]) == 0
        said = capsys.readouterr()
        assert f"{first} of 8 parts" in said.err and "8 of 8 parts computed" in said.err
        assert "over 2 networks" in said.out and str(out) in said.out
    rows = [*csv.DictReader(io.StringIO(out.read_text()))]
    lines, kept = study.by_optimizer(networks), Results(RunStore(tmp_path / "runs"))
    assert [row["line"] for row in rows] == [line.name for line in lines for _ in SPARSITIES]
    assert all(kept.has(cell) for line in lines for cell in line.cells)


@pytest.mark.slow
def test_the_claim_is_audited_without_a_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "networks", lambda: (tiny.config(seed=84), tiny.config(seed=85)))
    monkeypatch.setattr(command, "Engine", lambda address: Engine(tmp_path / "runs", tasks="tests.tiny"))
    out = tmp_path / "claim.csv"
    assert command.main(["claim", "-o", str(out)]) == 0
    assert "on average over 2 networks" in capsys.readouterr().out
    rows = [*csv.DictReader(io.StringIO(out.read_text()))]
    assert [row["reading"] for row in rows] == [reading.title for reading in audit.READINGS]


def test_a_study_that_is_stopped_says_that_it_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(jobs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compute", stopped)
    assert command.main(["retraining", "-o", str(tmp_path / "lines.csv")]) == 1
    assert "goes on from there" in capsys.readouterr().err and not (tmp_path / "lines.csv").exists()


def test_a_study_without_a_browser_says_what_stands_in_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["layers", "--data", "shoes", "-o", str(tmp_path / "lines.csv")]) == 1
    assert "no data set 'shoes'" in capsys.readouterr().err and not (tmp_path / "lines.csv").exists()
    with pytest.raises(SystemExit):
        command.main(["layers", "--networks", "lenet/unheard", "-o", "lines.csv"])


def test_a_study_that_cannot_be_stored_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Results(RunStore(tmp_path / "file" / "below", tmp_path / "none"))
    with pytest.raises(StoreError, match="cannot be written"):
        store.put(cell(LENET[0]), curve(cell(LENET[0]), VALUES[0]))


# --- when magnitude is enough -----------------------------------------------------------------------------------

BASE = 0.3 + VALUES / 4
NAMED = {"magnitude": "Magnitude", "lamp": "LAMP", "obs": "OBS"}


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def bands(**gains: tuple[float, float, float]) -> list[study.Band]:
    """Magnitude, and lines that are better by so much at 20, 50 and 90 %, alike for all networks but for a little."""
    little = np.array([[0.001], [-0.001], [0.0], [0.0005], [-0.0005]])
    rows = {"magnitude": BASE, **{name: BASE + np.array(gain) + little for name, gain in gains.items()}}
    return [
        study.band(name, [curve(cell(c), row) for c, row in zip(LENET, values, strict=True)])
        for name, values in rows.items()
    ]


def test_magnitude_is_enough_up_to_where_another_criterion_keeps_half_a_point_more() -> None:
    said = plain(study.enough(bands(lamp=(0.0, 0.02, 0.1), obs=(0.0, 0.0, 0.2)), NAMED))
    assert said.startswith("Magnitude is enough up to 20 %. LAMP keeps 2.00 pp [+1.88, +2.12] more at 50 % and OBS")
    assert "OBS keeps 20.0" in said and said.endswith("more at 90 %.")


def test_it_is_enough_everywhere_if_no_other_is_half_a_point_better() -> None:
    said = plain(study.enough(bands(lamp=(0.004, 0.004, -0.1)), NAMED))
    assert said == "Magnitude is enough from 20 % to 90 %: no other criterion is shown to keep 0.5 pp more."


def test_it_is_enough_nowhere_if_another_is_better_from_the_first_sparsity() -> None:
    assert study.enough(bands(lamp=(0.01, 0.0, 0.0)), NAMED).startswith("Magnitude is enough nowhere.")


def test_a_gap_that_differs_from_network_to_network_is_not_called_better() -> None:
    first, _ = bands(lamp=(0.0, 0.0, 0.0))
    wild = BASE + np.array([[0.2], [-0.15], [0.1], [-0.1], [0.0]])
    other = study.band("lamp", [curve(cell(c), row) for c, row in zip(LENET, wild, strict=True)])
    assert (other.mean - first.mean > 0.005).all()
    assert "no other criterion" in study.enough([first, other], NAMED)


def test_nothing_is_said_of_one_network_or_of_different_ones() -> None:
    alone = study.band("magnitude", [curve(cell(LENET[0]), VALUES[0])])
    assert study.enough([alone, alone], NAMED) == study.enough(bands(), NAMED) == ""
    assert study.enough([bands()[0], alone], NAMED) == ""
