"""The wall of test images: which images are on it, and what each shows at each stop."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from core import data, panels
from core.errors import DataError
from core.evaluation.answers import of_each_class
from core.figures.wall import GAINED, LOST, OTHER, SAME, wall
from core.pruning.distributions import Distributions
from core.reference.wall import sheet
from core.store.runs import SHIPPED, WALL, RunStore
from tests import small


def test_equally_many_images_of_each_class_are_drawn_and_always_the_same() -> None:
    labels = np.random.default_rng(0).integers(0, 10, 5000).astype(np.uint8)
    drawn = of_each_class(labels, 240)
    assert len({*drawn.tolist()}) == 240 and np.bincount(labels[drawn]).tolist() == [24] * 10
    assert (np.diff(labels[drawn].astype(int)) >= 0).all()
    assert np.array_equal(drawn, of_each_class(labels, 240))
    assert not np.array_equal(drawn, of_each_class(labels, 240, seed=1))


@pytest.mark.parametrize(("labels", "most", "expected"), [([], 5, 0), ([3, 3, 3], 5, 3), ([0, 1, 2, 3], 2, 2)])
def test_a_class_gives_what_it_has(labels: list[int], most: int, expected: int) -> None:
    assert len(of_each_class(np.array(labels, np.uint8), most)) == expected


def test_each_image_shows_what_pruning_did_to_its_answer() -> None:
    profile, labels, images = small.profile(), small.LABELS, np.arange(len(small.LABELS))
    shown = wall(profile, labels, images, small.CLASSES)
    for stop, states in enumerate(shown.states):
        expected = ""
        for true, dense, now in zip(labels, profile.predicted[0], profile.predicted[stop], strict=True):
            kind = SAME if now == dense else LOST if dense == true else GAINED if now == true else OTHER
            expected += kind
        assert states == expected
        numbers = [int(n) for text in shown.counts[stop] for n in re.findall(r"^\d+", text)]
        assert numbers == [states.count(kind) for kind in (LOST, GAINED, OTHER)]
        assert shown.answers[stop] == profile.predicted[stop].tolist()
    assert {*"".join(shown.states)} == {SAME, LOST, GAINED, OTHER}
    assert "no answer is another" in shown.summaries[0] and "lost" in shown.summaries[-1]


def test_the_panel_has_the_wall_before_the_first_kernels() -> None:
    panel = panels.wall(small.profile(), small.weights(), small.ranking(), small.LABELS, small.CLASSES)
    read = json.loads(json.dumps(panel.to_json(), default=lambda value: value.item()))
    tiles, kernels = read["figures"]
    assert tiles["span"] + kernels["span"] == 12 and read["beside"]
    assert len(tiles["figure"]["wall"]["images"]) == sum(count for _, count in tiles["figure"]["wall"]["rows"])
    assert kernels["figure"]["title"].startswith("Kernels of ")


def test_kernels_are_covered_as_their_weights_are_pruned() -> None:
    profile, weights, ranking = small.profile(), small.weights(), small.ranking()
    panel = panels.wall(profile, weights, ranking, small.LABELS, small.CLASSES)
    name = next(name for name, kernel in weights.items() if kernel.ndim == 4)
    parts = {layer.name: i for i, layer in enumerate(Distributions.of(weights, ranking).layers)}
    if weights[name].shape[0] * weights[name].shape[1] > 32:
        pytest.skip("not all kernels are shown")
    for stop in range(len(profile.k)):
        covered = panel.figures[0].figure.at(stop).data[1].z
        assert sum(cell is not None for row in covered for cell in row) == profile.layer_k[stop][parts[name]]


def test_the_sheet_that_ships_is_cut_from_the_data_set_and_has_its_licence() -> None:
    try:
        data.check(data.FASHION.id)
    except DataError as error:
        pytest.skip(str(error))
    assert WALL.read_bytes() == sheet()
    assert "Zalando" in (SHIPPED / "fashion-mnist.LICENSE").read_text()


def test_the_shipped_runs_all_have_the_images_of_the_sheet(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    drawn = [of_each_class(store.labels(run.id), panels.IMAGES).tolist() for run in store.runs() if run.reference]
    assert len(drawn) > 1 and all(images == drawn[0] for images in drawn)
