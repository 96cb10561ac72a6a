"""A cell is its configuration; a curve comes back from JSON as it went."""

import dataclasses
import json
from typing import Any

import pytest

from core.codec import from_json, to_json
from core.errors import ConfigError, StoreError
from core.evaluation import Comparison
from core.pruning import PruningConfig
from core.study.cells import SPARSITIES, Cell, Curve, area
from tests import tiny

CELL = Cell(config=tiny.config(), sparsities=(0.1, 0.5))


def curve(cell: Cell = CELL) -> Curve:
    rows = tuple(Comparison(200, 150 - i, i, 2, 48 - 2 + i - i, 10 + i) for i in range(len(cell.sparsities)))
    return Curve(
        cell=cell,
        total=100,
        k=tuple(round(100 * s) for s in cell.sparsities),
        sizes=(90, 10),
        uses=(4, 1),
        layer_k=tuple((round(90 * s), round(10 * s)) for s in cell.sparsities),
        test=rows,
        seconds=1.5,
        created="2026-11-25T00:00:00+00:00",
        versions={"torch": "2"},
        machine={"threads": 1},
    )


def test_every_field_is_part_of_the_id() -> None:
    others = [
        {"config": tiny.config(seed=1)},
        {"pruning": PruningConfig(scope="erk")},
        {"layer": "fc1.weight"},
        {"retraining": "fine-tune", "epochs": 1},
        {"sparsities": (0.1, 0.6)},
    ]
    ids = [dataclasses.replace(CELL, **other).key for other in others]  # type: ignore[arg-type]
    assert len({CELL.key, *ids}) == 1 + len(others)
    assert Cell(config=tiny.config(), sparsities=(0.1, 0.5)).key == CELL.key


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"retraining": "hope"}, "choose one of"),
        ({"sparsities": ()}, "increase from 0 to 1"),
        ({"sparsities": (0.5, 0.5)}, "increase from 0 to 1"),
        ({"sparsities": (0.5, 1.5)}, "increase from 0 to 1"),
        ({"epochs": 3}, "no epochs"),
        ({"retraining": "fine-tune"}, "each round takes an epoch"),
        ({"retraining": "iterative", "epochs": 2, "rounds": 3}, "each round takes an epoch"),
        ({"retraining": "fine-tune", "epochs": 2, "rounds": 2}, "iterative"),
        ({"retraining": "rewind", "epochs": 2, "pruning": PruningConfig(criterion="random")}, "by magnitude"),
        ({"layer": "fc1.weight", "pruning": PruningConfig(repair="refit")}, "A repair follows"),
        ({"retraining": "fine-tune", "epochs": 2, "pruning": PruningConfig(repair="refit")}, "A repair follows"),
    ],
)
def test_what_does_not_fit_together_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        dataclasses.replace(CELL, **wrong)


def test_cells_and_curves_come_back_from_json() -> None:
    cell = dataclasses.replace(CELL, layer="fc1.weight", pruning=PruningConfig(criterion="random", seed=4))
    assert from_json(Cell, json.loads(json.dumps(dataclasses.asdict(cell)))) == cell
    assert from_json(Curve, json.loads(json.dumps(to_json(curve(cell))))) == curve(cell)


@pytest.mark.parametrize(
    "damage",
    [
        {"k": [1]},
        {"layer_k": [[1, 2]]},
        {"test": [[1, 2]]},
        {"cell": {}},
        {"test": None},
        {"more": 1},
        {"k": ["many", 1]},
        {"k": [float("inf"), 1]},
    ],
)
def test_a_damaged_curve_is_named(damage: dict[str, Any]) -> None:
    values = json.loads(json.dumps(to_json(curve())))
    with pytest.raises(StoreError, match="curve"):
        from_json(Curve, {**values, **damage})


def test_the_area_is_the_mean_accuracy_over_the_sparsities_that_were_looked_at() -> None:
    assert area((0.5,), (0.9,)) == 0.9
    assert area((0.5, 1.0), (0.8, 0.1)) == pytest.approx(0.45)
    assert area((0.0, 0.2, 1.0), (1.0, 0.5, 0.5)) == pytest.approx(0.2 * 0.75 + 0.8 * 0.5)
    falling = area(SPARSITIES, [1 - s for s in SPARSITIES])
    assert falling == pytest.approx(1 - (SPARSITIES[0] + SPARSITIES[-1]) / 2)
