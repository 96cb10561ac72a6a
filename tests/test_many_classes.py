"""A network of 1,000 classes: figures show twenty of them, chosen by what they say, and everything else counts all."""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import figures, panels
from core.evaluation import Labels, by_class, compare, confusion_matrix, holm, most_confused
from core.evaluation.answers import REPAIRED, Filter, by_repair, first_changes, of_each_class
from core.evaluation.profile import FRACTIONS, Profile, marks
from core.evaluation.trace import Trace
from core.figures import LiveFigure
from core.figures.labels import MANY, WHOLE, largest
from core.panels.confusions import confused
from core.pruning import PruningConfig, Ranking, rank
from core.store.runs import RunStore
from tests import shelf
from tests.reading import rows, text

CLASSES, IMAGES, STOPS = 1_000, 10_000, len(FRACTIONS)
NAMES = tuple(f"class {i}" for i in range(CLASSES))
EMPTY = (3, 700, 999)
"""Classes without test images."""

GROUP = tuple(range(17, CLASSES, 50))
"""Twenty classes that pruning makes the network take for one another."""

LABELS = np.resize(np.setdiff1d(np.arange(CLASSES), EMPTY), IMAGES).astype(np.uint16)
SOME = "20 of 1,000 classes"


@cache
def network() -> tuple[dict[str, np.ndarray], Ranking]:
    chance = np.random.default_rng(1)
    weights: dict[str, np.ndarray] = {
        "conv1.weight": chance.standard_normal((8, 3, 3, 3), np.float32),
        "fc.weight": chance.standard_normal((CLASSES, 8), np.float32),
    }
    return weights, rank(weights, PruningConfig())


@cache
def profile(repair: str = "none") -> Profile:
    """One error in ten; pruning adds errors among `GROUP`, beyond 50 % anywhere; in the end, all answers are 7."""
    chance, ranking = np.random.default_rng(0), network()[1]
    order, other = chance.random(IMAGES), chance.integers(0, CLASSES, IMAGES)
    inside, near = np.isin(LABELS, GROUP), (LABELS + 50 * chance.integers(1, 4, IMAGES)) % CLASSES
    answers = []
    for sparsity in FRACTIONS:
        now = np.where(order < 0.1, LABELS ^ 1, LABELS)
        now = np.where((sparsity > 0.5) & (order > 1.4 - sparsity), other, now)
        now = np.where(inside & (order > 1 - sparsity), near, now)
        answers.append(np.full(IMAGES, 7) if sparsity > 0.95 else now)
    predicted = np.array(answers, np.uint16)
    if repair != "none":
        predicted[:, np.arange(IMAGES) % 3 > 0] = predicted[0, np.arange(IMAGES) % 3 > 0]
    return Profile(
        PruningConfig(repair=repair), ranking.names, np.array(ranking.sizes, np.int64), np.array(FRACTIONS),
        np.array([ranking.count(s) for s in FRACTIONS]), np.zeros(STOPS, np.float32),
        np.array([[*ranking.layer_counts(s).values()] for s in FRACTIONS]), predicted,
        np.full((STOPS, IMAGES), 0.7, np.float16), np.ones(STOPS), np.zeros(STOPS, np.float32), np.zeros(STOPS),
    )  # fmt: skip


@cache
def trace() -> Trace:
    """Fifteen classes are answered, the last of them only just; many others are likelier somewhere."""
    probability = np.random.default_rng(2).dirichlet(np.full(CLASSES, 0.1), STOPS).astype(np.float32) * 0.2
    probability[np.arange(STOPS), np.minimum(np.arange(STOPS), 14) * 60] = 0.5
    probability[-1] = 1 / CLASSES
    probability[-1, 990] = 0.002
    return Trace(np.array(FRACTIONS), probability, np.zeros((STOPS, 2, 4, 4), np.float16))


@cache
def shown() -> dict[str, panels.Panel]:
    weights, ranking = network()
    return {
        "pruning": panels.pruning(profile(), weights, ranking, LABELS, NAMES, [profile("refit")]),
        "answers": panels.answers(profile(), LABELS, NAMES, [profile("refit")]),
        "classwise": panels.classwise(profile("refit"), LABELS, NAMES, [profile()]),
        "wall": panels.wall(profile(), weights, ranking, LABELS, NAMES),
        "story": panels.story(trace(), profile(), NAMES, 700),
    }


def figure(panel: str, name: str) -> LiveFigure:
    return next(placed.figure for placed in shown()[panel].figures if placed.figure.name == name)


def classes_of(axis: Any) -> list[int]:
    """The classes on an axis, in their order."""
    return sorted(int(name.removeprefix("class ")) for name in axis["categoryarray"])


# --- counts -----------------------------------------------------------------------------------------------------


def some_labels(kind: Any, most: int, seed: int) -> Labels:
    return np.random.default_rng(seed).integers(0, most, 3_000).astype(kind)


@pytest.mark.parametrize("first", [np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize("second", [np.uint8, np.uint16])
def test_counts_are_the_same_of_any_type(first: Any, second: Any) -> None:
    labels, predictions = some_labels(first, 256, 0), some_labels(second, 256, 1)
    labels[:1_000] = predictions[:1_000]
    wide = [each.astype(np.int64) for each in (labels, predictions)]
    whole, expected = confusion_matrix(labels, predictions, CLASSES), np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(expected, (wide[0], wide[1]), 1)
    np.testing.assert_array_equal(whole, expected)
    group = (250, 3, 999, 17)
    part = confusion_matrix(labels, predictions, CLASSES, group)
    np.testing.assert_array_equal(part, expected[np.ix_(group, group)])
    assert by_class(labels, predictions, labels, CLASSES) == by_class(wide[0], wide[1], wide[0], CLASSES)
    for column, counts in enumerate(by_repair(labels, labels, predictions, labels, CLASSES).T):
        images = Filter(outcome=REPAIRED[column]).select(labels, labels, labels, predictions)
        assert counts.tolist() == np.bincount(wide[0][images], minlength=CLASSES).tolist()


def test_each_class_is_compared_on_its_own_images() -> None:
    dense, pruned = profile().predicted[[0, 25]]
    found = by_class(LABELS, dense, pruned, CLASSES)
    for c, of in enumerate(found):
        own, taken = np.equal(LABELS, c), pruned == c
        assert of.recall == (compare(LABELS[own], dense[own], pruned[own]) if own.any() else None)
        assert (of.pruned_precision is None) == (not taken.any())
        assert of.pruned_precision is None or of.pruned_precision.value == (LABELS[taken] == c).mean()
    assert [c for c, of in enumerate(found) if of.recall is None] == [*EMPTY]
    raw = [of.recall.p_value for of in found if of.recall]
    assert [of.p_value for of in found if of.recall] == [*holm(raw)]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_filter_finds_a_class_beyond_those_that_a_byte_holds(kind: Any) -> None:
    labels, answers = some_labels(kind, 200, 0), some_labels(np.uint16, CLASSES, 1)
    found = Filter(pruned=700).select(labels, labels, answers)
    assert found.tolist() == np.flatnonzero(answers == 700).tolist() and len(found) > 0
    assert not len(Filter(true=700).select(labels, labels, answers))


def test_classes_that_are_confused_are_found_among_a_thousand() -> None:
    chance = np.random.default_rng(0)
    matrix = chance.integers(0, 2, (CLASSES, CLASSES))
    for size in (4, MANY):
        group = np.sort(chance.choice(CLASSES, size, replace=False))
        planted = matrix.copy()
        planted[np.ix_(group, group)] += 3
        planted[5] += 2  # has more errors than any of them, but not with the same classes
        planted[np.diag_indices(CLASSES)] = 1_000
        assert most_confused(planted, size) == tuple(group)


@pytest.mark.parametrize("seed", range(5))
def test_a_group_that_grows_is_almost_as_confused_as_the_best(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(seed).poisson(np.random.default_rng(seed + 9).exponential(3, (30, 30)))

    def errors(group: tuple[int, ...]) -> int:
        part = matrix[np.ix_(group, group)]
        return int(part.sum() - np.trace(part))

    best = errors(most_confused(matrix))
    monkeypatch.setattr("core.evaluation.comparison._TRIED", 0)
    grown = most_confused(matrix)
    assert len({*grown}) == 4 and [*grown] == sorted(grown) and 0.9 * best <= errors(grown) <= best


# --- which classes are shown ------------------------------------------------------------------------------------


def test_the_matrices_show_what_pruning_confuses_before_the_network_collapses() -> None:
    collapse = marks(profile().comparisons(LABELS), CLASSES).collapse
    assert collapse is not None and FRACTIONS[collapse] < 0.95
    assert confused(profile(), LABELS, CLASSES) == GROUP
    dense, last = (confusion_matrix(LABELS, profile().predicted[row], CLASSES) for row in (0, -1))
    assert most_confused(dense, MANY) != GROUP != most_confused(np.maximum(dense, last), MANY)


@pytest.mark.parametrize("panel", ["pruning", "answers"])
def test_the_matrices_have_twenty_classes_at_every_stop_and_say_so(panel: str) -> None:
    for name, title in (
        ("dense", "Confusion, dense: the 20 most confused of 1,000 classes"),
        ("pruned", "Confusion, pruned: the 20 most confused of 1,000 classes"),
        ("difference", "Difference, pruned minus dense: the 20 most confused of 1,000 classes"),
    ):
        drawn = figure(panel, name)
        assert drawn.title == title
        for axis in ("xaxis", "yaxis"):
            assert classes_of(drawn.base["layout"][axis]) == [*GROUP]
        for stop in (0, 12, 25, STOPS - 1):
            dense, now = (confusion_matrix(LABELS, profile().predicted[row], CLASSES) for row in (0, stop))
            expected = {"dense": dense, "pruned": now, "difference": now - dense}[name][np.ix_(GROUP, GROUP)]
            assert np.asarray(drawn.at(stop).data[0].z).tolist() == expected.tolist()


def test_recall_and_precision_are_of_the_classes_whose_recall_changes_most() -> None:
    after = profile("refit").predicted
    moved = np.zeros(CLASSES)
    for c in np.setdiff1d(np.arange(CLASSES), EMPTY):
        right = (after[:, np.equal(LABELS, c)] == c).mean(axis=1)
        moved[c] = np.abs(right - right[0]).mean()
    for name in ("recall", "precision"):
        drawn = figure("classwise", name)
        classes = classes_of(drawn.base["layout"]["yaxis"])
        assert len(classes) == MANY and SOME in drawn.title and "changes most" in drawn.title
        assert moved[classes].min() >= np.delete(moved, classes).max() - 1e-12 > 0
    stop = 25
    recalls = by_class(LABELS, after[0], after[stop], CLASSES)
    dots = figure("classwise", "recall").at(stop).data[2]
    for name, x in zip(dots.y, dots.x, strict=True):
        of = recalls[int(name.split()[1])].recall
        assert of is not None and x == pytest.approx(100 * of.pruned.value, abs=1e-3)


def test_bars_are_of_the_classes_that_lose_most() -> None:
    dense, after = profile().predicted, profile("refit").predicted
    counts = [by_repair(LABELS, dense[0], dense[s], after[s], CLASSES) for s in range(STOPS)]
    lost = sum(stop.sum(axis=1) for stop in counts)
    drawn = figure("classwise", "payers")
    classes = classes_of(drawn.base["layout"]["yaxis"])
    assert len(classes) == MANY and SOME in drawn.title
    assert lost[classes].min() >= np.delete(lost, classes).max() > 0
    for bar, column in zip(drawn.at(25).data[:3], counts[25][classes].T, strict=True):
        assert [n or 0 for n in bar.x] == column.tolist()
        assert [*bar.customdata] == [str(np.equal(LABELS, c).sum()) for c in classes]


@pytest.mark.parametrize("chosen", [None, 3, 555])
def test_first_changes_have_a_row_for_those_that_change_most_and_for_the_chosen(chosen: int | None) -> None:
    counts = first_changes(profile(), LABELS, CLASSES)
    drawn = figures.first_changes(counts, profile().sparsity, NAMES, chosen)
    classes = classes_of(drawn.layout.yaxis2)
    assert drawn.layout.yaxis2.title.text == SOME and len(classes) == MANY
    assert chosen is None or chosen in classes
    changed = counts[:, :-1].cumsum(axis=1).sum(axis=1)
    others = [c for c in classes if c != chosen]
    assert changed[others].min() >= np.delete(changed, classes).max()
    bars, cells = drawn.data
    assert [*bars.y] == [*(counts.sum(axis=0) if chosen is None else counts[chosen])]
    assert np.asarray(cells.customdata).tolist() == counts[classes].tolist()


def test_the_story_shows_all_answers_and_the_likeliest_of_the_others() -> None:
    answered, most = {*trace().predicted.tolist()}, trace().probability.max(axis=0)
    for name in ("probabilities", "story"):
        drawn = figure("story", name)
        classes = classes_of(drawn.base["layout"]["yaxis"])
        assert len(classes) == MANY and SOME in drawn.title and answered < {*classes}
        others = [c for c in classes if c not in answered]
        assert most[others].min() >= np.delete(most, classes).max()
    line = figure("story", "story").base["data"][1]
    assert line["y"] == [NAMES[c] for c in trace().predicted]


def test_the_line_of_a_story_has_a_gap_where_another_class_is_answered() -> None:
    probability = np.full((STOPS, CLASSES), 0.0005, np.float32)
    probability[np.arange(STOPS), np.arange(STOPS)] = np.linspace(0.9, 0.5, STOPS)
    drawn = figures.story(probability, np.array(FRACTIONS), NAMES)
    assert drawn.base["data"][1]["y"] == [*NAMES[:MANY], *[None] * (STOPS - MANY)]


def test_the_wall_has_rows_of_some_classes() -> None:
    wall = shown()["wall"].wall
    assert wall is not None and len(wall.rows) == 20 and all(count > 5 for _, count in wall.rows)
    assert wall.title == f"{len(wall.images)} of 10,000 test images, some of {SOME} at random"
    assert len(wall.images) == len({*wall.images}) <= panels.IMAGES
    assert wall.answers[25] == profile().predicted[25][wall.images].tolist()
    several = [of_each_class(LABELS, panels.IMAGES, seed) for seed in (0, 0, 1)]
    assert np.array_equal(several[0], several[1]) and not np.array_equal(several[0], several[2])


@pytest.mark.parametrize("classes", [2, MANY + 1, WHOLE, WHOLE + 1])
def test_up_to_fifty_classes_are_all_shown_and_no_title_speaks_of_them(classes: int) -> None:
    weights, ranking = network()
    labels, names = LABELS % classes, NAMES[:classes]
    few = replace(profile(), predicted=(profile().predicted % classes).astype(np.uint8))
    refitted = replace(few, pruning=few.pruning.then("refit"))
    probability = trace().probability[:, :classes]
    made = [
        panels.classwise(refitted, labels, names, [few]),
        panels.story(replace(trace(), probability=probability), few, names),
        panels.pruning(few, weights, ranking, labels, names),
    ]
    drawn = {placed.figure.name: placed.figure for panel in made for placed in panel.figures}
    for name in ("pruned", "recall", "precision", "payers", "probabilities", "story"):
        shown_classes = classes_of(drawn[name].base["layout"]["yaxis"])
        assert len(shown_classes) == (classes if classes <= WHOLE else MANY)
        assert (f" of {classes} classes" in drawn[name].title) == (classes > WHOLE)


def test_the_first_of_equal_classes_are_shown_in_their_order() -> None:
    assert largest(np.zeros(CLASSES)) == [*range(MANY)] and largest([1.0, 3.0]) == [0, 1]
    scores = np.zeros(CLASSES)
    scores[[700, 300]] = 1, 2
    assert largest(scores) == [*range(MANY - 2), 300, 700]


def test_a_network_without_errors_or_images_of_its_first_classes_is_drawn() -> None:
    labels = np.repeat(np.arange(500, 1_000), 2).astype(np.uint16)
    same = replace(
        profile(), predicted=np.tile(labels, (STOPS, 1)), probability=np.full((STOPS, 1_000), 0.9, np.float16)
    )
    for panel in (panels.answers(same, labels, NAMES), panels.classwise(same, labels, NAMES)):
        for placed in panel.figures:
            placed.figure.at(STOPS - 1 if placed.figure.patches else 0)
    drawn = next(p.figure for p in panels.answers(same, labels, NAMES).figures if p.figure.name == "pruned")
    assert drawn.at(3).layout.annotations[0].text == "No images"


# --- sizes ------------------------------------------------------------------------------------------------------


def written(panel: panels.Panel) -> str:
    return json.dumps(panel.to_json(), default=lambda value: value.item(), separators=(",", ":"), allow_nan=False)


@pytest.mark.parametrize("name", ["pruning", "answers", "classwise", "wall", "story"])
def test_a_panel_of_a_thousand_classes_is_no_larger_than_one_of_twenty(name: str) -> None:
    content = written(shown()[name])
    assert len(gzip.compress(content.encode(), 6)) < 100_000 and len(content) < 1_000_000


# --- the page ---------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path, app_on: Callable[[Path], AppTest]) -> tuple[AppTest, Labels, Profile]:
    """The Images page of a run of 1,000 classes, most of which have no test image."""
    labels = (np.arange(shelf.IMAGES) * 7 % 500).astype(np.uint16)
    run = shelf._run(tmp_path / "runs", "lenet", "quick", labels, np.random.default_rng(2), classes=NAMES)
    store = RunStore(tmp_path / "runs")
    found = store.profile(run.id, PruningConfig())
    assert found is not None and found.predicted.dtype == np.uint16
    app = app_on(tmp_path / "runs")
    app.query_params["run"], app.query_params["sparsity"] = run.id, "80"
    return app, store.labels(run.id), found


def test_the_select_boxes_offer_every_class(opened: tuple[AppTest, Labels, Profile]) -> None:
    app, labels, found = opened
    pruned = found.predicted[found.stop_index(80)]
    answer = int(pruned.max())
    assert answer > 255
    app.query_params["pruned"] = NAMES[answer]
    app.switch_page("images.py").run()
    for name in ("true", "dense", "pruned", "moved"):
        assert app.selectbox(key=name).options == ["any", *NAMES]
    n = int((pruned == answer).sum())
    assert not app.exception and app.header[0].value == f"{n} of 400 images, pruned answer {NAMES[answer]}"
    app.selectbox(key="pruned").set_value("any").run()
    app.selectbox(key="true").set_value(NAMES[int(labels[0])]).run()
    assert not app.exception and app.header[0].value.startswith(f"{(labels == labels[0]).sum()} of 400 images, true")


def test_the_table_has_every_class_with_images(opened: tuple[AppTest, Labels, Profile]) -> None:
    app, labels, _ = opened
    app.query_params["section"] = "Class by class"
    app.switch_page("images.py").run()
    present = [NAMES[c] for c in np.unique(labels)]
    assert not app.exception and [*rows(app)] == present
    assert f"p corrected for {len(present)} classes" in text(app)
    told = next(m.value for m in app.markdown if "most often confused" in m.value)
    assert len(re.findall(r"class \d+", told)) == 4


def test_first_changes_say_which_classes_have_a_row(opened: tuple[AppTest, Labels, Profile]) -> None:
    app, labels, _ = opened
    app.query_params["section"] = "First to change"
    app.query_params["true"] = NAMES[int(labels[0])]
    app.switch_page("images.py").run()
    assert not app.exception and f"The rows show {SOME}: those whose answers change most" in text(app)
