"""A large network that was trained here is evaluated in parts, which together are the whole, bit for bit."""

from pathlib import Path

import numpy as np
import pytest

from core import panels
from core.evaluation.profile import Profile, Profiling
from core.evaluation.rounds import Measuring, measurings
from core.networks import multiplications
from core.pruning import PruningConfig, rank
from core.run import Run
from core.store.results import Results
from core.store.runs import RunStore
from tests import tiny

CONFIG = tiny.config()
LAYERWISE = PruningConfig(scope="layerwise")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Profile]:
    root = tmp_path_factory.mktemp("runs")
    tiny.train(CONFIG, root=root)
    return root, tiny.profile(CONFIG.run_id, LAYERWISE, root=root)


@pytest.fixture
def parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Run]:
    """A run in three parts, as if its network were large."""
    tiny.train(CONFIG, root=tmp_path)
    run = RunStore(tmp_path).get(CONFIG.run_id)
    once = run.passes * multiplications(run.kernels)
    monkeypatch.setattr("core.run._WORK", 70 * once)
    assert (run.images, run.parts, run.at_once) == (200, 3, 67)
    return tmp_path, run


def test_parts_of_any_workers_are_the_whole(parted: tuple[Path, Run], whole: tuple[Path, Profile]) -> None:
    root, run = parted
    results = Results(RunStore(root))
    for number, images in ((2, None), (0, 67), (1, 200)):
        tiny.perform(Measuring(run_id=run.id, pruning=LAYERWISE, number=number), root)
        known = results.profile(run.id, LAYERWISE)
        assert (known.images if known else None) == images
    assert len([*(root / "parts").iterdir()]) == run.parts
    done = tiny.profile(run.id, LAYERWISE, root=root)
    for name, value in whole[1].to_arrays().items():
        assert np.array_equal(value, done.to_arrays()[name]), name


def test_parts_that_are_joined_leave_no_file_and_are_not_missing(parted: tuple[Path, Run]) -> None:
    root, run = parted
    results, jobs = Results(RunStore(root)), measurings(run.id, LAYERWISE, run.parts)
    other = Measuring(run_id=run.id, pruning=PruningConfig(), number=1)
    for job in (*jobs[:2], other):
        tiny.perform(job, root)
    assert results.missing(jobs) == [jobs[2]]
    tiny.profile(run.id, LAYERWISE, root=root)
    assert results.missing(jobs) == [] and not results.missing([other])
    left = [file.name for file in (root / "parts").iterdir()]
    assert len(left) == 1 and left[0].startswith(other.key)


def test_one_worker_does_the_missing_parts(parted: tuple[Path, Run], whole: tuple[Path, Profile]) -> None:
    root, run = parted
    done: Profile = tiny.perform(Profiling(run_id=run.id, pruning=LAYERWISE), root)
    assert np.array_equal(done.predicted, whole[1].predicted)


def test_the_wall_comes_when_its_images_are_evaluated(parted: tuple[Path, Run], whole: tuple[Path, Profile]) -> None:
    root, run = parted
    store, profile = RunStore(root), whole[1]
    weights, labels = store.weights(run.id), store.labels(run.id)

    def shown(images: int) -> panels.Panel:
        part = profile.first(images)
        return panels.wall(part, weights, rank(weights, LAYERWISE), labels[:images], run.classes, among=run.images)

    assert shown(67).wall is None and shown(67).readouts and shown(200).wall is not None


@pytest.mark.parametrize(("name", "parts"), [("resnet", 4), ("convnet", 1), ("lenet", 1)])
def test_of_the_runs_that_ship_only_the_largest_has_parts(name: str, parts: int, tmp_path: Path) -> None:
    [run] = [run for run in RunStore(tmp_path).runs() if run.network == name]
    assert (run.parts, run.at_once * run.parts) == (parts, run.images)
