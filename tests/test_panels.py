"""The panel has a text and a patch for each stop, all of them plain JSON, and true of the network pruned there."""

import gzip
import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core import panels
from core.evaluation import confusion_matrix, most_confused
from core.evaluation.parts import compute
from core.evaluation.profile import FRACTIONS, STOPS, Profile, marks
from core.figures import LiveFigure, layer_title
from core.panels import Panel
from core.pruning import CRITERIA, SCOPES, PruningConfig, Weights, kernels, prune, rank
from core.words import wording
from core.words.glossary import TERMS
from tests import small

CASES = [(criterion, scope) for criterion in CRITERIA for scope in SCOPES]
CONFIDENCE = ("confidence", "reliability")
every_case = pytest.mark.parametrize(("criterion", "scope"), CASES)


def built(profile: Profile, **rest: Any) -> Panel:
    return panels.pruning(profile, small.weights(), small.ranking(profile.pruning), small.LABELS, small.CLASSES, **rest)


def names(shown: Panel) -> list[str]:
    return [placed.figure.name for placed in shown.figures]


def as_json(shown: Panel) -> str:
    """As the server sends it: only NumPy scalars are converted."""

    def plain(value: Any) -> Any:
        assert isinstance(value, np.generic)
        return value.item()

    return json.dumps(shown.to_json(), default=plain, separators=(",", ":"), allow_nan=False)


@every_case
@pytest.mark.parametrize("own", [None, 1e-9, 0.123, 0.99999])
def test_there_is_one_text_and_one_patch_for_each_stop(criterion: str, scope: str, own: float | None) -> None:
    profile = small.profile(criterion, scope, own)
    shown, rows = built(profile), len(STOPS) + (own is not None)
    assert len(shown.stops) == len(shown.answers) == len(shown.warnings) == rows
    assert all(len(r.values) == len(r.notes) == rows for r in shown.readouts)
    assert {len(placed.figure.patches) for placed in shown.figures if placed.figure.name != "dense"} == {rows}
    assert len(set(shown.stops)) == rows


def test_stops_say_their_sparsity_and_their_count() -> None:
    profile = small.profile(own=0.123)
    for text, s, k in zip(built(profile).stops, profile.sparsity, profile.k, strict=True):
        assert text == f"{wording.sparsity(s)}, {wording.count(k)} of 2,344 weights"


@every_case
def test_at_stop_0_the_panel_says_that_nothing_changed(criterion: str, scope: str) -> None:
    shown = built(small.profile(criterion, scope))
    assert shown.answers[0] == "0 of 2,344 weights set to zero. None of 200 answers changed."
    assert shown.warnings[0] == ""
    said = {r.label: (r.values[0], r.notes[0]) for r in shown.readouts}
    assert said["Threshold"] == ("0", "nothing removed")
    assert said["Lost, gained"][0] == "0 lost, 0 gained"
    assert said["Difference"][0].startswith(wording.points(0))


def test_readouts_are_the_numbers_of_their_stop() -> None:
    profile = small.profile()
    shown = built(profile)
    said = {r.label: r for r in shown.readouts}
    for i, c in enumerate(profile.comparisons(small.LABELS)):
        assert said["Weights set to zero"].values[i] == f"{profile.k[i]:,} of 2,344"
        assert said["Threshold"].values[i] == wording.magnitude(float(profile.threshold[i]))
        assert said["Accuracy, dense → pruned"].values[i].endswith(wording.percent(c.pruned.value))
        assert said["Difference"].values[i] == wording.difference(c)
        assert said["Difference"].notes[i].replace("\N{NO-BREAK SPACE}", " ").endswith(wording.relation(c.p_value))
        assert said["Lost, gained"].values[i] == f"{c.lost} lost, {c.gained} gained"
        assert said["Churn"].notes[i] == f"{c.changed} of 200 answers changed"
        assert shown.answers[i] == wording.answer(profile.k[i], 2_344, c)


def dead() -> dict[str, NDArray[np.float32]]:
    """The network with a filter that is zero before anything is pruned."""
    weights = small.weights()
    weights["conv2.weight"][3] = 0
    return weights


@every_case
@pytest.mark.parametrize("network", [small.weights, dead])
def test_warnings_name_exactly_what_is_all_zero_in_the_pruned_network(criterion: str, scope: str, network: Any) -> None:
    weights: Weights = network()
    pruning = PruningConfig(criterion=criterion, scope=scope)
    ranking = rank(weights, pruning, small.gradients())
    profile = compute(weights, ranking, small.infer, small.LABELS)
    warnings = panels.pruning(profile, weights, ranking, small.LABELS, small.CLASSES).warnings
    for sparsity, warning in zip(FRACTIONS, warnings, strict=True):
        pruned = kernels(prune(weights, ranking, sparsity))
        layers = [layer_title(name) for name, kernel in pruned.items() if not kernel.any()]
        filters = {layer_title(name): (sum(not f.any() for f in w), len(w)) for name, w in pruned.items()}
        parts = [f"{gone} of {of} in {layer}" for layer, (gone, of) in filters.items() if gone]
        if layers:
            assert warning.startswith(f"All weights are zero in {wording.listed(layers)}:")
        else:
            assert warning == (f"Filters that are all zero: {wording.listed(parts)}." if parts else "")


def test_some_stops_have_a_zero_filter_and_some_a_zero_layer() -> None:
    warnings = built(small.profile(scope="layerwise")).warnings
    assert any(w.startswith("Filters") for w in warnings) and warnings[-1].startswith("All weights are zero in conv1,")


@every_case
def test_a_cut_is_drawn_only_where_magnitude_decides(criterion: str, scope: str) -> None:
    shown = built(small.profile(criterion, scope))
    bands = next(p.figure.base["layout"]["shapes"] for p in shown.figures if p.figure.name == "distributions")
    assert ("zoom" in names(shown)) == (len(bands) == 4) == (criterion == "magnitude" and scope != "nm")
    assert len(bands) in (0, 4)


def test_a_visitors_own_sparsity_is_drawn_between_its_neighbours() -> None:
    profile = small.profile(own=0.123)
    row = profile.stop_index(12.3)
    with_own, without = (
        {p.figure.name: p.figure for p in built(shown).figures} for shown in (profile, small.profile())
    )
    for name, figure in with_own.items():
        if name == "dense":
            assert figure == without[name]
        else:
            figure.at(row)
    matrix = with_own["pruned"].patches[row].data[0]["z"]
    assert np.trace(matrix) == (profile.predicted[row] == small.LABELS).sum()


@every_case
def test_a_panel_is_plain_json_but_for_numpy_scalars(criterion: str, scope: str) -> None:
    shown = built(small.profile(criterion, scope))
    read = json.loads(as_json(shown))
    assert read.keys() == {"beside", "stops", "marks", "answers", "warnings", "readouts", "figures"}
    assert [f["figure"]["name"] for f in read["figures"]] == names(shown)
    assert all(f.keys() == {"figure", "span"} for f in read["figures"])
    assert all(f["figure"].keys() == {field.name for field in fields(LiveFigure)} for f in read["figures"])
    assert read["readouts"][0].keys() == {"label", "values", "notes", "term", "meaning"}
    assert all(readout["meaning"] == TERMS[readout["term"]] for readout in read["readouts"])


@every_case
def test_marks_are_the_stops_that_matter_in_order(criterion: str, scope: str) -> None:
    profile = small.profile(criterion, scope)
    found, by = marks(profile.comparisons(small.LABELS), 10), dict[str, int]()
    for mark in built(profile).marks:
        label, _, sparsity = mark.label.rpartition(" ")
        assert sparsity == wording.sparsity(profile.sparsity[mark.stop])
        by[label] = mark.stop
    assert by["default:"] == STOPS.index(0.01)
    assert by.get("one weight:") == next((i for i, k in enumerate(profile.k) if k == 1), None)
    assert by.get("first changed answer at") == found.first_change
    assert by.get("accuracy within ±0.5 pp up to") == found.last_within
    assert by.get("halfway to guessing at") == found.collapse
    assert list(by.values()) == sorted(by.values())


def test_figures_fill_whole_rows() -> None:
    panel = built(small.profile())
    spans = [placed.span for placed in panel.figures]
    spans.insert(1, 12 - spans[0])  # the readouts
    rows = [7 + 5, 7 + 5, 12, 12, 12, 4 + 4 + 4]
    assert panel.beside
    assert np.isin(np.cumsum(rows), np.cumsum(spans)).all() and sum(spans) == sum(rows)


def test_the_panel_of_a_default_network_and_10000_images_is_below_400_kb() -> None:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "conv1": (32, 1, 3, 3),
        "conv2": (64, 32, 3, 3),
        "conv3": (128, 64, 3, 3),
        "conv4": (196, 128, 3, 3),
    }
    shapes["fc"] = (10, 196)
    weights = {f"{name}.weight": rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    assert sum(w.size for w in weights.values()) > 320_000
    labels = rng.integers(0, 10, 10_000).astype(np.uint8)
    clear = 3 * np.eye(10, dtype=np.float32)[labels] + rng.standard_normal((10_000, 10), np.float32)
    blur = rng.standard_normal((10_000, 10), np.float32)

    def infer(pruned: Weights) -> NDArray[np.float32]:
        share = np.float32(np.mean([np.mean(w == 0) for w in pruned.values()]))
        return np.asarray(clear * (1 - share) + 3 * blur * share, np.float32)

    ranking = rank(weights, PruningConfig())
    shown = panels.pruning(compute(weights, ranking, infer, labels), weights, ranking, labels, small.CLASSES)
    whole = len(gzip.compress(as_json(shown).encode(), 6))
    without = replace(shown, figures=tuple(p for p in shown.figures if p.figure.name not in CONFIDENCE))
    assert whole < 400_000 and whole - len(gzip.compress(as_json(without).encode(), 6)) < 14_000


# --- the panels of the Images page ------------------------------------------------------------------------------


def stories(true: int | None = 3) -> Panel:
    return panels.story(small.trace(), small.profile(), small.CLASSES, true)


@pytest.mark.parametrize(
    "shown",
    [
        panels.answers(small.profile(), small.LABELS, small.CLASSES),
        panels.classwise(small.profile(), small.LABELS, small.CLASSES),
        stories(),
    ],
    ids=["answers", "classwise", "story"],
)
def test_the_other_panels_have_a_text_and_a_patch_for_each_stop_too(shown: Panel) -> None:
    rows = len(STOPS)
    assert len(shown.stops) == len(shown.answers) == len(shown.warnings) == rows
    assert all(len(r.values) == len(r.notes) == rows for r in shown.readouts)
    assert {len(placed.figure.patches) for placed in shown.figures if placed.figure.name != "dense"} == {rows}
    assert sum(placed.span for placed in shown.figures) % 12 == 0
    assert json.loads(as_json(shown))["marks"]


def test_the_most_confused_classes_are_drawn_with_their_part_of_the_matrix() -> None:
    profile = small.profile()
    shown = {p.figure.name: p.figure for p in panels.classwise(profile, small.LABELS, small.CLASSES).figures}
    whole = confusion_matrix(small.LABELS, profile.predicted[20], 10)
    group = most_confused(confusion_matrix(small.LABELS, profile.predicted[0], 10))
    assert np.asarray(shown["pruned"].at(20).data[0].z).tolist() == whole[np.ix_(group, group)].tolist()
    assert [*shown["pruned"].at(20).data[0].x] == [small.CLASSES[c] for c in group]


def test_the_story_says_both_answers_the_truth_and_where_the_first_change_is() -> None:
    trace = small.trace()
    for true in (int(trace.predicted[0]), 3, None):
        shown, before = stories(true), small.CLASSES[trace.predicted[0]]
        for stop, answer in enumerate(shown.answers):
            after = small.CLASSES[trace.predicted[stop]]
            assert before in answer and after in answer
            assert ("right" in answer) == (before == after and true == trace.predicted[0])
            assert ("true class" in answer) == (true is not None and "right" not in answer)
    said = {r.label: r for r in stories().readouts}
    assert trace.flip is not None
    assert said["First change"].values[0] == f"at {wording.sparsity(trace.sparsity[trace.flip])}"
    assert {mark.stop for mark in stories().marks} == {trace.flip, STOPS.index(0.01)}
    assert said["Entropy, dense → pruned"].values[30].endswith(f"{trace.entropy[30]:.2f} bits")
    assert said["Pruned answer"].notes[30].endswith(wording.percent(float(trace.probability[30].max())))


def test_the_story_of_an_image_is_small() -> None:
    assert len(gzip.compress(as_json(stories()).encode(), 6)) < 60_000
