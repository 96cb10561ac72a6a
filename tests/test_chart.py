"""A figure is built once for everyone, under all that it was made of; what is stored is read once while it stays."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import streamlit as st
from plotly.basedatatypes import BaseFigure
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest

from core import figures, study
from core.cost.files import Export, Exporting
from core.pruning import PruningConfig
from core.store.results import Results
from core.store.runs import RunStore
from pages.ui.components import chart
from pages.ui.server import framework
from tests import shelf
from tests.curves import LENET, curve, studied
from tests.patience import PATIENCE
from tests.reading import charts, rows


@pytest.fixture
def app(tmp_path: Path, app_on: Callable[[Path], AppTest]) -> Callable[..., AppTest]:
    """A visitor who looks at a page of the shelf's runs, with these parameters."""
    shelf.fill(tmp_path / "runs")

    def visit(page: str, **query: str) -> AppTest:
        opened = app_on(tmp_path / "runs")
        for name, value in query.items():
            opened.query_params[name] = value
        opened.switch_page(page).run()
        assert not opened.exception
        return opened

    return visit


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many figures plotly.py has built, and how many traces it has checked."""
    counts = {"figures": 0, "traces": 0}
    whole, trace = BaseFigure.__init__, go.Scatter.__init__

    def counted(what: str, old: Callable[..., None], *args: Any, **more: Any) -> None:
        counts[what] += 1
        old(*args, **more)

    monkeypatch.setattr(BaseFigure, "__init__", lambda *a, **m: counted("figures", whole, *a, **m))
    monkeypatch.setattr(go.Scatter, "__init__", lambda *a, **m: counted("traces", trace, *a, **m))
    return counts


# --- built once -------------------------------------------------------------------------------------------------


def test_a_second_visitor_to_a_page_has_no_figure_built(
    app: Callable[..., AppTest], built: dict[str, int], tmp_path: Path
) -> None:
    studied(tmp_path / "runs")
    for page, query in (
        ("study.py", {}),
        ("images.py", {"section": "First to change", "sparsity": "50"}),
    ):
        first = app(page, **query)
        assert built["figures"] > 0
        built.update(figures=0, traces=0)
        second = app(page, **query)
        assert built == {"figures": 0, "traces": 0}
        assert charts(second) == charts(first) and charts(second)[0]["alt"]


# --- kept under what it was made of -----------------------------------------------------------------------------


def shown(epochs: int, key: str = "a", buttons: bool = True) -> Any:
    """What a visitor's browser is sent of a figure with so many epochs."""
    draw = partial(figures.learning_curves, [], epochs)
    visitor = AppTest.from_function(_page, args=(draw, key, buttons), default_timeout=PATIENCE).run()
    assert not visitor.exception
    return charts(visitor)[0]


def _page(draw, key, buttons):  # type: ignore[no-untyped-def]  # runs on its own, without this module's names
    from pages.ui.components.chart import chart

    chart(draw, key, "What it shows.", buttons=buttons)


@pytest.fixture
def empty() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.mark.usefixtures("empty")
def test_other_epochs_and_other_buttons_are_each_shown_as_they_are() -> None:
    first, other = shown(3), shown(4)
    assert first["figure"] != other["figure"] and shown(3) == first == shown(3, key="b")
    assert shown(3, buttons=False) == {**first, "buttons": False} != first
    assert first["alt"] == "What it shows." and not first["figure"]["layout"].get("template")


def test_a_figure_is_known_by_all_that_it_is_made_of_and_by_nothing_that_might_change() -> None:
    long = np.arange(100_000.0)
    one, other = (chart._content([array, {"a": (1, None)}]) for array in (long, np.where(long == 50_000, 0.5, long)))
    assert one != other and repr(one) != repr(other)
    assert (
        len({repr(chart._content(v)) for v in (1, True, 1.0, "1", [1], np.array([1]), np.array([1.0]), -0.0, 0.0)}) == 9
    )
    with pytest.raises(TypeError, match="not of object"):
        chart._content([object()])


@pytest.mark.usefixtures("empty")
def test_only_so_many_figures_are_kept(built: dict[str, int]) -> None:
    for epochs in range(chart.KEPT + 1):
        draw(epochs)
    each = built["figures"] // (chart.KEPT + 1)
    assert built["figures"] == each * (chart.KEPT + 1) > 0
    draw(chart.KEPT)
    assert built["figures"] == each * (chart.KEPT + 1)
    draw(0)
    assert built["figures"] == each * (chart.KEPT + 2)


def draw(epochs: int) -> None:
    chart.chart(partial(figures.learning_curves, [], epochs), "a", "What it shows.")


def test_a_curve_that_is_computed_meanwhile_is_in_the_figure_at_once(
    app: Callable[..., AppTest], tmp_path: Path
) -> None:
    store, (line, *_) = Results(RunStore(tmp_path / "runs")), study.by_criterion(LENET, "global")
    first, second, *_ = line.cells
    said = []
    for cell, level in ((first, 0.8), (second, 0.6), (second, 0.4)):
        store.put(cell, curve(cell, [level] * len(cell.sparsities)))
        figure = charts(app("study.py"))[0]["figure"]
        (drawn,) = [trace for trace in figure["data"] if trace["mode"] == "lines+markers"]
        said.append(drawn["text"][0].partition("95 %")[0])
    assert [f"{mean}.00" in text for mean, text in zip((80, 70, 60), said, strict=True)] == [True] * 3, said


# --- read once --------------------------------------------------------------------------------------------------


def test_a_profile_and_labels_are_read_once_and_again_when_another_stands_in_their_place(tmp_path: Path) -> None:
    run, other = shelf.fill(tmp_path)
    store = RunStore(tmp_path)
    profile, labels = store.profile(run.id, PruningConfig()), store.labels(run.id)
    assert profile is not None and store.profile(run.id, PruningConfig()) is profile and store.labels(run.id) is labels
    for array in (*profile.to_arrays().values(), labels):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert store.profile(other.id, PruningConfig()) is not profile
    flipped = replace(profile, predicted=1 - np.minimum(profile.predicted, 1))
    RunStore(tmp_path).save_profile(run.id, flipped)  # as another process does
    found = store.profile(run.id, PruningConfig())
    assert found is not None and np.array_equal(found.predicted, flipped.predicted)


def test_files_to_download_are_looked_through_once_and_again_when_others_stand_in_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = shelf.fill(tmp_path)
    store, asked = Results(RunStore(tmp_path)), Exporting(run_id=run.id, sparsity=0.5)
    assert store.checked(asked) is None
    store.put(asked, Export({"a": b"1"}, ("One.",)))
    assert store.checked(asked) == ("One.",)
    monkeypatch.setattr(RunStore, "kept", lambda self, name: pytest.fail("it was read again"))
    assert store.checked(asked) == ("One.",)
    monkeypatch.undo()
    store.put(asked, Export({"a": b"1"}, ("One.", "Two.")))
    assert store.checked(asked) == ("One.", "Two.")
    next((tmp_path / "exports").iterdir()).write_bytes(b"no archive")
    assert store.checked(asked) is None


def test_a_run_that_is_deleted_and_trained_to_other_bits_is_shown_as_it_is_now(
    app: Callable[..., AppTest], tmp_path: Path
) -> None:
    run = shelf.train(tmp_path / "runs", "me")
    before = rows(app("overview.py", run=run.id))["In view"]["cells"]
    store = RunStore(tmp_path / "runs")
    profile, labels, weights = store.profile(run.id, PruningConfig()), store.labels(run.id), store.weights(run.id)
    assert profile is not None
    store.delete(run.id, "me")
    store.save(run, {name: -w for name, w in weights.items()}, np.roll(labels, 1), profile)
    after = rows(app("overview.py", run=run.id))["In view"]["cells"]
    assert before[2] != after[2] and after[2]["rank"] == pytest.approx(store.get(run.id).accuracy.value)


def test_the_theme_that_is_told_again_is_the_one_that_streamlit_tells() -> None:
    messages = [ForwardMsg().new_session.custom_theme for _ in range(3)]
    framework._look_up(messages[0])
    framework._add_theme(messages[1])
    framework._add_theme(messages[2])
    assert messages[0].ByteSize() > 100 and messages[0] == messages[1] == messages[2]
    empty = ForwardMsg().new_session
    framework._add_theme(empty.custom_theme.sidebar, "theme.sidebar")
    assert not empty.custom_theme.HasField("sidebar")
