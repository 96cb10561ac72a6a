"""The same pages on a data set of the host's own: three classes of coloured images, a real network trained on them."""

import gzip
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import data
from core.config import RunConfig, TrainingConfig
from core.data import folders
from core.engine import tasks
from core.pruning import PruningConfig
from core.run import Run, Training
from core.store.runs import RunStore
from pages.ui.server.routes import panel
from tests.own_data import CLASSES, put_idx
from tests.patience import PATIENCE
from tests.reading import ROUTER, rows, text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Run]:
    """The folder of data sets, the run store and its run."""
    root = tmp_path_factory.mktemp("other")
    of = folders.describe(put_idx(root / "sets" / "Shapes", (32, 32, 3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(folders.VARIABLE, str(root / "sets"))
        config = RunConfig(network="lenet", training=TrainingConfig(epochs=6, batch_size=50), data=of.config)
        tasks.perform(Training(config=config), root / "runs")
    return root / "sets", root / "runs", RunStore(root / "runs").get(config.run_id)


@pytest.fixture
def app(made: tuple[Path, Path, Run], no_scheduler: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    sets, runs, run = made
    monkeypatch.setenv(folders.VARIABLE, str(sets))
    monkeypatch.setenv("PRUNELAB_RUNS", str(runs))
    st.cache_resource.clear()
    opened = AppTest.from_file(ROUTER, default_timeout=PATIENCE)
    opened.query_params["run"] = run.id
    yield opened
    st.cache_resource.clear()


def test_the_overview_and_the_prune_page_name_the_data_set(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.selectbox(key="picked run").options[0].startswith("LeNet-5 on shapes, own recipe")
    app.switch_page("prune.py").run()
    assert not app.exception and not app.error


@pytest.mark.parametrize("section", ["Changed answers", "First to change", "Class by class"])
def test_the_images_page_speaks_of_its_classes(app: AppTest, section: str) -> None:
    app.query_params["section"] = section
    app.query_params["true"] = "Shirt"  # of another data set
    app.switch_page("images.py").run()
    assert not app.exception and not app.error
    if section == "Class by class":
        assert sorted(rows(app)) == sorted(CLASSES)
        assert "corrected for 3 classes" in text(app)
    else:
        box = app.selectbox(key="true")
        assert box.options == ["any", *CLASSES] and box.value == "any"


def test_an_image_of_it_can_be_opened(app: AppTest) -> None:
    app.query_params["image"] = "5"
    app.switch_page("images.py").run()
    assert not app.exception
    assert f"Test image 5: {CLASSES[5 % 3]}" in text(app)


def test_the_panels_are_made_of_its_classes(made: tuple[Path, Path, Run], app: AppTest) -> None:
    app.run()
    store = RunStore(made[1])
    assert store.profile(made[2].id, PruningConfig()) is not None
    for part in ("pruning", "answers", "classwise"):
        asked = {"run": made[2].id, "criterion": "magnitude", "scope": "global", "part": part}
        shown = gzip.decompress(panel(asked)).decode()
        assert "circle" in shown and "Shirt" not in shown


def test_the_train_page_offers_it_with_its_own_counts_and_without_flips(app: AppTest) -> None:
    app.switch_page("train.py").run()
    assert app.toggle[0].label == "Random horizontal flips" and app.toggle[0].value
    chosen = app.selectbox(key="data set")
    assert len(chosen.options) == 2 and "600 training images of 32 × 32, colours, 3 classes" in chosen.options[1]
    of = next(of for of in data.available()[0] if of.title == "Shapes")
    chosen.set_value(of.id).run()
    assert not app.exception
    assert not app.toggle[0].value
    assert any("weights" in option for option in app.selectbox(key="network").options)


def test_the_study_page_studies_it(app: AppTest) -> None:
    app.switch_page("study.py").run()
    of = next(of for of in data.available()[0] if of.title == "Shapes")
    app.selectbox(key="data").set_value(of.id).run()
    assert not app.exception
    assert "0 of 40 cells of this figure are computed" in text(app)


def test_images_of_other_classes_are_not_shown_beside_a_runs_answers(
    app: AppTest, made: tuple[Path, Path, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    app.query_params["image"] = "5"
    monkeypatch.setattr("pages.ui.view.lookup.class_names", lambda name: (*CLASSES[1:], CLASSES[0]))
    app.switch_page("images.py").run()
    assert not app.exception
    assert "images are not on this server" in str([info.value for info in app.info])


def test_looking_for_data_sets_again_keeps_nobody_waiting(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes after a while sees what was found last; the look itself goes on beside."""
    app.switch_page("train.py").run()
    began, go_on, look = threading.Event(), threading.Event(), data.available

    def slow() -> Any:
        began.set()
        go_on.wait(60)
        return look()

    monkeypatch.setattr(data, "available", slow)
    monkeypatch.setattr("streamlit.runtime.caching.cache_utils.TTLCACHE_TIMER", lambda: time.monotonic() + 60)
    app.run()
    assert not app.exception and len(app.selectbox(key="data set").options) == 2
    assert began.wait(30) and not go_on.is_set()
    go_on.set()
