"""The frontier is drawn from what is stored, and no network is left off its Pareto line that belongs on it."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import figures
from core.cost import frontier
from core.cost.frontier import PUBLISHED, SOURCE, Landmark, Line, Point
from core.cost.ledger import DENSE, Ledger
from core.cost.weighing import weigh
from core.evaluation import Proportion, accuracy
from core.evaluation.profile import Profile
from core.pruning import PruningConfig
from tests import small

N = 40
sizes = st.lists(st.tuples(st.integers(1, 30), st.integers(0, N)), min_size=1, max_size=25)


def some(pairs: list[tuple[int, int]]) -> list[Point]:
    """A point for each pair of bytes and correct answers."""
    return [Point("a" * 12, i / len(pairs), i, taken, Proportion(right, N)) for i, (taken, right) in enumerate(pairs)]


def value(point: Point) -> tuple[int, float]:
    return point.bytes, point.accuracy.value


@pytest.fixture(scope="module")
def made() -> tuple[Profile, Ledger, np.ndarray]:
    """Answers, bytes and true classes of the small network at some stops."""
    profile, labels = small.profile(), small.LABELS
    return profile, weigh(small.weights(), small.ranking(PruningConfig()), profile.sparsity.tolist()), labels


@pytest.fixture(scope="module")
def lines(made: tuple[Profile, Ledger, np.ndarray]) -> list[Line]:
    """Two runs with a name that plotly would take for something else."""
    profile, ledger, labels = made
    return [
        frontier.line(run, title, profile, ledger, labels) for run, title in (("a" * 12, "A"), ("b" * 12, "<b>%{x}"))
    ]


@given(sizes)
def test_the_pareto_line_is_what_comparing_all_with_all_finds(pairs: list[tuple[int, int]]) -> None:
    points = some(pairs)

    def beaten(point: Point) -> bool:
        others = [o for o in points if value(o) != value(point)]
        return any(o.bytes <= point.bytes and o.accuracy.value >= point.accuracy.value for o in others)

    found = frontier.pareto(points)
    assert {*map(value, found)} == {value(point) for point in points if not beaten(point)}
    assert len({*map(value, found)}) == len(found) and [*found] == sorted(found, key=value)
    assert all(a.accuracy.value < b.accuracy.value for a, b in itertools.pairwise(found))


@given(sizes, st.integers(0, 31))
def test_the_best_within_a_budget_is_on_the_pareto_line(pairs: list[tuple[int, int]], budget: int) -> None:
    points = some(pairs)
    best, within = frontier.at_most(points, budget), [point for point in points if point.bytes <= budget]
    assert (best is None) == (not within)
    if best is not None:
        assert best.bytes <= budget and best.accuracy.value == max(point.accuracy.value for point in within)
        assert value(best) in {*map(value, frontier.pareto(points))}


def test_published_networks_take_four_bytes_for_each_parameter_in_their_name() -> None:
    units = {"K": 1_000, "M": 1_000_000}
    for landmark in PUBLISHED:
        stated = landmark.name.split(", ")[1].removeprefix("<")
        assert landmark.bytes == 4 * round(float(stated[:-1]) * units[stated[-1]])
        assert landmark.accuracy.n == 10_000 and landmark.source == SOURCE
    assert {m.name: m.accuracy.value for m in PUBLISHED}["WRN40-4, 8.9M"] == 0.967


def test_a_line_has_the_accuracy_and_the_file_of_each_stop(made: tuple[Profile, Ledger, np.ndarray]) -> None:
    profile, ledger, labels = made
    found = frontier.line("a" * 12, "A", profile, ledger, labels)
    assert [p.k for p in found.points] == profile.k.tolist() and [p.bytes for p in found.points] == ledger.file.tolist()
    for row, point in enumerate(found.points):
        assert point.accuracy == accuracy(labels, profile.predicted[row])
        assert point == frontier.at("a" * 12, profile, ledger, row, labels)
    dense = sum(w.nbytes for w in small.weights().values())
    assert found.dense == Landmark("A", dense, found.points[0].accuracy) and ledger.unpruned[DENSE.key] <= dense
    assert len({point.name for point in found.points}) == len(found.points)


def test_answers_to_the_first_images_are_compared_with_their_classes(made: tuple[Profile, Ledger, np.ndarray]) -> None:
    profile, ledger, labels = made
    point = frontier.at("a" * 12, profile.first(50), ledger, 3, labels)
    assert point.accuracy == accuracy(labels[:50], profile.predicted[3, :50])


# --- the figure -------------------------------------------------------------------------------------------------


def test_every_point_stands_at_its_bytes_and_accuracy_and_names_its_network(lines: list[Line]) -> None:
    figure = figures.frontier(lines, PUBLISHED)
    drawn = figure.at(0).data  # plotly.py checks it
    for line, trace in zip(lines, drawn[1:], strict=False):
        assert list(trace.ids) == [point.name for point in line.points]
        assert [*zip(trace.x, trace.y, strict=True)] == [*map(figures.place, line.points)]
        for point, text in zip(line.points, trace.text, strict=True):
            errors = max(1 - point.accuracy.value, 0.5 / point.accuracy.n)
            assert figures.place(point)[1] == pytest.approx(-math.log10(errors), abs=1e-4)
            assert f"{point.bytes:,}" in text and f"{100 * point.accuracy.low:.2f}" in text
    assert figure.picks == (1, 2, 3) and list(drawn[3].ids) == [line.points[0].name for line in lines]
    assert not drawn[-1].x and len({(trace.line.color, trace.marker.symbol) for trace in drawn[1:3]}) == 2
    assert drawn[2].name == "&lt;b&gt;%&#123;x}"


def test_the_pareto_line_carries_the_intervals(lines: list[Line]) -> None:
    figure = figures.frontier(lines, ())
    best, trace = frontier.pareto(p for line in lines for p in line.points), figure.at(0).data[0]
    assert list(trace.x) == [point.bytes for point in best]
    for point, y, up, down in zip(best, trace.y, trace.error_y.array, trace.error_y.arrayminus, strict=True):
        assert y + up == pytest.approx(-math.log10(1 - min(point.accuracy.high, 1 - 0.5 / point.accuracy.n)), abs=1e-3)
        assert y - down == pytest.approx(-math.log10(1 - point.accuracy.low), abs=1e-3)


@pytest.mark.parametrize("published", [(), PUBLISHED])
def test_all_is_within_the_axes_and_a_small_screen_changes_only_what_is_there(
    lines: list[Line], published: tuple[Landmark, ...]
) -> None:
    figure = figures.frontier(lines, published)
    layout = figure.at(0).layout
    for trace in figure.at(0).data[:-1]:
        assert all(layout.xaxis.range[0] < math.log10(x) < layout.xaxis.range[1] for x in trace.x)
        assert all(layout.yaxis.range[0] < y < layout.yaxis.range[1] for y in trace.y)
    assert len(layout.annotations) == len(published)
    narrow = figure.at(0)
    narrow.plotly_relayout(dict(figure.narrow))
    texts = [note.text for note in narrow.layout.annotations]
    assert len({*texts}) == len(published) and all(
        t in m.name.replace("<", "&lt;") for t, m in zip(texts, published, strict=True)
    )
    assert json.loads(json.dumps(figure.to_json()))["name"] == "frontier"


def test_on_a_small_screen_no_name_covers_a_mark_or_another_name(lines: list[Line]) -> None:
    near = [replace(PUBLISHED[0], name="Another, far", bytes=PUBLISHED[0].bytes * 20), *PUBLISHED]
    drawn = figures.frontier(lines, near).at(0)
    marks = [(math.log10(x), y) for trace in drawn.data[:-1] for x, y in zip(trace.x, trace.y, strict=True)]
    wide, high = (drawn.layout[axis].range for axis in ("xaxis", "yaxis"))
    letter, line = (wide[1] - wide[0]) * 5.2 / 300, (high[1] - high[0]) * 12 / 310  # of a font of 10 pixels
    drawn.plotly_relayout(dict(figures.frontier(lines, near).narrow))
    names = [note for note in drawn.layout.annotations if note.visible]
    boxes = [
        (n.x - len(n.text) * letter, n.x, *((n.y - 1.4 * line, n.y) if n.yanchor == "top" else (n.y, n.y + 1.4 * line)))
        for n in names
    ]
    assert 0 < len(names) < len(near)
    for left, right, low, top in boxes:
        assert not [x for x, y in marks if left < x < right and low < y < top]
    for a, b in itertools.combinations(boxes, 2):
        assert not (a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3])


def test_a_network_without_errors_is_drawn_with_half_of_one() -> None:
    x, y = figures.place(Point("a" * 12, 0.0, 0, 500, Proportion(400, 400)))
    assert x == 500 and y == pytest.approx(math.log10(800), abs=1e-4)
