"""The study's figures show its numbers, say their n, and tell no two lines apart by colour alone."""

from dataclasses import replace

import numpy as np
import pytest

from core import figures, study
from core.evaluation import Proportion
from core.figures import SparsityAxis, layer_title
from core.pruning import CRITERIA
from core.study import Band, audit
from core.study.audit import READINGS, REPORTED, Audit, Finding
from tests.curves import LENET, VALUES, cell, curve

LINES = [
    study.band(c, [curve(cell(config), row - 0.05 * i) for config, row in zip(LENET, VALUES, strict=True)])
    for i, c in enumerate([*CRITERIA][:3])
]


def test_each_line_is_drawn_at_its_mean_with_its_interval_and_says_both() -> None:
    figure = figures.bands(LINES, {"magnitude": "Magnitude"})
    axis = SparsityAxis.over(LINES[0].sparsity)
    for i, line in enumerate(LINES):
        band, mean = figure.data[2 * i : 2 * i + 2]
        np.testing.assert_allclose(mean.y, 100 * line.mean)
        np.testing.assert_allclose(mean.x, [axis.place(s) for s in line.sparsity])
        np.testing.assert_allclose(band.y, 100 * np.concatenate([line.high, line.low[::-1]]))
        assert "over 5 networks" in mean.text[0] and f"{100 * line.low[0]:.2f}" in mean.text[0]
    assert list(figure.layout.xaxis.ticktext) == ["20", "50", "90"]
    assert figure.data[1].name == "Magnitude" and figure.data[3].name == "random"


def test_what_others_published_stands_beside_at_its_sparsity() -> None:
    axis = SparsityAxis.over(LINES[0].sparsity)
    drawn = figures.bands(LINES, {}, published=study.PUBLISHED).data[-len(study.PUBLISHED) :]
    for one, marks in zip(study.PUBLISHED, drawn, strict=True):
        assert marks.name == one.name
        np.testing.assert_allclose(marks.x, [axis.place(s) for s, _ in one.points])
        np.testing.assert_allclose(marks.y, [100 * accuracy for _, accuracy in one.points])
    assert len({marks.marker.symbol for marks in drawn}) == len(drawn)


def test_on_an_axis_of_errors_each_halving_has_the_same_room_and_all_is_within() -> None:
    line = replace(LINES[0], high=LINES[0].high + 0.5)  # Student's interval of a mean knows no limit
    figure = figures.bands([*LINES, line], {}, published=study.PUBLISHED, errors=(0.05, 1.0))
    for i, drawn in enumerate(LINES):
        np.testing.assert_allclose(figure.data[2 * i + 1].y, -np.log10(1 - drawn.mean), atol=1e-4)
    low, high = figure.layout.yaxis.range
    heights = np.concatenate([trace.y for trace in figure.data])
    assert low < heights.min() and heights.max() < high
    places = dict(zip(figure.layout.yaxis.ticktext, figure.layout.yaxis.tickvals, strict=True))
    assert places["95"] - places["90"] == pytest.approx(places["90"] - places["80"], abs=1e-3)


def test_where_the_zeros_are_is_shown_for_each_layer_and_optimizer() -> None:
    lines = [study.band(name, [curve(cell(config), VALUES[0]) for config in LENET[:2]]) for name in study.OPTIMIZERS]
    drawn = figures.where(lines, study.layers(LENET), {"muon": "Muon", "sgd": "SGD"}, 0.5).data
    assert [marks.name for marks in drawn] == ["Muon", "SGD"] and len({marks.marker.symbol for marks in drawn}) == 2
    for marks in drawn:
        np.testing.assert_allclose(marks.x, [50.0] * 5)  # the curves' layers all lose the same share
        assert list(marks.y) == [layer_title(layer) for layer in study.layers(LENET)]


def test_lines_differ_in_dash_and_symbol_too() -> None:
    many: list[Band] = [LINES[0]] * len(CRITERIA)
    drawn = figures.bands(many, {}).data[1::2]
    assert len({(t.line.dash, t.marker.symbol) for t in drawn}) == len({t.line.color for t in drawn}) == len(CRITERIA)


def test_a_criterion_has_the_same_colour_whichever_others_are_drawn() -> None:
    names = {name: criterion.short for name, criterion in CRITERIA.items()}
    whole, fewer = (figures.bands(lines, names).data[1::2] for lines in (LINES, LINES[::2]))
    assert [t.line.color for t in fewer] == [t.line.color for t in whole[::2]]


def test_the_heat_map_says_the_fall_of_each_layer_at_each_sparsity() -> None:
    lines = [study.band(name, [curve(cell(LENET[0]), VALUES[0])]) for name in ("conv1.conv.weight", "fc1.weight")]
    (shades,) = figures.sensitivity(lines).data
    np.testing.assert_allclose(shades.z[0], 100 * (VALUES[0] - 0.9))
    assert list(shades.y) == [layer_title(line.name) for line in lines]
    assert list(shades.text[0]) == ["0.0\u00a0pp", "−10.0\u00a0pp", "−50.0\u00a0pp"]


@pytest.mark.parametrize("spread", [0.0, 0.003])
def test_readings_show_every_network_and_what_was_reported(spread: float) -> None:
    audits = []
    for i, config in enumerate(audit.networks()):
        after = Finding(4, Proportion(7300, 10_000), Proportion(7200 + round(10_000 * spread * i), 10_000))
        findings = {reading.name: after for reading in READINGS}
        audits.append(Audit(config=config, findings=findings, created="", versions={}, machine={}))
    found = audit.summaries(audits)
    figure = figures.readings(found)
    for i, summary in enumerate(found):
        bar, diamonds = figure.data[2 * i : 2 * i + 2]
        np.testing.assert_allclose(bar.x, [100 * summary.low, 100 * summary.high])
        np.testing.assert_allclose(diamonds.x, 100 * summary.differences)
    low, high = figure.layout.xaxis.range
    assert low < 100 * REPORTED and high > 0
    assert any(shape.x0 == pytest.approx(100 * REPORTED) for shape in figure.layout.shapes)
