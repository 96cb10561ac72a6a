"""What a figure draws at a stop is what was computed there."""

import base64
import io
import json
import re
import tomllib
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image
from sklearn import metrics

from core import figures, panels
from core.errors import PruningError
from core.evaluation import by_class, confusion_matrix
from core.evaluation.answers import first_changes
from core.evaluation.profile import STOPS, Profile
from core.figures import LiveFigure, SparsityAxis, colours
from core.figures.base import Patch, hundredths, nth
from core.figures.weights import KERNELS
from core.panels import Placed
from core.panels.confidence import confidence
from core.progress import Epoch
from core.pruning import kernels, prune, rank
from core.pruning.distributions import BINS, Distributions, Histogram
from core.words import wording
from tests import small

STOPS_TRIED = (0, 4, 12, 20, 29, len(STOPS) - 1)
"""0, 0.01, 5, 45, 90 and 100 %."""
OTHERS = ("outcomes", "recall", "precision", "probabilities", "story", "maps")
AFTER_REPAIR = ("confidence", "reliability", "payers")
NAMES = ("curve", "layers", "distributions", "zoom", "dense", "pruned", "difference", "kernels", *AFTER_REPAIR, *OTHERS)


def matrices(profile: Profile) -> list[Any]:
    return [confusion_matrix(small.LABELS, row, 10) for row in profile.predicted]


def drawn(criterion: str = "magnitude", scope: str = "global") -> dict[str, LiveFigure]:
    """Every figure of the panel."""
    profile = small.profile(criterion, scope)
    comparisons, counts = profile.comparisons(small.LABELS), matrices(profile)
    parts = Distributions.of(small.weights(), small.ranking(profile.pruning))
    cuts = [parts.cuts(k) for k in profile.layer_k]
    all_of = (
        figures.accuracy_curve(profile, comparisons),
        figures.layer_shares(profile),
        figures.distributions([parts.at(k) for k in profile.layer_k], cuts),
        figures.around_the_cut([parts.near(k) for k in profile.layer_k], cuts),
        figures.confusion("dense", "Dense", counts[:1], small.CLASSES),
        figures.confusion("pruned", "Pruned", counts, small.CLASSES),
        figures.confusion_difference([m - counts[0] for m in counts], small.CLASSES),
        panels.kernels("conv2.weight", profile, small.weights(), small.ranking(profile.pruning)).figure,
        *(placed.figure for placed in confidence(profile, small.LABELS)[1]),
        figures.brought_back([m[:, :3] for m in counts], small.CLASSES, [20] * 10),
        *(placed.figure for panel in others(profile) for placed in panel.figures if placed.figure.name in OTHERS),
    )
    return {figure.name: figure for figure in all_of}


def others(profile: Profile) -> tuple[panels.Panel, ...]:
    """The panels of the Images page."""
    trace = small.trace(profile.pruning.criterion, profile.pruning.scope)
    return (
        panels.answers(profile, small.LABELS, small.CLASSES),
        panels.classwise(profile, small.LABELS, small.CLASSES),
        panels.story(trace, profile, small.CLASSES, 3),
    )


PROFILE = small.profile()
COMPARISONS = PROFILE.comparisons(small.LABELS)
DRAWN = drawn()
AXIS = SparsityAxis.over(PROFILE.sparsity)
every_figure = pytest.mark.parametrize("name", NAMES)
some_stops = pytest.mark.parametrize("stop", STOPS_TRIED)


def plain(figure: go.Figure) -> Any:
    """The figure as JSON, without plotly.py's own theme."""
    content = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return content


def parent(layout: Any, path: str) -> Any:
    """The dictionary whose attribute a path such as `shapes[0].x0` names; raises where there is none."""
    for key in re.split(r"[.\[\]]+", path)[:-1]:
        layout = layout[int(key) if key.isdigit() else key]
    return layout


# --- all figures ------------------------------------------------------------------------------------------------


@every_figure
def test_a_base_is_in_plotly_js_own_form(name: str) -> None:
    base = DRAWN[name].base
    assert plain(go.Figure(base)) == json.loads(json.dumps(base))


@every_figure
def test_a_patch_touches_only_what_exists(name: str) -> None:
    figure = DRAWN[name]
    for patch in figure.patches:
        assert all(figure.base["data"][trace] for trace in patch.data)
        for path in patch.layout:
            parent(figure.base["layout"], path)


@every_figure
@some_stops
def test_plotly_accepts_every_patched_figure(name: str, stop: int) -> None:
    before, after = go.Figure(DRAWN[name].base), DRAWN[name].at(stop)
    for part in ("shapes", "annotations"):
        assert len(after.layout[part]) == len(before.layout[part])
    assert len(after.data) == len(before.data)


@every_figure
def test_a_figure_has_a_patch_for_each_stop_or_is_the_same_at_all(name: str) -> None:
    assert len(DRAWN[name].patches) == (0 if name in ("dense", "kernels") else len(STOPS))


@every_figure
def test_a_figure_survives_its_way_through_json(name: str) -> None:
    figure = DRAWN[name]
    written = json.dumps(panels.to_json(Placed(figure, 12))["figure"])
    read = json.loads(written)
    patches = tuple(Patch({int(i): d for i, d in p["data"].items()}, p["layout"]) for p in read["patches"])
    since = {int(i): rows for i, rows in read["since"].items()}
    again = LiveFigure(**{**read, "patches": patches, "since": since})
    assert plain(again.at(4, "log")) == plain(figure.at(4, "log"))


@every_figure
def test_a_narrow_layout_refers_to_what_the_figure_has(name: str) -> None:
    figure = DRAWN[name]
    for path in figure.narrow:
        assert path == "height" or parent(figure.base["layout"], path)


@every_figure
def test_an_option_and_its_absence_set_the_same_values(name: str) -> None:
    for chosen, otherwise in DRAWN[name].options.values():
        assert chosen.keys() == otherwise.keys() and chosen != otherwise
        for path in chosen:
            parent(DRAWN[name].base["layout"], path)


def test_only_the_curves_and_the_story_stand_for_the_stops() -> None:
    assert {name for name, figure in DRAWN.items() if figure.stops_of} == {"curve", "confidence", "story"}
    traces = [DRAWN["curve"].base["data"][i] for i in DRAWN["curve"].stops_of]
    assert all(len(trace["x"]) == len(STOPS) and trace["name"] == "As is" for trace in traces)


# --- colours ----------------------------------------------------------------------------------------------------


def theme() -> dict[str, Any]:
    config = Path(__file__).parent.parent / ".streamlit" / "config.toml"
    found: dict[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))["theme"]
    return found


def rgb(colour: str) -> tuple[int, ...]:
    """Of `#D55E00` or `rgba(213, 94, 0, 0.18)`."""
    if colour.startswith("#"):
        return tuple(bytes.fromhex(colour[1:]))
    return tuple(int(n) for n in re.findall(r"\d+", colour)[:3])


def test_colours_are_those_of_the_theme() -> None:
    roles = theme()
    assert roles["chartCategoricalColors"][:2] == [colours.DENSE, colours.PRUNED]
    assert (roles["blueColor"], roles["orangeColor"]) == (colours.DENSE, colours.PRUNED)
    assert roles["light"]["chartDivergingColors"][0] == roles["dark"]["chartDivergingColors"][0] == colours.DENSE
    assert roles["light"]["chartDivergingColors"][-1] == roles["dark"]["chartDivergingColors"][-1] == colours.PRUNED
    assert rgb(colours.CUT) == rgb(colours.PRUNED) and rgb(colours.GRID) == rgb(colours.GREY)


def test_counts_are_shaded_in_the_dense_colour_and_differences_from_dense_to_pruned() -> None:
    counts, difference = (DRAWN[name].base["data"][0]["colorscale"] for name in ("pruned", "difference"))
    assert {rgb(colour) for _, colour in counts} == {rgb(colours.DENSE)}
    assert {rgb(colour) for at, colour in difference if at < 0.5} == {rgb(colours.DENSE)}
    assert {rgb(colour) for at, colour in difference if at > 0.5} == {rgb(colours.PRUNED)}
    for scale in (counts, difference):
        assert (scale[0][0], scale[-1][0]) == (0, 1)
        assert all(low < high for (low, _), (high, _) in pairwise(scale))


def test_no_figure_has_a_ground_or_a_font_of_its_own() -> None:
    for figure in DRAWN.values():
        layout = figure.base["layout"]
        assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
        assert layout["font"].keys() == {"size"}


# --- the axis of sparsity ---------------------------------------------------------------------------------------


def test_the_axis_keeps_the_order_of_the_stops_and_both_ends_in_range() -> None:
    places = [AXIS.place(percent / 100) for percent in STOPS]
    assert all(low < high for low, high in pairwise(places))
    low, high = AXIS.layout()["range"]
    assert low < places[0] and places[-1] < high


def test_a_thousandth_percent_and_99_percent_have_alike_room() -> None:
    places = {percent: AXIS.place(percent / 100) for percent in STOPS}
    low, high = AXIS.layout()["range"]
    assert (places[0.002] - places[0.001]) / (high - low) > 0.02
    assert (places[99] - places[98]) / (high - low) > 0.02


@pytest.mark.parametrize("own", [1e-9, 0.00025, 0.999999])
def test_a_sparsity_between_the_stops_stands_between_them(own: float) -> None:
    profile = small.profile(own=own)
    axis = SparsityAxis.over(profile.sparsity)
    places = [axis.place(s) for s in profile.sparsity]
    assert all(low < high for low, high in pairwise(places))


@pytest.mark.parametrize("narrow", [False, True])
def test_a_tick_stands_where_its_label_says(narrow: bool) -> None:
    spec = AXIS.narrow("xaxis") if narrow else {f"xaxis.{key}": value for key, value in AXIS.layout().items()}
    assert spec["xaxis.ticktext"][0] == "0" and spec["xaxis.ticktext"][-1] == "100"
    for place, text in zip(spec["xaxis.tickvals"], spec["xaxis.ticktext"], strict=True):
        assert place == AXIS.place(float(text) / 100)


# --- accuracy over sparsity -------------------------------------------------------------------------------------


@some_stops
def test_the_marks_stand_on_the_accuracy_and_the_difference_of_their_stop(stop: int) -> None:
    figure, c, x = DRAWN["curve"].at(stop), COMPARISONS[stop], AXIS.place(PROFILE.sparsity[stop])
    accuracy, difference = (trace for trace in figure.data if trace.name == "mark")
    floor, ceiling = figure.layout.yaxis2.range
    assert (accuracy.x[0], accuracy.y[0]) == (x, hundredths(c.pruned.value))
    assert (difference.x[0], difference.y[0]) == (x, min(max(hundredths(c.difference), floor), ceiling))
    assert [(s.x0, s.x1) for s in figure.layout.shapes if s.xref in ("x", "x2")] == [(x, x), (x, x)]


def test_the_lines_and_bands_are_the_accuracies_and_differences_with_their_intervals() -> None:
    band, line, band2, line2 = DRAWN["curve"].base["data"][:4]
    assert line["y"] == [hundredths(c.pruned.value) for c in COMPARISONS]
    assert line2["y"] == [hundredths(c.difference) for c in COMPARISONS]
    assert line["x"] == line2["x"] == [AXIS.place(s) for s in PROFILE.sparsity]
    for spec, intervals in ((band, [c.pruned for c in COMPARISONS]), (band2, COMPARISONS)):
        assert spec["y"] == [hundredths(i.high) for i in intervals] + [hundredths(i.low) for i in intervals[::-1]]
        assert spec["x"] == line["x"] + line["x"][::-1]


def test_the_difference_axis_shows_all_intervals_up_to_20_percent() -> None:
    floor, ceiling = DRAWN["curve"].base["layout"]["yaxis2"]["range"]
    for s, c in zip(PROFILE.sparsity, COMPARISONS, strict=True):
        assert s > 0.2 or floor < 100 * c.low < 100 * c.high < ceiling


def test_hovered_stops_say_their_own_numbers() -> None:
    accuracy, difference = DRAWN["curve"].base["data"][1]["hovertext"], DRAWN["curve"].base["data"][3]["hovertext"]
    for i, c in enumerate(COMPARISONS):
        assert wording.sparsity(PROFILE.sparsity[i]) in accuracy[i] and wording.accuracy(c.pruned) in accuracy[i]
        assert wording.removed(PROFILE.k[i], 2_344) in accuracy[i] and wording.difference(c) in difference[i]


# --- share pruned per layer -------------------------------------------------------------------------------------


@some_stops
def test_each_layer_stands_at_its_share_and_says_its_count(stop: int) -> None:
    figure = DRAWN["layers"].at(stop)
    axis = SparsityAxis(*(figure.layout.xaxis.tickvals[end] for end in (0, -1)))
    shares = PROFILE.layer_k[stop] / PROFILE.sizes
    *stems, dots = figure.data
    assert list(dots.y) == ["conv1", "conv2", "fc1", "fc2"]
    assert list(dots.x) == [stem.x[1] for stem in stems] == [axis.place(s) for s in shares]
    assert list(dots.text) == [f"{k:,} of {n:,}" for k, n in zip(PROFILE.layer_k[stop], PROFILE.sizes, strict=True)]
    overall = axis.place(PROFILE.k[stop] / 2_344)
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (overall, overall)


def test_only_a_layer_that_is_all_gone_stands_at_100_percent() -> None:
    for stop in range(len(STOPS)):
        figure = DRAWN["layers"].at(stop)
        low, high = (figure.layout.xaxis.tickvals[end] for end in (0, -1))
        for x, k, n in zip(figure.data[-1].x, PROFILE.layer_k[stop], PROFILE.sizes, strict=True):
            assert (x == low, x == high) == (k == 0, k == n)


# --- layerwise weight distributions -----------------------------------------------------------------------------


@some_stops
@pytest.mark.parametrize("scope", ["global", "layerwise"])
def test_removed_and_kept_bars_add_up_to_the_layer(scope: str, stop: int) -> None:
    profile, figure = small.profile(scope=scope), drawn(scope=scope)["distributions"].at(stop)
    for j, (k, n) in enumerate(zip(profile.layer_k[stop], profile.sizes, strict=True)):
        removed, kept = figure.data[2 * j : 2 * j + 2]
        assert (sum(removed.y), sum(kept.y)) == (k, n - k)
        assert f"{k:,} of {n:,} removed" in figure.layout.annotations[j].text
        assert len(removed.x) == len(kept.x) == len(removed.y) == len(kept.y) == BINS
        assert (removed.marker.color, kept.marker.color) == (colours.PRUNED, colours.GREY)


@some_stops
@pytest.mark.parametrize("scope", ["global", "layerwise"])
def test_the_band_is_the_cut_and_is_drawn_only_where_there_is_one(scope: str, stop: int) -> None:
    live, profile = drawn(scope=scope), small.profile(scope=scope)
    whole, zoom = live["distributions"].at(stop).layout.shapes, live["zoom"].at(stop).layout.shapes
    parts = Distributions.of(small.weights(), small.ranking(profile.pruning))
    for band, near, cut in zip(whole, zoom, parts.cuts(profile.layer_k[stop]), strict=True):
        assert (band.x0, band.x1, band.visible) == (-cut, cut, cut > 0)
        assert (near.x0, near.x1, near.visible) == (-1, 1, cut > 0)


@some_stops
def test_the_zoom_shows_every_removed_weight_inside_the_band_and_says_what_the_band_is(stop: int) -> None:
    figure, cut = DRAWN["zoom"].at(stop), float(PROFILE.threshold[stop])
    for j, k in enumerate(PROFILE.layer_k[stop]):
        removed, kept = figure.data[2 * j : 2 * j + 2]
        inside = np.abs(removed.x) < 1
        assert np.asarray(removed.customdata)[inside].sum() == sum(removed.customdata) == k
        text = figure.layout.annotations[j].text
        if cut:
            assert not np.asarray(kept.y)[inside].any()
            assert f"threshold {wording.magnitude(cut)}<" in text
            assert removed.meta == kept.meta == wording.magnitude(cut)
        else:
            assert f"smallest weight {removed.meta}<" in text


@some_stops
@pytest.mark.parametrize("options", [(), ("log",)])
def test_heights_around_the_threshold_are_shares_of_the_highest_count_on_axes_that_stay(
    options: tuple[str, ...], stop: int
) -> None:
    first, figure = (DRAWN["zoom"].at(at, *options) for at in (0, stop))
    for j in range(4):
        removed, kept = figure.data[2 * j : 2 * j + 2]
        counts = np.array([removed.customdata, kept.customdata])
        top = max(counts.sum(axis=0).max(), 1)
        assert f"highest count {top:,}<" in figure.layout.annotations[j].text
        np.testing.assert_allclose([removed.y, kept.y], counts / top, rtol=0.005)
        assert "%{customdata:,} removed" in removed.hovertemplate and "%{customdata:,} kept" in kept.hovertemplate
        for axis in (f"xaxis{nth(j)}", f"yaxis{nth(j)}"):
            assert figure.layout[axis] == first.layout[axis] and len(figure.layout[axis].range) == 2
        low, high = figure.layout[f"yaxis{nth(j)}"].range
        one, all_of_them = np.log10([1 / top, 1]) if options else (1 / top, 1)
        assert low < one <= all_of_them < high


def test_without_cuts_no_band_is_drawn() -> None:
    weights = small.weights()
    profile = small.profile("signed")
    parts = Distributions.of(weights, rank(weights, profile.pruning, small.gradients()))
    figure = figures.distributions([parts.at(k) for k in profile.layer_k])
    assert len(figure.at(20).layout.shapes) == 0


@pytest.mark.parametrize("name", ["distributions", "zoom"])
def test_counts_are_on_the_axis_asked_for(name: str) -> None:
    for options, kind in ((("log",), "log"), ((), "linear")):
        layout = DRAWN[name].at(4, *options).layout
        assert {layout[f"yaxis{n}"].type for n in ("", 2, 3, 4)} == {kind}


@some_stops
@pytest.mark.parametrize("options", [(), ("log",)])
def test_all_counts_are_on_an_axis_that_stays(options: tuple[str, ...], stop: int) -> None:
    first, figure = (DRAWN["distributions"].at(at, *options) for at in (0, stop))
    for j in range(4):
        low, high = figure.layout[f"yaxis{nth(j)}"].range
        assert (low, high) == first.layout[f"yaxis{nth(j)}"].range
        total = max(map(sum, zip(figure.data[2 * j].y, figure.data[2 * j + 1].y, strict=True)))
        assert low < (np.log10(total) if options else total) < high


def test_no_text_that_changes_is_empty() -> None:
    for figure in DRAWN.values():
        for trace in [*figure.base["data"], *(t for patch in figure.patches for t in patch.data.values())]:
            assert "" not in (trace.get("text") or ()), figure.name


def test_layers_have_one_weight_axis_or_each_its_own() -> None:
    reach = [float(np.abs(kernel).max()) for kernel in kernels(small.weights()).values()]
    for options, ends in ((("common",), [max(reach)] * 4), ((), reach)):
        layout = DRAWN["distributions"].at(4, *options).layout
        ranges = [layout[f"xaxis{n}"].range for n in ("", 2, 3, 4)]
        assert np.allclose(ranges, [[-end, end] for end in ends])


def test_exact_zeros_are_said_and_not_drawn() -> None:
    weights = small.weights()
    weights["fc1.weight"][:5] = 0
    parts = Distributions.of(weights, rank(weights, PROFILE.pruning, small.gradients()))
    figure = figures.distributions([parts.at([0, 0, 60, 0])]).at(0)
    assert figure.layout.annotations[2].text.endswith("0 of 708 removed</sup><br><sup>60 exact zeros not drawn</sup>")
    assert sum(figure.data[4].y) + sum(figure.data[5].y) == 708


# --- kernels ----------------------------------------------------------------------------------------------------


@some_stops
@pytest.mark.parametrize("scope", ["global", "layerwise"])
@pytest.mark.parametrize("criterion", ["magnitude", "random", "signed"])
def test_kernels_show_every_weight_and_cover_those_that_are_pruned(criterion: str, scope: str, stop: int) -> None:
    profile, weights = small.profile(criterion, scope), small.weights()
    pruned = prune(weights, rank(weights, profile.pruning, small.gradients()), profile.sparsity[stop])["conv2.weight"]
    shown, cover = panels.kernels("conv2.weight", profile, weights, small.ranking(profile.pruning)).figure.at(stop).data
    for f, c in np.ndindex(12, 8):
        for y, x in np.ndindex(3, 3):
            assert shown.z[4 * f + y][4 * c + x] == weights["conv2.weight"][f, c, y, x]
            assert (cover.z[4 * f + y][4 * c + x] == 1) == (pruned[f, c, y, x] == 0)
    assert all(row[3::4] == (None,) * 7 or row[3::4] == [None] * 7 for row in shown.z)


def test_filters_of_one_input_stand_side_by_side_and_large_layers_are_cut_off_and_say_so() -> None:
    first = panels.kernels("conv1.weight", PROFILE, small.weights(), small.ranking(PROFILE.pruning)).figure
    assert len(first.base["data"][0]["z"]) == 3 and first.base["layout"]["xaxis"]["title"]["text"] == "Filter"
    large = np.ones((100, 60, 3, 3), np.float32)
    figure = figures.kernel_maps("conv9.conv.weight", large, np.zeros(large.shape, np.int64))
    side = 4 * KERNELS - 1
    for cells in (figure.base["data"][0]["z"], figure.since[1]):
        assert [len(row) for row in cells] == [side] * side
    assert figure.title == "Kernels of conv9: filters 1 to 24 of 100, inputs 1 to 24 of 60"


def test_the_window_onto_a_large_layer_may_begin_anywhere() -> None:
    large = np.arange(100 * 60 * 9, dtype=np.float32).reshape(100, 60, 3, 3)
    figure = figures.kernel_maps("conv9.conv.weight", large, np.zeros(large.shape, np.int64), (90, 30))
    assert figure.base["data"][0]["z"][4][4:7] == large[91, 31, 0].tolist()
    assert figure.base["layout"]["yaxis"]["ticktext"] == ["91", "98"]
    assert figure.base["layout"]["xaxis"]["ticktext"][0] == "31"
    assert figure.title == "Kernels of conv9: filters 91 to 100 of 100, inputs 31 to 54 of 60"


@pytest.mark.parametrize("first", [(12, 0), (0, 8), (-1, 0)])
def test_a_window_that_begins_outside_of_the_layer_is_refused(first: tuple[int, int]) -> None:
    with pytest.raises(PruningError, match=r"filters 1 to 12 and inputs 1 to 8"):
        panels.kernels("conv2.weight", PROFILE, small.weights(), small.ranking(PROFILE.pruning), first)


def test_a_layer_that_is_no_convolution_has_no_kernels_to_show() -> None:
    with pytest.raises(PruningError, match=r"conv1\.weight, conv2\.weight"):
        panels.kernels("fc1.weight", PROFILE, small.weights(), small.ranking(PROFILE.pruning))


@pytest.mark.parametrize("layers", [1, 2, 3, 5, 6, 7, 11, 40])
def test_small_multiples_do_not_overlap_on_either_screen(layers: int) -> None:
    edges, ones = np.linspace(-1, 1, BINS + 1), np.ones(BINS, np.int64)
    figure = figures.distributions([[Histogram(f"l{j}.weight", edges, ones, ones) for j in range(layers)]])
    wide, narrow = figure.base["layout"], figure.narrow
    axes = [str(j + 1) if j else "" for j in range(layers)]
    for domains in (
        [(wide[f"xaxis{n}"]["domain"], wide[f"yaxis{n}"]["domain"]) for n in axes],
        [(narrow[f"xaxis{n}.domain"], narrow[f"yaxis{n}.domain"]) for n in axes],
    ):
        assert all(0 <= low < high <= 1 for domain in domains for low, high in domain)
        for (x, y), (x2, y2) in combinations(domains, 2):
            assert x[1] <= x2[0] or x2[1] <= x[0] or y2[1] <= y[0]
    assert {path.split(".")[0] for path in narrow if "axis" in path} == {key for key in wide if "axis" in key}


# --- confusion matrices -----------------------------------------------------------------------------------------


@some_stops
def test_matrices_are_scikit_learns(stop: int) -> None:
    oracle, dense = (
        metrics.confusion_matrix(small.LABELS, PROFILE.predicted[row], labels=range(10)) for row in (stop, 0)
    )
    np.testing.assert_array_equal(DRAWN["pruned"].at(stop).data[0].z, oracle)
    np.testing.assert_array_equal(DRAWN["dense"].at(stop).data[0].z, dense)
    np.testing.assert_array_equal(DRAWN["difference"].at(stop).data[0].z, oracle - dense)


@some_stops
@pytest.mark.parametrize("name", ["dense", "pruned", "difference"])
def test_each_cell_says_its_number_differences_with_a_sign(name: str, stop: int) -> None:
    shades, text = DRAWN[name].at(stop).data
    cells = [(true, predicted) for true in small.CLASSES for predicted in small.CLASSES]
    assert list(zip(text.y, text.x, strict=True)) == cells
    for z, said in zip(np.ravel(shades.z), text.text, strict=True):
        sign = "" if name != "difference" or z == 0 else "−" if z < 0 else "+"
        assert said == (f"{sign}{abs(z)}" if z else "\N{NO-BREAK SPACE}")


def test_differences_have_a_symmetric_range_that_holds_them_all() -> None:
    shades = DRAWN["difference"].base["data"][0]
    largest = max(abs(z) for patch in DRAWN["difference"].patches for z in np.ravel(patch.data[0]["z"]))
    assert (shades["zmin"], shades["zmax"]) == (-largest, largest)


def test_a_difference_of_nothing_is_said_in_words() -> None:
    for stop in STOPS_TRIED:
        said = DRAWN["difference"].at(stop).layout.annotations[0].text
        assert said == ("" if COMPARISONS[stop].changed else "No count differs")


def test_the_true_classes_run_down_and_the_predicted_ones_across() -> None:
    layout = DRAWN["pruned"].base["layout"]
    assert tuple(layout["xaxis"]["categoryarray"]) == small.CLASSES
    assert tuple(layout["yaxis"]["categoryarray"]) == small.CLASSES[::-1]
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]) == ("Predicted", "True")


# --- training and overview --------------------------------------------------------------------------------------


def test_learning_curves_are_the_epochs_losses_and_accuracies() -> None:
    epochs = [Epoch(i, 1.0, 1 / i, 0.5 + i / 100, 2 / i, 0.4 + i / 100) for i in (1, 2, 3)]
    figure = figures.learning_curves(epochs, 10)
    lines = {(trace.name, trace.yaxis): list(trace.y) for trace in figure.data}
    assert lines["training", "y"] == [e.loss for e in epochs]
    assert lines["validation", "y"] == [e.validation_loss for e in epochs]
    assert lines["training", "y2"] == [100 * e.train_accuracy for e in epochs]
    assert lines["validation", "y2"] == [100 * e.validation_accuracy for e in epochs]
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range == (0.5, 10.5)


def test_learning_curves_before_the_first_epoch_are_an_empty_frame() -> None:
    figure = figures.learning_curves([], 1)
    assert all(len(trace.x) == 0 for trace in figure.data)
    assert [a.text for a in figure.layout.annotations[2:]] == ["after the first epoch"] * 2
    assert figure.layout.yaxis2.range == (0, 100)


@pytest.mark.parametrize(("of", "step"), [(1, 1), (3, 1), (8, 1), (24, 3), (60, 8)])
def test_learning_curves_count_whole_epochs(of: int, step: int) -> None:
    axis = figures.learning_curves([], of).layout.xaxis
    assert (axis.tick0, axis.dtick) == (0, step)


# --- answers ----------------------------------------------------------------------------------------------------


@some_stops
def test_the_table_of_outcomes_counts_each_image_once(stop: int) -> None:
    cells, texts = DRAWN["outcomes"].at(stop).data
    c = COMPARISONS[stop]
    assert np.asarray(cells.z).tolist() == [[c.both_right, c.lost], [c.gained, c.both_wrong]]
    assert [int(text.partition("<b>")[2].removesuffix("</b>")) for text in texts.text] == np.ravel(cells.z).tolist()


@some_stops
def test_recall_and_precision_stand_at_their_shares_and_are_joined(stop: int) -> None:
    found = by_class(small.LABELS, PROFILE.predicted[0], PROFILE.predicted[stop], 10)
    lines, dense, pruned, texts = DRAWN["recall"].at(stop).data
    recalls = [c.recall for c in found]
    assert [*dense.x] == [r and pytest.approx(100 * r.dense.value, abs=1e-3) for r in recalls]
    assert [*pruned.x] == [r and pytest.approx(100 * r.pruned.value, abs=1e-3) for r in recalls]
    assert [*lines.x[0::3]] == [*dense.x] and [*lines.x[1::3]] == [*pruned.x] and set(lines.x[2::3]) == {None}
    assert [*texts.text] == [wording.points(r.difference) if r else "no images" for r in recalls]
    after = DRAWN["precision"].at(stop).data[2]
    assert [x is None for x in after.x] == [c.pruned_precision is None for c in found]


@some_stops
def test_the_probabilities_of_an_image_are_those_of_its_stop(stop: int) -> None:
    dense, pruned = DRAWN["probabilities"].at(stop).data
    np.testing.assert_allclose(dense.x, 100 * small.trace().probability[0], atol=0.01)
    np.testing.assert_allclose(pruned.x, 100 * small.trace().probability[stop], atol=0.01)


def test_the_story_follows_the_answer_and_its_cells_choose_their_stop() -> None:
    figure, trace = DRAWN["story"], small.trace()
    cells, path = figure.at(20).data
    np.testing.assert_allclose(np.asarray(cells.z).T, 100 * trace.probability, atol=0.01)
    assert [*path.y] == [small.CLASSES[c] for c in trace.predicted]
    assert figure.stops_of == (0, 1) and figure.at(20).layout.shapes[0].x0 == 20


def test_feature_maps_are_black_where_all_weights_are_pruned() -> None:
    figure = DRAWN["maps"]
    start, end = (figure.at(stop).data for stop in (0, len(STOPS) - 1))
    assert start[0].source == start[1].source == end[0].source != end[1].source
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(end[1].source.partition(",")[2]))))
    assert picture.shape == (4, 8 * 4) and set(np.unique(picture)) == {0, 96}  # the lines between them are grey


@pytest.mark.parametrize("chosen", [None, 3])
def test_first_changes_are_drawn_by_class_and_in_all(chosen: int | None) -> None:
    counts = first_changes(PROFILE, small.LABELS, 10)
    bars, cells = figures.first_changes(counts, PROFILE.sparsity, small.CLASSES, chosen).data
    assert [*bars.y] == [*(counts.sum(axis=0) if chosen is None else counts[chosen])]
    assert np.asarray(cells.customdata).tolist() == counts.tolist() and len(bars.x) == len(STOPS) + 1
