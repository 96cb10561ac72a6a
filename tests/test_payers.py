"""Who pays: what a repair brings back, in the figure, in the readout, in the gallery and in the table of classes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import panels
from core.evaluation import compare
from core.evaluation.answers import REPAIRED, by_repair
from core.evaluation.profile import STOPS, Profile
from core.figures import LiveFigure, brought_back, colours
from core.pruning import AS_IS, PruningConfig
from core.run import Run
from core.store.runs import RunStore
from core.words import repair
from core.words.glossary import TERMS
from tests import shelf, small
from tests.reading import text

REFIT = "refit"
PANELS = pytest.mark.parametrize("panel", [panels.answers, panels.classwise], ids=["answers", "classwise"])


def repaired(profile: Profile, labels: np.ndarray) -> Profile:
    """Most images get their dense answer back, a few a wrong one at every stop but the first."""
    predicted, images = profile.predicted.copy(), np.arange(len(labels))
    predicted[:, images % 3 > 0] = profile.predicted[0, images % 3 > 0]
    predicted[1:, images % 17 == 0] = (labels[images % 17 == 0] + 1) % 10
    return replace(profile, pruning=profile.pruning.then(REFIT), predicted=predicted)


AS_IS_PROFILE = small.profile()
PROFILE = repaired(AS_IS_PROFILE, small.LABELS)


def counts(stop: int) -> np.ndarray:
    predicted = AS_IS_PROFILE.predicted
    return by_repair(small.LABELS, predicted[0], predicted[stop], PROFILE.predicted[stop], 10)


def payers(shown: panels.Panel) -> LiveFigure | None:
    return next((placed.figure for placed in shown.figures if placed.figure.name == "payers"), None)


# --- the panel --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [0, 12, 20, 30, len(STOPS) - 1])
def test_the_bars_are_the_counts_of_their_class(stop: int) -> None:
    figure = payers(panels.classwise(PROFILE, small.LABELS, small.CLASSES, [AS_IS_PROFILE]))
    assert figure is not None and len(figure.patches) == len(STOPS)
    *bars, texts = figure.at(stop).data
    assert tuple(bar.name for bar in bars) == REPAIRED
    for bar, column in zip(bars, counts(stop).T, strict=True):
        assert [n or 0 for n in bar.x] == column.tolist() and 0 not in bar.x and [*bar.y] == [*small.CLASSES]
        assert [*bar.customdata] == [str(n) for n in np.bincount(small.LABELS)]
    assert [t.strip() for t in texts.text] == [repair.back(back, still) for back, still, _ in counts(stop).tolist()]
    assert [*texts.x] == counts(stop).sum(axis=1).tolist()
    low, high = figure.at(stop).layout.xaxis.range
    assert low == 0 and high > max(texts.x)


def test_no_two_bars_differ_in_colour_alone() -> None:
    figure = brought_back([counts(20)], small.CLASSES, [20] * 10)
    markers = [bar["marker"] for bar in figure.base["data"][:3]]
    assert [m.get("pattern", {}).get("shape") for m in markers] == [None, "/", "x"]
    assert markers[0]["color"] == colours.GAINED and markers[1]["color"] == colours.LOST == "#CC79A7"


@pytest.mark.parametrize(
    ("most", "end"), [(0, 10), (10, 10), (11, 15), (20, 20), (49, 50), (51, 80), (81, 100), (983, 1000)]
)
def test_the_scale_moves_in_steps(most: int, end: int) -> None:
    figure = brought_back([np.array([[most, 0, 0]])], ["a"], [1000])
    assert figure.at(0).layout.xaxis.range == (0, 1.4 * end)


@PANELS
def test_the_readout_adds_up_to_what_each_network_lost(panel: Callable[..., panels.Panel]) -> None:
    shown = panel(PROFILE, small.LABELS, small.CLASSES, [AS_IS_PROFILE])
    (readout,) = (r for r in shown.readouts if r.label == "Brought back")
    assert readout.term in TERMS
    for stop in range(len(STOPS)):
        back, still, newly = counts(stop).sum(axis=0)
        lost = compare(small.LABELS, AS_IS_PROFILE.predicted[0], AS_IS_PROFILE.predicted[stop]).lost
        assert readout.values[stop] == (f"{back} of {lost}" if lost else "none lost")
        assert readout.notes[stop] == f"lost as is; {still} still lost, {newly} newly lost"
        assert still + newly == PROFILE.comparison(small.LABELS, stop).lost


@PANELS
def test_without_a_repair_or_the_network_as_it_is_nothing_of_it_is_shown(panel: Callable[..., panels.Panel]) -> None:
    other = replace(PROFILE, pruning=PruningConfig(repair="batch-norm"))
    for profile, others in ((AS_IS_PROFILE, [PROFILE]), (AS_IS_PROFILE, []), (PROFILE, []), (PROFILE, [other])):
        shown = panel(profile, small.LABELS, small.CLASSES, others)
        assert payers(shown) is None and "Brought back" not in [r.label for r in shown.readouts]
    assert (payers(panel(PROFILE, small.LABELS, small.CLASSES, [AS_IS_PROFILE])) is None) == (panel is panels.answers)


def test_a_stop_that_the_network_as_it_is_lacks_shows_nothing_of_it() -> None:
    own = repaired(small.profile(own=0.123), small.LABELS)
    assert payers(panels.classwise(own, small.LABELS, small.CLASSES, [AS_IS_PROFILE])) is None
    assert payers(panels.classwise(own, small.LABELS, small.CLASSES, [small.profile(own=0.123)])) is not None


def test_figures_fill_whole_rows() -> None:
    spans = [p.span for p in panels.classwise(PROFILE, small.LABELS, small.CLASSES, [AS_IS_PROFILE]).figures]
    assert spans == [6, 6, 12, 4, 4, 4]


def test_what_is_brought_back_is_said_of_what_was_lost() -> None:
    assert repair.back(1_188, 32) == "1,188 of 1,220" and repair.back(0, 5) == "0 of 5"
    assert repair.back(0, 0) == "none lost"


# --- the page ---------------------------------------------------------------------------------------------------

STOP = 80


@pytest.fixture
def shelved(tmp_path: Path) -> tuple[RunStore, Run]:
    """A ConvNet as it is and refitted."""
    store = RunStore(tmp_path / "runs")
    run, _ = shelf.fill(tmp_path / "runs")
    profile = store.profile(run.id, PruningConfig())
    assert profile is not None
    store.save_profile(run.id, repaired(profile, store.labels(run.id)))
    return store, run


@pytest.fixture
def app(shelved: tuple[RunStore, Run], app_on: Callable[[Path], AppTest], tmp_path: Path) -> AppTest:
    """The Images page at 80 %, refitted."""
    app = app_on(tmp_path / "runs")
    app.query_params["run"], app.query_params["repair"] = shelved[1].id, REFIT
    app.query_params["sparsity"] = str(STOP)
    return app


def outcomes(store: RunStore, run: Run) -> np.ndarray:
    """(10, 3) `by_repair` at the stop."""
    as_is, after = (store.profile(run.id, PruningConfig(repair=name)) for name in (AS_IS, REFIT))
    assert as_is is not None and after is not None
    row = as_is.stop_index(STOP)
    return by_repair(store.labels(run.id), as_is.predicted[0], as_is.predicted[row], after.predicted[row], 10)


@pytest.mark.parametrize("outcome", REPAIRED)
def test_a_link_opens_the_gallery_of_an_outcome(app: AppTest, shelved: tuple[RunStore, Run], outcome: str) -> None:
    app.query_params["outcome"] = outcome
    app.switch_page("images.py").run()
    n = int(outcomes(*shelved)[:, REPAIRED.index(outcome)].sum())
    assert not app.exception and "which must be" not in text(app) and 0 < n < 400
    assert app.selectbox(key="outcome").value == outcome
    assert app.header[0].value == f"{n} of 400 images, {outcome}"
    (gallery,) = (e for e in app.get("bidi_component") if "cards" in e.proto.json)
    assert (
        f", {outcome}" in gallery.proto.json and "pruned: " in gallery.proto.json and "refitted: " in gallery.proto.json
    )
    for other in {*REPAIRED} - {outcome}:
        assert f", {other}" not in gallery.proto.json


def test_without_a_repair_the_outcomes_are_not_offered(app: AppTest) -> None:
    app.switch_page("images.py").run()
    assert {*REPAIRED} <= {*app.selectbox(key="outcome").options}
    app.selectbox(key="outcome").set_value("still lost").run()
    app.segmented_control(key="picked repair").set_value(AS_IS).run()
    assert not app.exception and not {*REPAIRED} & {*app.selectbox(key="outcome").options}
    assert app.selectbox(key="outcome").value == "any" and app.header[0].value == "400 of 400 images"
    (gallery,) = (e for e in app.get("bidi_component") if "cards" in e.proto.json)
    assert "refitted: " not in gallery.proto.json


def test_a_link_to_an_outcome_without_a_repair_is_noted(app: AppTest) -> None:
    app.query_params["repair"], app.query_params["outcome"] = AS_IS, "still lost"
    app.switch_page("images.py").run()
    assert not app.exception and "outcome=“still lost”, which must be one of" in text(app)


def test_the_table_has_what_each_class_got_back(app: AppTest, shelved: tuple[RunStore, Run]) -> None:
    app.query_params["section"] = "Class by class"
    app.switch_page("images.py").run()
    assert not app.exception
    (table,) = (e.proto.json for e in app.get("bidi_component") if "Precision, dense" in e.proto.json)
    assert "Brought back, of lost" in table and "Newly lost" in table
    for back, still, _ in outcomes(*shelved).tolist():
        assert f'"{repair.back(back, still)}"' in table
    app.segmented_control(key="picked repair").set_value(AS_IS).run()
    (table,) = (e.proto.json for e in app.get("bidi_component") if "Precision, dense" in e.proto.json)
    assert not app.exception and "Brought back" not in table
