"""Confidence on the Prune page: its words, its readout, and two figures that draw what is counted image by image."""

from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from core.evaluation import wilson
from core.evaluation.calibration import BINS, Confidence, Gap, overconfidence, reliability
from core.evaluation.profile import STOPS, Profile
from core.figures import LiveFigure, colours, confidence_curve
from core.figures import reliability as drawn
from core.panels import Readout
from core.panels.confidence import confidence
from core.pruning import AS_IS, REPAIRS
from core.words import confidence as words
from core.words import wording
from core.words.glossary import TERMS
from tests import small

BATCH_NORM, REFIT = "batch-norm", "refit"
EACH = pytest.mark.parametrize("name", REPAIRS)
TRIED = (0, 4, 20, 30, len(STOPS) - 1)


@cache
def profiles() -> dict[str, Profile]:
    """A repair gives some images their dense answers back, and doubts all of them."""
    as_is = small.profile()
    made = {AS_IS: as_is}
    for name, share, doubt in ((BATCH_NORM, 30, 0.5), (REFIT, 90, 0.9)):
        predicted, back = as_is.predicted.copy(), np.arange(len(small.LABELS)) % 100 < share
        predicted[:, back] = as_is.predicted[0, back]
        unsure = (as_is.probability * np.where(as_is.k > 0, doubt, 1)[:, np.newaxis]).astype(np.float16)
        made[name] = replace(as_is, pruning=as_is.pruning.then(name), predicted=predicted, probability=unsure)
    return made


def shown(name: str, others: bool = True) -> tuple[Readout, LiveFigure, LiveFigure]:
    rest = [profile for key, profile in profiles().items() if key != name and others]
    readout, (curve, bars) = confidence(profiles()[name], small.LABELS, rest)
    assert (curve.span, bars.span) == (7, 5)
    return readout, curve.figure, bars.figure


def simply(name: str, stop: int) -> tuple[float, float, float]:
    """Mean confidence, accuracy and calibration error, image by image."""
    profile = profiles()[name]
    sure = profile.probability[stop].astype(float).tolist()
    right = [a == b for a, b in zip(profile.predicted[stop].tolist(), small.LABELS.tolist(), strict=True)]
    gaps = [0.0] * BINS
    for p, r in zip(sure, right, strict=True):
        gaps[next(m for m in range(BINS) if p <= (m + 1) / BINS)] += r - p
    n = len(sure)
    return sum(sure) / n, sum(right) / n, sum(map(abs, gaps)) / n


# --- in words ---------------------------------------------------------------------------------------------------


def test_an_error_is_in_percentage_points_and_never_reads_as_none() -> None:
    assert (
        words.error(0.2558) == f"25.6{wording.NBSP}pp" and words.errors(0.037, 0.2558) == f"3.7 → 25.6{wording.NBSP}pp"
    )
    assert words.error(0.0) == f"0.0{wording.NBSP}pp" and words.error(0.0001) == f"0.01{wording.NBSP}pp"


def test_no_network_is_said_to_be_wholly_certain() -> None:
    said = words.means(Confidence(10, 1.0, 1.0, 0.0))
    assert said == f"mean confidence > 99.99{wording.NBSP}%, accuracy 100.00{wording.NBSP}%"


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (Gap(0.02, 0.01, 0.03), "overconfident"),
        (Gap(-0.02, -0.03, -0.01), "underconfident"),
        (Gap(0.02, -0.01, 0.05), "may be chance"),
        (Gap(-0.02, -0.05, 0.0), "may be chance"),
    ],
)
def test_over_and_underconfident_are_said_only_of_what_chance_would_not_explain(gap: Gap, said: str) -> None:
    assert words.verdict(gap) == said


def test_the_term_says_how_many_bins() -> None:
    assert f"{BINS} bins" in TERMS["Calibration error"]


# --- the readout ------------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("stop", TRIED)
def test_the_readout_is_the_number_of_its_stop_next_to_the_dense_one(name: str, stop: int) -> None:
    readout, _, _ = shown(name)
    (_, _, before), (mean, accuracy, after) = simply(name, 0), simply(name, stop)
    assert readout.label == readout.term == "Calibration error"
    assert readout.values[stop] == f"{100 * before:.1f} → {100 * after:.1f}{wording.NBSP}pp"
    assert readout.notes[stop] == f"mean confidence {wording.percent(mean)}, accuracy {wording.percent(accuracy)}"


# --- confidence over sparsity -----------------------------------------------------------------------------------


def trace(figure: LiveFigure, **wanted: Any) -> Any:
    (one,) = (t for t in figure.base["data"] if all(t.get(key) == value for key, value in wanted.items()))
    return one


@EACH
def test_the_lines_are_accuracy_confidence_and_error_at_each_stop(name: str) -> None:
    _, figure, _ = shown(name)
    mean, accuracy, error = (
        pytest.approx([100 * value for value in column], abs=0.006)
        for column in zip(*(simply(name, stop) for stop in range(len(STOPS))), strict=True)
    )
    assert trace(figure, name="Accuracy")["y"] == accuracy and trace(figure, name="Mean confidence")["y"] == mean
    assert trace(figure, name=REPAIRS[name].title)["y"] == error
    between = trace(figure, fill="toself")["y"]
    assert between[: len(STOPS)] == accuracy and between[: len(STOPS) - 1 : -1] == mean


@EACH
def test_the_errors_of_the_other_repairs_are_thin_lines_of_other_dashes(name: str) -> None:
    _, figure, _ = shown(name)
    lines = [t for t in figure.base["data"] if t.get("legend") == "legend2"]
    assert sorted(t["name"] for t in lines) == sorted(r.title for r in REPAIRS.values())
    for line in lines:
        (key,) = (key for key, r in REPAIRS.items() if r.title == line["name"])
        assert line["y"] == pytest.approx([100 * simply(key, stop)[2] for stop in range(len(STOPS))], abs=0.006)
        assert line["line"]["color"] == colours.after(key) and line["showlegend"]
        assert (line["line"]["width"] == 2) == (key == name) and len(line["hovertext"]) == len(STOPS)
    for one, two in combinations(lines, 2):
        assert one["line"].get("dash") != two["line"].get("dash") or one["mode"] != two["mode"]
    upper = [trace(figure, name=title) for title in ("Accuracy", "Mean confidence")]
    assert upper[0]["line"]["dash"] != upper[1]["line"]["dash"]


def test_alone_the_error_needs_no_legend() -> None:
    _, figure, _ = shown(AS_IS, others=False)
    assert not trace(figure, name="As is")["showlegend"] and trace(figure, name="Accuracy")["showlegend"]


@EACH
@pytest.mark.parametrize("stop", TRIED)
def test_the_marks_stand_at_the_stop(name: str, stop: int) -> None:
    _, figure, _ = shown(name)
    at, (mean, accuracy, error) = figure.at(stop), simply(name, stop)
    marks = [t for t in at.data if t.name == "mark"]
    assert [t.y[0] for t in marks] == pytest.approx([100 * accuracy, 100 * mean, 100 * error], abs=0.006)
    (x,) = {t.x[0] for t in marks}
    assert {shape.x0 for shape in at.layout.shapes[:2]} == {x} == {trace(figure, name="Accuracy")["x"][stop]}
    low, high = figure.base["layout"]["yaxis2"]["range"]
    assert all(low <= y <= high for t in figure.base["data"] if t.get("yaxis") == "y2" for y in t["y"])


def test_a_click_on_any_line_chooses_its_stop() -> None:
    _, figure, _ = shown(REFIT)
    named = [figure.base["data"][i] for i in figure.stops_of]
    assert len(named) == 5 and all(len(t["x"]) == len(STOPS) for t in named)
    lines = {"Accuracy", "Mean confidence", *(r.title for r in REPAIRS.values())}
    assert {t["name"] for t in named} == lines


def test_the_hover_text_has_the_paired_change_but_not_of_the_dense_network_itself() -> None:
    over = overconfidence(profiles()[BATCH_NORM], small.LABELS)
    _, figure, _ = shown(BATCH_NORM)
    said = trace(figure, name="Mean confidence")["hovertext"]
    assert "paired" not in said[0]
    for stop in TRIED[1:]:
        change = f"<br>paired change of confidence minus accuracy: {words.gap(over.changes[stop])}"
        assert said[stop].endswith(change) and said[stop].startswith(wording.sparsity(STOPS[stop] / 100))


def test_a_stop_that_another_repair_lacks_is_a_gap_that_is_bridged() -> None:
    own = small.profile(own=0.123)
    readout, (curve, bars) = confidence(own, small.LABELS, [profiles()[REFIT]])
    line = trace(curve.figure, name="Refitted")
    assert [i for i, y in enumerate(line["y"]) if y is None] == [own.stop_index(12.3)] and line["connectgaps"]
    assert len(readout.values) == len(bars.figure.patches) == len(STOPS) + 1


def test_titles_say_images_and_bins() -> None:
    for figure in shown(AS_IS)[1:]:
        assert figure.title.endswith(f", 200 images in {BINS} bins")


# --- reliability at one stop ------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("stop", TRIED)
def test_bars_are_the_accuracy_of_their_bin_and_an_empty_bin_has_none(name: str, stop: int) -> None:
    profile, (_, _, figure) = profiles()[name], shown(name)
    right, sure = profile.predicted[stop] == small.LABELS, profile.probability[stop].astype(float)
    bars, gap, _, images, _ = figure.at(stop).data
    assert bars.marker.color == images.marker.color == colours.after(name)
    empty = 0
    for m in range(BINS):
        inside = (m / BINS < sure) & (sure <= (m + 1) / BINS)
        assert m / BINS < bars.x[m] / 100 < (m + 1) / BINS and images.x[m] == bars.x[m]
        if not inside.any():
            assert bars.y[m] is None and gap.y[m] is None and gap.base[m] is None and images.y[m] is None
            empty += 1
            continue
        n, correct = int(inside.sum()), int(right[inside].sum())
        assert bars.y[m] == pytest.approx(100 * correct / n, abs=0.051) and images.y[m] == n
        assert gap.base[m] == bars.y[m] and gap.base[m] + gap.y[m] == pytest.approx(100 * sure[inside].mean(), abs=0.11)
        low, high = (100 * end for end in wilson(correct, n))
        assert bars.y[m] + bars.error_y.array[m] == pytest.approx(high, abs=0.6)
        assert bars.y[m] - bars.error_y.arrayminus[m] == pytest.approx(low, abs=0.6)
        patch = figure.patches[stop].data[0]
        assert patch["customdata"][m] == (correct, n, pytest.approx(100 * sure[inside].mean(), abs=0.051))
    assert 0 < empty < BINS


@pytest.mark.parametrize("stop", TRIED)
def test_the_dense_network_stays_for_comparison(stop: int) -> None:
    _, _, figure = shown(REFIT)
    _, _, line, _, counts = figure.at(stop).data
    bars, _, _, images, _ = figure.at(0).data
    assert line.y == bars.y and counts.y == images.y and line.line.color == counts.marker.color == colours.DENSE
    assert line.name == counts.name == "dense"
    (diagonal,) = figure.base["layout"]["shapes"]
    assert (diagonal["x0"], diagonal["y0"], diagonal["x1"], diagonal["y1"]) == (0, 0, 100, 100)


@EACH
def test_the_verdict_is_that_of_the_interval(name: str) -> None:
    _, _, figure = shown(name)
    gaps = overconfidence(profiles()[name], small.LABELS).gaps
    for stop, gap in enumerate(gaps):
        said = figure.at(stop).layout.annotations[0].text
        assert said == f"Confidence minus accuracy:<br>{words.gap(gap)}, {words.verdict(gap)}"
    assert any(gap.significant for gap in gaps)


def test_the_network_is_named() -> None:
    for name, word in ((AS_IS, "pruned"), (BATCH_NORM, "repaired"), (REFIT, "refitted")):
        figure = shown(name)[2]
        assert [t["name"] for t in figure.base["data"]][:3] == [word, "gap to mean confidence", "dense"]


def test_the_figures_are_drawn_from_what_was_counted() -> None:
    profile = profiles()[AS_IS]
    bins, over = reliability(profile, small.LABELS), overconfidence(profile, small.LABELS)
    assert drawn(bins, over) == shown(AS_IS)[2]
    assert confidence_curve(profile, bins.stops, over) == shown(AS_IS, others=False)[1]
