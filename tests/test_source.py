"""What a run was trained on is compared with what is loaded, whatever is asked of it; else nothing is kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.cost.files import Exporting
from core.cost.rounding import Rounding
from core.cost.times import Timing
from core.cost.tradeoff import Comparing
from core.data import Dataset, Split
from core.engine import tasks
from core.engine.work import Source
from core.errors import DataError
from core.evaluation.profile import Evaluating, Profiling
from core.job import Job
from core.pruning import PruningConfig
from core.run import Run
from core.store.runs import RunStore
from core.study.audit import Auditing
from core.study.bisection import Search
from core.study.cells import Cell
from tests import tiny

TAYLOR = PruningConfig(criterion="taylor")

ASKED: dict[str, Callable[[Run], Job[Any]]] = {
    "profile": lambda run: Profiling(run_id=run.id, pruning=PruningConfig(scope="layerwise")),
    "gradients": lambda run: Profiling(run_id=run.id, pruning=TAYLOR),
    "point": lambda run: Evaluating(run_id=run.id, sparsity=0.123),
    "rounding": lambda run: Rounding(run_id=run.id, sparsity=0.5),
    "timing": lambda run: Timing(run_id=run.id, sparsity=0.5),
    "export": lambda run: Exporting(run_id=run.id, sparsity=0.5),
    "tradeoff": lambda run: Comparing(run_id=run.id),
    "search": lambda run: Search(run_id=run.id),
    "cell": lambda run: Cell(config=run.trained),
    "audit": lambda run: Auditing(config=run.trained),
}
"""Every task that a data set is loaded for, once there is a run."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    root = tmp_path_factory.mktemp("runs")
    tiny.train(tiny.config(), root=root)
    return root, RunStore(root).get(tiny.config().run_id)


def other(what: str) -> Dataset:
    """The data set that a run was trained on, but for one thing."""
    of = tiny.source().data
    if what == "labels":  # moved by one, as by a folder that became a class
        train, test = (Split(part.images, ((part.labels + 1) % 10).astype(np.uint8)) for part in (of.train, of.test))
        return Dataset(train, test, of.classes)
    if what == "order":
        return replace(of, classes=of.classes[::-1])
    if what == "classes":
        return replace(of, classes=("@eaDir", *of.classes))
    if what == "shape":
        train, test = (Split(np.zeros((len(part), 32, 32), np.uint8), part.labels) for part in (of.train, of.test))
        return Dataset(train, test, of.classes)
    return replace(of, test=of.test.where(np.arange(len(of.test)) > 0))


def everything(root: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("task", ASKED)
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("labels", "its test images have other labels"),
        ("order", "its classes are Ankle boot, Bag, .* and were T-shirt, Trouser"),
        ("classes", "its classes are @eaDir, T-shirt, .* and were T-shirt, Trouser"),
        ("shape", "its images are 32 x 32 and were 28 x 28"),
        ("count", "its test images have other labels"),
    ],
)
def test_a_run_is_not_asked_about_another_data_set(made: tuple[Path, Run], task: str, what: str, said: str) -> None:
    root, run = made
    found, before = other(what), everything(root)
    with pytest.raises(DataError, match=f"is not what run {run.id} was trained on: {said}") as caught:
        tasks.perform(ASKED[task](run), root, source=lambda name: Source(found, {}))
    assert str(caught.value).endswith("Train it again.")
    assert everything(root) == before


def test_names_in_another_normal_form_are_the_same(made: tuple[Path, Run]) -> None:
    root, run = made
    store = RunStore(root)
    test: Any = tiny.source().data.test
    assert store.unlike(run.id, test, run.classes) is None
    assert store.unlike(run.id, test, ("cafe\u0301", *run.classes[1:])) is not None
