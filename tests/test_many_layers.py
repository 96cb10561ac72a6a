"""Networks of 1 to 500 layers: every layer's figure stays readable, and every name is shown as it is written."""

import gzip
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from core import figures, panels
from core.drawing import packed
from core.evaluation.parts import compute
from core.evaluation.profile import STOPS, Profile
from core.evaluation.repaired import Spread
from core.figures import LiveFigure
from core.figures.base import layer_title
from core.figures.labels import LONGEST, label
from core.figures.layers import MANY, labelled, largest, shortened, titles
from core.panels import Panel
from core.pruning import PruningConfig, Ranking, Weights, rank
from core.pruning.distributions import Distributions, Histogram, OrderedLayer
from core.store.runs import RunStore
from core.words import wording
from pages.ui.components import live_panel
from tests import shelf, small
from tests.hard_names import NAMES

SHAPES = ((12, 8, 1, 1), (16, 1, 3, 3), (12, 8, 3, 3), (6, 4, 3), (4, 3, 3, 3, 3), (20, 10))
"""Pointwise, depthwise and ordinary convolutions, of one and of three dimensions, and fully connected."""
LABELS = np.arange(100, dtype=np.uint8) % 10
some_layers = pytest.mark.parametrize("layers", [1, 2, MANY, MANY + 1, 121, 500])


def name(i: int) -> str:
    """As ONNX writes them."""
    return f"/features/features.{i}/conv/conv.{i % 3}/conv.{i % 3}.0/Conv.weight"


@cache
def network(layers: int, named: Callable[[int], str] = name) -> dict[str, NDArray[np.float32]]:
    """Layers of all kinds in turn; later ones are larger."""
    rng = np.random.default_rng(layers)
    shapes = [((1 + i // 6) * SHAPES[i % 6][0], *SHAPES[i % 6][1:]) for i in range(layers)]
    return {named(i): rng.standard_normal(shape, np.float32) for i, shape in enumerate(shapes)}


def infer(weights: Weights) -> NDArray[np.float32]:
    """Logits (100, 10), which lose the truth as weights go."""
    left = np.mean([np.count_nonzero(w) / w.size for w in weights.values()])
    noise = np.random.default_rng(5).standard_normal((100, 10))
    return np.asarray(3 * left * np.eye(10)[LABELS] + noise, np.float32)


@cache
def ranked(layers: int, named: Callable[[int], str] = name) -> Ranking:
    return rank(network(layers, named), PruningConfig())


@cache
def profile(layers: int, named: Callable[[int], str] = name) -> Profile:
    return compute(network(layers, named), ranked(layers, named), infer, LABELS)


@cache
def panel(layers: int, named: Callable[[int], str] = name) -> Panel:
    shown = profile(layers, named), network(layers, named), ranked(layers, named)
    return panels.pruning(*shown, LABELS, small.CLASSES)


def drawn(shown: Panel) -> dict[str, LiveFigure]:
    return {placed.figure.name: placed.figure for placed in shown.figures}


def counted(trace: Any) -> Any:
    """The counts of a trace, which are its heights or beside them."""
    return trace.y if trace.customdata is None else trace.customdata


# --- which layers -----------------------------------------------------------------------------------------------


@some_layers
@pytest.mark.parametrize("figure", ["distributions", "zoom"])
def test_small_multiples_show_the_layers_with_most_weights_in_their_order_and_say_so(layers: int, figure: str) -> None:
    shown, weights = drawn(panel(layers))[figure], network(layers)
    sizes = sorted((w.size for w in weights.values()), reverse=True)[:MANY]
    traces, notes = shown.base["data"], shown.at(20).layout.annotations
    names = [trace["hovertemplate"].partition("<extra>")[2].removesuffix("</extra>") for trace in traces[::2]]
    at = [[label(layer_title(full)) for full in weights].index(full) for full in names]
    assert len(at) == len(notes) == min(layers, MANY) and at == sorted(set(at))
    assert sorted((list(weights.values())[j].size for j in at), reverse=True) == sizes
    said = f" ({MANY} of {layers} layers, those with most weights)" if layers > MANY else ""
    assert shown.title == {"distributions": "Weights of each layer", "zoom": "Around the threshold"}[figure] + said


@pytest.mark.parametrize("stop", [0, 20, 35, len(STOPS) - 1])
def test_the_counts_of_the_layers_that_are_shown_are_theirs(stop: int) -> None:
    known, shown = profile(121), drawn(panel(121))
    parts = Distributions.of(network(121), ranked(121))
    cut = float(known.threshold[stop])
    for place, j in enumerate(largest(known.sizes)):
        k, n, layer = int(known.layer_k[stop, j]), int(known.sizes[j]), parts.layers[j]
        for figure, h in (("distributions", layer.at(k)), ("zoom", layer.near(k, cut or layer.smallest))):
            at = shown[figure].at(stop)
            counts = [list(counted(trace)) for trace in at.data[2 * place : 2 * place + 2]]
            assert counts == [[*h.removed], [*h.kept]]
            assert at.layout.shapes[place].visible == (cut > 0)
        whole = shown["distributions"].at(stop).layout
        assert whole.shapes[place].x1 == cut
        assert f"{wording.count(k)} of {wording.count(n)} removed" in whole.annotations[place].text


def test_histograms_of_layers_that_are_not_shown_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = set[str]()
    for method in ("at", "near"):
        real = getattr(OrderedLayer, method)

        def counted(layer: OrderedLayer, *rest: Any, real: Any = real) -> Histogram:
            made.add(layer.name)
            h: Histogram = real(layer, *rest)
            return h

        monkeypatch.setattr(OrderedLayer, method, counted)
    panels.pruning(profile(121), network(121), ranked(121), LABELS, small.CLASSES)
    assert made == {profile(121).names[j] for j in largest(profile(121).sizes)}


def test_refitted_weights_are_those_of_the_layers_that_are_shown() -> None:
    known, stops = profile(121), len(profile(121).sparsity)
    whole = np.arange(stops * 121 * 61).reshape(stops, 121, 61)
    near = np.arange(stops * 121 * 30).reshape(stops, 121, 30)
    spread = Spread(known.sparsity, whole, near)
    shown = drawn(panels.pruning(known, network(121), ranked(121), LABELS, small.CLASSES, refitted=spread))
    for figure, counts in (("distributions", whole), ("zoom", near)):
        lines = shown[figure].at(9).data[2 * MANY :]
        assert [list(counted(line)) for line in lines] == counts[9, largest(known.sizes)].tolist()


@some_layers
def test_the_panel_stays_small(layers: int) -> None:
    content = packed(panel(layers).to_json())
    assert len(content) < 3_000_000 and len(gzip.decompress(content)) < 10_000_000


# --- shares over layers -----------------------------------------------------------------------------------------


@some_layers
def test_shares_are_drawn_of_all_layers_in_a_bounded_figure_whose_names_have_room(layers: int) -> None:
    figure, known = drawn(panel(layers))["layers"], profile(layers)
    axis = figure.base["layout"]["yaxis"]
    at = figure.at(20)
    *stems, dots = at.data
    assert list(dots.y) == [label(title) for title in titles(known.names)]
    assert list(dots.text) == [f"{k:,} of {n:,}" for k, n in zip(known.layer_k[20], known.sizes, strict=True)]
    assert [x for stem in stems for x in stem.x[1::3]] == list(dots.x)
    assert len(stems) == (layers if layers <= MANY else 1)
    height, ticks = figure.base["layout"]["height"], axis["tickvals"]
    assert height <= 900 and (height - 80) / max(len(ticks), 1) >= 12 and set(ticks) <= set(dots.y)
    assert len(ticks) == len(axis["ticktext"]) == len(set(axis["ticktext"]))
    assert list(axis["categoryarray"]) == list(dots.y)[::-1]
    assert layers <= MANY or dots.mode == "markers"


def test_a_name_that_is_not_next_to_the_axis_is_said_on_hover() -> None:
    dots = drawn(panel(500))["layers"].base["data"][-1]
    assert dots["hovertext"] == [label(layer_title(full)) for full in network(500)]
    assert "%{hovertext}" in dots["hovertemplate"] and "%{text}" in dots["hovertemplate"]
    assert drawn(panel(2, lambda i: f"conv{i}.weight"))["layers"].base["data"][-1]["hoverinfo"] == "skip"


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("longest", [20, LONGEST])
@pytest.mark.parametrize(
    "names",
    [
        [layer_title(name(i)) for i in range(500)],
        [
            f"/features/denseblock{i}/denselayer{j}/conv{k}/Conv"
            for i in (1, 2, 3, 4)
            for j in range(1, 33)
            for k in "12"
        ],
        [f"onnx::MatMul_{i}" for i in range(500)],
        ["a" * 500 + str(i) + "b" * 500 for i in range(300)],
        ["long " * 20 + "1", "long " * 20 + "2", "long"],
        [*NAMES],
    ],
    ids=["mobile", "dense", "matmul", "middle", "long", "hard"],
)
def test_shortened_names_are_short_and_all_different(names: list[str], longest: int) -> None:
    shown = shortened(names, longest)
    assert len(set(shown)) == len(set(names)) and max(map(len, shown)) <= longest
    assert all(short == whole for short, whole in zip(shown, names, strict=True) if len(whole) <= longest)


def test_what_tells_layers_apart_stays() -> None:
    assert shortened(["/features/features.10/conv/conv.0/conv.0.0/Conv"]) == ["/features.10/conv.0.0/Conv"]
    first, second = shortened([f"/features/denseblock1/denselayer{i}/conv2/Conv" for i in (7, 16)], 20)
    assert "7" in first and "16" in second


def test_layers_whose_names_differ_in_their_ends_alone_have_titles_of_their_own() -> None:
    assert titles(["conv1.conv.weight", "fc.weight"]) == ["conv1", "fc"]
    assert titles(["a.conv.weight", "a.weight", "b.weight"]) == ["a.conv", "a", "b"]
    odd = ["a.conv.weight", "a.weight", "a", ".weight", ".conv.weight", "a.weight.weight"]
    assert len(set(titles(odd))) == len(odd) and all(titles(odd))


def hard(i: int) -> str:
    return f"{NAMES[i]}.weight"


@pytest.mark.parametrize("figure", ["layers", "distributions", "zoom"])
def test_names_are_shown_as_they_are_written_wherever_plotly_reads_html(figure: str) -> None:
    shown = drawn(panel(len(NAMES), hard))[figure]
    written = json.dumps([shown.base, [vars(patch) for patch in shown.patches]])
    for mark in ("<b>", "<script", "%{x}"):
        assert mark not in written
    assert len(shown.base["data"]) > 1


@pytest.mark.parametrize("i", range(len(NAMES)))
def test_a_hard_name_is_labelled_on_hover(i: int) -> None:
    [(short, full)] = labelled([hard(i)], 20)
    shown = drawn(panel(1, lambda _: hard(i)))
    assert shown["distributions"].base["layout"]["annotations"][0]["text"] == short
    assert shown["distributions"].base["layout"]["annotations"][0].get("hovertext", short) == full
    assert shown["distributions"].base["data"][0]["hovertemplate"].endswith(f"<extra>{full}</extra>")
    assert full == label(NAMES[i])


@pytest.mark.parametrize("layers", [1, 8, 9, 500])
def test_a_warning_names_a_few_layers(layers: int) -> None:
    last = panel(layers).warnings[-1]
    assert last.startswith("All weights are zero in ") and len(last) < 400
    assert (f" and {layers - 6} more:" in last) == (layers > 8)
    assert max(map(len, panel(layers).warnings)) < 600


# --- kernels ----------------------------------------------------------------------------------------------------


def test_single_weights_form_a_matrix_that_is_covered_like_any_other() -> None:
    known, weights = profile(6), network(6)
    figure = panels.kernels(name(0), known, weights, ranked(6)).figure
    kernel = weights[name(0)][:, :, 0, 0]
    assert figure.base["data"][0]["z"] == kernel.tolist() and figure.base["layout"]["height"] > 150
    assert figure.base["layout"]["yaxis"]["tickvals"] == [0, 7] and figure.base["data"][0]["xgap"] == 1
    stop = 24
    kept = ranked(6).masks(float(known.sparsity[stop]))[name(0)][:, :, 0, 0]
    assert 0 < kept.sum() < kept.size
    cover = figure.at(stop).data[1].z
    assert [[cell == 1 for cell in row] for row in cover] == (~kept).tolist()


def test_kernels_of_a_single_input_stand_side_by_side() -> None:
    figure = panels.kernels(name(1), profile(6), network(6), ranked(6)).figure
    assert (len(figure.base["data"][0]["z"]), len(figure.base["data"][0]["z"][0])) == (3, 16 * 4 - 1)
    assert figure.base["layout"]["xaxis"]["tickvals"] == [1, 29, 61]
    assert "xgap" not in figure.base["data"][0]


def test_a_long_name_is_short_in_the_title_and_whole_on_hover() -> None:
    long = "x" * 200 + ".weight"
    kernel = np.ones((2, 2, 3, 3), np.float32)
    figure = figures.kernel_maps(long, kernel, np.zeros(kernel.shape, np.int64))
    assert len(figure.title) < 120 and f"<extra>{'x' * 200}</extra>" in figure.base["data"][0]["hovertemplate"]
    plain = figures.kernel_maps("<b>.weight", kernel, np.zeros(kernel.shape, np.int64))
    assert plain.title.startswith("Kernels of <b>: ")  # the browser writes a title as text


def test_only_kernels_of_height_and_width_are_convolutions() -> None:
    shapes = {name: w.shape for name, w in network(6).items()} | {"bias": (1, 8, 1, 1)}
    assert panels.convolutions(shapes) == (name(0), name(1), name(2))


# --- the choice of kernels on the page --------------------------------------------------------------------------


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the page has the browser fetch, run after run."""
    seen = list[list[str]]()
    monkeypatch.setattr(live_panel, "live_panel", lambda urls, *_, **__: seen.append(urls))
    return seen


@pytest.fixture
def app(tmp_path: Path, app_on: Callable[[Path], AppTest]) -> AppTest:
    """The app on the shelf's two runs."""
    shelf.fill(tmp_path)
    return app_on(tmp_path)


def holding(shapes: Mapping[str, tuple[int, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run has arrays of these shapes."""
    monkeypatch.setattr(RunStore, "shapes", lambda _self, _run: shapes)


def opened(app: AppTest, **query: str) -> AppTest:
    app.run()
    app.switch_page("prune.py")
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def kernels_widget(app: AppTest) -> list[Any]:
    return [widget for kind in (app.selectbox, app.button_group) for widget in kind if widget.label == "Kernels of"]


def test_without_a_kernel_of_height_and_width_nothing_is_chosen_and_one_panel_fetched(
    app: AppTest, urls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    holding({"fc.weight": (10, 20), "conv.weight": (4, 3, 3), "cube.weight": (4, 3, 3, 3, 3)}, monkeypatch)
    assert kernels_widget(opened(app)) == []
    assert [len(asked) for asked in urls] == [1] * len(urls) and urls and "kernels=" not in urls[-1][0]


@pytest.mark.parametrize(
    ("convolutions", "kind"), [(1, "button_group"), (8, "button_group"), (9, "selectbox"), (121, "selectbox")]
)
def test_many_convolutions_are_chosen_in_a_select_box(
    app: AppTest, urls: list[list[str]], monkeypatch: pytest.MonkeyPatch, convolutions: int, kind: str
) -> None:
    shapes = {name(i): (40, 3, 3, 3) for i in range(convolutions)}
    holding(shapes, monkeypatch)
    (widget,) = kernels_widget(opened(app))
    assert widget.type == kind and len(widget.options) == convolutions
    assert "kernels=%2Ffeatures%2Ffeatures.0%2F" in urls[-1][1] and "filter=1" in urls[-1][1]
    if kind == "selectbox":
        widget.select(titles([*shapes])[7]).run()
        assert "kernels=%2Ffeatures%2Ffeatures.7%2F" in urls[-1][1] and not app.exception


def test_a_link_to_one_of_many_convolutions_chooses_it_and_another_network_has_its_own(
    app: AppTest, urls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {name(i): (4, 3, 1, 1) for i in range(30)}
    holding(shapes, monkeypatch)
    opened(app, kernels=titles([*shapes])[21])
    assert "kernels=%2Ffeatures%2Ffeatures.21%2F" in urls[-1][1] and not app.warning
    for count in (3, 30):
        holding({f"{count}.layer{i}.weight": (4, 3, 1, 1) for i in range(count)}, monkeypatch)
        app.run()
        assert not app.exception and f"kernels={count}.layer0.weight" in urls[-1][1]


def test_names_that_are_markdown_can_be_chosen(
    app: AppTest, urls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    holding({f"{mark}.weight": (4, 3, 3, 3) for mark in (":smile:", "*a*", "a.conv", "a")}, monkeypatch)
    (widget,) = kernels_widget(opened(app))
    assert len(widget.options) == 4 and "kernels=%3Asmile%3A.weight" in urls[-1][1]


def test_layers_whose_names_differ_in_spaces_alone_can_each_be_chosen(
    app: AppTest, urls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    holding({"a b.weight": (4, 3, 3, 3), "a  b.weight": (4, 3, 3, 3)}, monkeypatch)
    (widget,) = kernels_widget(opened(app))
    for chosen, asked in (("a  b", "kernels=a++b.weight"), ("a b", "kernels=a+b.weight")):
        widget.set_value(chosen).run()
        assert asked in urls[-1][1] and not app.exception
